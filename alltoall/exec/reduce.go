package exec

import (
	"github.com/commbench/commbench/alltoall/kernel"
	"github.com/commbench/commbench/alltoall/plan"
)

// What the reducers of all combines share: when the outputs of a node may be
// read, and how rows are added.

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

// loadFan appends the outputs of entry i of the fan.
func (s *summer) loadFan(l *lane, a *areas, f *plan.Fan, i int) {
	for k := f.First[i]; k < f.First[i+1]; k++ {
		s.load(l, a, int(f.Index[k]), int(f.Slot[k]))
	}
}

// load appends an output of a rank of the node: where it lies in that rank's memory,
// or where that is not mapped, where the rank has put it in this one's.
func (s *summer) load(l *lane, a *areas, index, slot int) {
	if memory := l.mapped[index]; memory != nil {
		from := a.y.at(slot)
		s.add(memory[from : from+s.row.Size()])
		l.ledger.Load(&l.ledger.ScaleUp[index], 1, &s.row)
		return
	}
	s.add(l.row(a.mirror, index*a.y.rows+slot, s.row.Size()))
	l.ledger.Reduce(1)
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
