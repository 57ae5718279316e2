package plan

import (
	"fmt"
	"math"

	"github.com/commbench/commbench/alltoall/routing"
)

// Plan is a rank's part of an algorithm's plan. The call order is Route; for
// each of the two rounds AppendNote for every peer, TakeNote from every peer,
// Seal.
type Plan interface {
	Route(*routing.Table)
	// Peers are the ranks to and from which the round's notes go, this one included.
	Peers(round int) []int
	// MaxNote is the most bytes that a note of the round can have.
	MaxNote(round int) int
	AppendNote(round, peer int, b []byte) []byte
	TakeNote(round, peer int, b []byte) error
	Seal(round int) error

	// RecvRows is the number of rows that the rank receives.
	RecvRows() int
	// Received is the number of choices that arrive for each of the rank's experts.
	Received() []int32
	// Dispatch and Combine charge l with what this rank will move.
	Dispatch(l *Ledger, row Row)
	Combine(l *Ledger, row Row)
}

// NoteRounds is the number of rounds of notes before a plan is complete.
const NoteRounds = 2

// Algorithm names one of the ways to move tokens.
type Algorithm string

// The algorithms.
const (
	AlgTwoHop   Algorithm = "two-hop"
	AlgDirect   Algorithm = "direct"
	AlgAllToAll Algorithm = "alltoall"

	AlgLowLatency Algorithm = "low-latency"
	AlgPXN        Algorithm = "pxn"
)

// ByExpert says whether the algorithm brings a copy for each choice, and lays copies out by
// expert; else one for each target rank, by source.
func (a Algorithm) ByExpert() bool { return a == AlgAllToAll || a == AlgLowLatency }

// messageHead is what comes before a token in a message of low-latency, in bytes: the
// token's number at its source, and three words that are reserved.
const messageHead = 16

// DispatchRow is what a token is on a link: with all its choices, or by alltoall with the one
// that a copy is for, or by low-latency with a head and nothing else.
func (a Algorithm) DispatchRow(d DType, hidden, topK int) Row {
	switch a {
	case AlgAllToAll:
		topK = 1
	case AlgLowLatency:
		r := DispatchRow(d, hidden, 0)
		r.Meta = messageHead
		return r
	}
	return DispatchRow(d, hidden, topK)
}

// CombineRow is what an output is on a link. By low-latency weights stay at home.
func (a Algorithm) CombineRow(hidden, topK int) Row {
	switch a {
	case AlgAllToAll:
		topK = 1
	case AlgLowLatency:
		topK = 0
	}
	return CombineRow(hidden, topK)
}

// Algorithms lists them all.
var Algorithms = []Algorithm{AlgTwoHop, AlgDirect, AlgAllToAll, AlgLowLatency, AlgPXN}

// New makes a rank's empty plan for the algorithm.
func New(a Algorithm, c Config, rank int) (Plan, error) {
	if c.Channels < 1 || c.Chunk < 1 || c.Rounds < 1 || c.TopK < 1 || c.MaxTokens < 0 {
		return nil, fmt.Errorf("plan: %d channels, chunk %d, %d rounds, top-%d: each must be at least 1", c.Channels, c.Chunk, c.Rounds, c.TopK)
	}
	if rows := c.mostRows(); rows > math.MaxInt32 {
		return nil, fmt.Errorf("plan: a rank may receive %.0f rows; at most %d can be counted", rows, math.MaxInt32)
	}
	switch a {
	case AlgTwoHop:
		return NewTwoHop(c, rank), nil
	case AlgDirect:
		return NewDirect(c, rank), nil
	case AlgAllToAll:
		return NewAllToAll(c, rank), nil
	case AlgLowLatency:
		return NewLowLatency(c, rank), nil
	case AlgPXN:
		return NewPXN(c, rank), nil
	}
	return nil, fmt.Errorf("plan: no algorithm %q; there are %v", a, Algorithms)
}

// mostRows bounds every sum of counts that a plan makes: the choices of all
// ranks' tokens, and the padding of the alignment. It is a float64 because the
// product of numbers that nobody has checked may overflow.
func (c *Config) mostRows() float64 {
	choices := float64(c.Place.Ranks()) * float64(c.MaxTokens) * float64(c.TopK)
	return choices + float64(c.Place.PerRank())*float64(max(c.Alignment, 1)-1)
}

// Build makes the plans of all ranks in one place, passing the notes by hand.
// It is what sizes buffers, and what a model of the traffic needs; ranks
// that run exchange the same notes over a transport. The plans have no bitmaps
// any more (Layout.InRank): those of 2,048 ranks with 4,096 tokens each are 2 GiB.
func Build(a Algorithm, c Config, tables []routing.Table) ([]Plan, error) {
	if len(tables) != c.Place.Ranks() {
		return nil, fmt.Errorf("plan: %d routing tables for %d ranks", len(tables), c.Place.Ranks())
	}
	plans := make([]Plan, len(tables))
	var bitmap, hits []uint64
	for r := range tables {
		if tables[r].Tokens > c.MaxTokens {
			return nil, fmt.Errorf("plan: rank %d holds %d tokens, more than the %d agreed on", r, tables[r].Tokens, c.MaxTokens)
		}
		p, err := New(a, c, r)
		if err != nil {
			return nil, err
		}
		own := p.(interface{ layout() *Layout }).layout()
		own.InRank, own.hits = bitmap, hits
		p.Route(&tables[r])
		bitmap, own.InRank, hits, own.hits = own.InRank, nil, own.hits, nil
		plans[r] = p
	}
	var note []byte
	for round := range NoteRounds {
		for r, p := range plans {
			for _, peer := range p.Peers(round) {
				note = p.AppendNote(round, peer, note[:0])
				if err := plans[peer].TakeNote(round, r, note); err != nil {
					return nil, err
				}
			}
		}
		for _, p := range plans {
			if err := p.Seal(round); err != nil {
				return nil, err
			}
		}
	}
	return plans, nil
}

// Signals is the number of signals that a stream of n tokens needs: one for
// each chunk, the last one perhaps short.
func (c *Config) Signals(n int) int64 { return int64((n + c.Chunk - 1) / c.Chunk) }
