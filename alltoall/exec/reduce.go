package exec

import (
	"github.com/commbench/commbench/alltoall/kernel"
	"github.com/commbench/commbench/alltoall/plan"
)

// What the reducers of all combines share: when the outputs of a node may be
// read, and how rows are added.

// announcer tells the node's ranks that this rank's outputs may be read.
type announcer struct {
	g     *Group
	l     *lane
	ready words
}

func (a *announcer) begin(plan.Plan) {}

func (a *announcer) step() (status, error) {
	for i := range a.g.cfg.Place.GPUsPerNode {
		if err := a.l.signal(a.g, a.g.cfg.Place.Rank(a.l.node, i), a.ready, 0, 1); err != nil {
			return moved, err
		}
	}
	return finished, nil
}

func (a *announcer) where() waiting {
	return waiting{Rank: a.l.id, Peer: -1, Channel: -1, Role: "announcer", For: "a step"}
}

// readiness is a reducer's view of its node: which outputs may be read.
type readiness struct {
	run uint64 // runs begun
	at  int    // in-node indices before this one are ready
}

func (y *readiness) ok(g *Group, r *rank, ready words) bool {
	for ; y.at < g.cfg.Place.GPUsPerNode; y.at++ {
		if r.seen(g, g.cfg.Place.Rank(r.node, y.at), ready, 0) < y.run {
			return false
		}
	}
	return true
}

func (y *readiness) where(g *Group, l *lane, w waiting, ready words) waiting {
	w.Peer, w.For, w.Awaited = g.cfg.Place.Rank(l.node, y.at), "outputs to be ready", y.run
	w.Seen = l.seen(g, w.Peer, ready, 0)
	return w
}

// home is what the home reducers share: they add one channel's tokens in order.
type home struct {
	g     *Group
	l     *lane
	y     readiness
	sum   summer
	token int // next token
	end   int // behind the channel's last
}

func (h *home) restart(tokens int) {
	h.y.run, h.y.at = h.y.run+1, 0
	h.token, h.end = plan.Span(tokens, h.g.cfg.Channels, h.l.channel)
}

// addends is where a home reducer's addends come from.
type addends interface {
	missing() int // a peer whose addend for the current token is not here, or -1
	add() error   // adds the current token and frees its addends' slots
}

// reduce adds up to a chunk of tokens.
func (h *home) reduce(from addends, ready words) (status, error) {
	if h.token == h.end {
		return finished, nil
	}
	if !h.y.ok(h.g, h.l.rank, ready) {
		return idle, nil
	}
	st := idle
	for range min(h.g.cfg.Chunk, h.end-h.token) {
		if from.missing() >= 0 {
			return st, nil
		}
		st = moved
		if err := from.add(); err != nil {
			return st, err
		}
		h.token++
	}
	return st, nil
}

// summer gathers the addends of one row. Values are added in one pass over all
// addends, which is nearly twice as fast as one addend at a time.
type summer struct {
	row     plan.Row
	values  [][]byte // addends in order
	metas   [][]byte // their weights, of those that have any
	weights []byte   // [choices] FP32 sums
	out     []byte   // a row on its way past the caches
}

func newSummer(row plan.Row, addends int) summer {
	return summer{row: row, values: make([][]byte, 0, addends), metas: make([][]byte, 0, addends), weights: make([]byte, row.Meta), out: make([]byte, row.Size())}
}

func (s *summer) reset() {
	s.values, s.metas = s.values[:0], s.metas[:0]
	clear(s.weights)
}

// add appends a row of values and weights.
func (s *summer) add(row []byte) {
	s.values = append(s.values, row[:s.row.Payload])
	s.metas = append(s.metas, row[s.row.Payload:s.row.Payload+s.row.Meta])
}

// loadFan appends the outputs of entry i of the fan, where they lie in the
// memory of the node's ranks.
func (s *summer) loadFan(l *lane, a *areas, f *plan.Fan, i int) {
	for k := f.First[i]; k < f.First[i+1]; k++ {
		from := a.y.at(int(f.Slot[k]))
		s.add(l.mapped[f.Index[k]][from : from+s.row.Size()])
		l.ledger.Load(&l.ledger.ScaleUp[f.Index[k]], 1, &s.row)
	}
}

// write rounds the sum into dst. Weights lie behind the values, so they are added
// when those have been read: before, each would be a cache miss of its own.
func (s *summer) write(dst []byte) {
	kernel.Sum(dst[:s.row.Payload], s.values)
	for _, m := range s.metas {
		kernel.AddWeights(s.weights, m)
	}
	copy(dst[s.row.Payload:], s.weights)
}

// finish adds the token's bias rows and writes its combined row.
func (s *summer) finish(g *Group, l *lane, a *areas, token int) {
	for i := range g.cfg.Bias {
		s.values = append(s.values, l.row(g.arena.bias[i], token, s.row.Payload))
	}
	s.write(s.out)
	a.copy(l.row(g.arena.out, token, plan.CombineRow(g.cfg.Hidden, g.cfg.TopK).Size()), s.out)
	l.ledger.Write(1, &a.sum)
}
