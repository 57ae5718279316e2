package plan

import (
	"fmt"

	"github.com/commbench/commbench/alltoall/routing"
)

// Direct is a rank's part of the direct plan: a token goes once to each of its
// target ranks, with no forwarding.
type Direct struct {
	Config
	Rank int
	Layout

	First []int32 // [tokens+1] targets of token i are First[i]:First[i+1]
	To    []int32 // [targets] target rank, ascending within a token
	Slot  []int32 // [targets] row in the target rank's receive buffer
	Rows  []int32 // [channels][ranks] targets by channel and rank

	From        []int32 // [ranks+1] rows From[r]:From[r+1] of the receive buffer are from rank r
	FromChannel []int32 // [ranks][channels+1] the same by source channel, as absolute rows
	RecvExperts []int32 // [experts of the rank] choices that arrive for each

	inRows    [][]int32 // [ranks][channels] rows that come from each rank
	inExperts [][]int32 // [ranks][experts of the rank]
	base      []int32   // [ranks] this rank's first slot at each target
	next      []int32   // [ranks] running slot at each target
}

// NewDirect makes the empty plan of a rank.
func NewDirect(c Config, rank int) *Direct {
	ranks := c.Place.Ranks()
	d := &Direct{
		Config: c, Rank: rank,
		Layout:      newLayout(c.Place),
		Rows:        make([]int32, c.Channels*ranks),
		From:        make([]int32, ranks+1),
		FromChannel: make([]int32, ranks*(c.Channels+1)),
		RecvExperts: make([]int32, c.Place.PerRank()),
		inRows:      make([][]int32, ranks),
		inExperts:   make([][]int32, ranks),
		base:        make([]int32, ranks),
		next:        make([]int32, ranks),
	}
	for r := range ranks {
		d.inRows[r] = make([]int32, c.Channels)
		d.inExperts[r] = make([]int32, c.Place.PerRank())
	}
	return d
}

// Route makes the layout and the target lists, slots still relative.
func (d *Direct) Route(table *routing.Table) {
	d.Layout.Route(table)
	clear(d.Rows)
	d.First, d.To = append(d.First[:0], 0), d.To[:0]
	ranks := d.Place.Ranks()
	for c := range d.Channels {
		rows := d.Rows[c*ranks : (c+1)*ranks]
		lo, hi := Span(d.Tokens, d.Channels, c)
		for i := lo; i < hi; i++ {
			d.Ranks(i, func(r int) {
				d.To = append(d.To, int32(r))
				rows[r]++
			})
			d.First = append(d.First, int32(len(d.To)))
		}
	}
}

// Peers are all ranks, in both rounds.
func (d *Direct) Peers(int) []int { return allRanks(d.Place.Ranks()) }

func allRanks(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// MaxNote is the most bytes that a note of the round can have.
func (d *Direct) MaxNote(round int) int {
	if round == 0 {
		return 4 * (d.Channels + d.Place.PerRank())
	}
	return 4
}

// AppendNote appends this rank's note of the round for the peer to b: the rows
// that it will send by channel, and the first slot for what the peer sends.
func (d *Direct) AppendNote(round, peer int, b []byte) []byte {
	p := d.Place
	if round == 0 {
		for c := range d.Channels {
			b = putInt(b, d.Rows[c*p.Ranks()+peer])
		}
		first := p.FirstExpert(peer)
		return putInts(b, d.PerExpert[first:first+p.PerRank()])
	}
	return putInt(b, d.From[peer])
}

// prefix lays out the receive buffer by source rank, then channel.
func (d *Direct) prefix() {
	row := int32(0)
	for r := range d.Place.Ranks() {
		d.From[r] = row
		starts := d.FromChannel[r*(d.Channels+1) : (r+1)*(d.Channels+1)]
		for c, n := range d.inRows[r] {
			starts[c] = row
			row += n
		}
		starts[d.Channels] = row
	}
	d.From[d.Place.Ranks()] = row
}

// TakeNote takes the peer's note of the round. It keeps no reference to b.
func (d *Direct) TakeNote(round, peer int, b []byte) error {
	if want := d.MaxNote(round); len(b) < want {
		return &NoteError{round, d.Rank, peer, fmt.Sprintf("%d bytes, %d expected", len(b), want)}
	}
	if round == 1 {
		getInts(b, d.base[peer:peer+1])
		if !inRange(d.base[peer:peer+1], (d.Place.Ranks()-1)*d.MaxTokens) {
			return &NoteError{round, d.Rank, peer, fmt.Sprintf("first slot %d", d.base[peer])}
		}
		return nil
	}
	b = getInts(b, d.inRows[peer])
	getInts(b, d.inExperts[peer])
	if !canHave(d.inRows[peer], d.MaxTokens, 1) || !canHave(d.inExperts[peer], d.MaxTokens, d.TopK) {
		return &NoteError{round, d.Rank, peer, fmt.Sprintf("a count is outside of what %d tokens can have", d.MaxTokens)}
	}
	return nil
}

// Seal ends a round once all its notes were taken: the first lays out the
// receive buffer, the second computes the slots of this rank's own tokens.
func (d *Direct) Seal(round int) error {
	if round == 0 {
		d.prefix()
		return nil
	}
	clear(d.RecvExperts)
	for _, in := range d.inExperts {
		for e, v := range in {
			d.RecvExperts[e] += v
		}
	}
	copy(d.next, d.base)
	d.Slot = resize(d.Slot, len(d.To))
	for i, r := range d.To {
		d.Slot[i] = d.next[r]
		d.next[r]++
	}
	return nil
}

// RecvRows is the number of rows that this rank receives.
func (d *Direct) RecvRows() int { return int(d.From[len(d.From)-1]) }
