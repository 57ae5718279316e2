package exec

import (
	"github.com/commbench/commbench/alltoall/internal/bf16"
	"github.com/commbench/commbench/alltoall/plan"
)

// Two-hop combine is dispatch backwards: the rank that forwarded a token loads
// the outputs of its node's ranks, adds them, and puts one partial sum into a
// ring at the token's home; home adds the partial sums and its own node's
// outputs.

// twoHopCombineWords are the signal words of a two-hop combine.
type twoHopCombineWords struct {
	ready  words // runs for which a rank of the node has its outputs ready
	tail   words // partial sums that arrived from a rail peer, by channel
	credit words // partial sums that home has freed again
}

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

// twoHopNodeReducer adds its node's outputs for the tokens of one channel of
// each rail peer, and puts the sums home.
type twoHopNodeReducer struct {
	g    *Group
	l    *lane
	a    *areas
	w    *twoHopCombineWords
	p    *plan.TwoHop
	y    readiness
	sum  summer
	next []int32  // [nodes] next entry of the stream from the node
	sent []uint64 // [nodes] sums ever put into the ring there
}

func (r *twoHopNodeReducer) begin(p plan.Plan) {
	r.p = p.(*plan.TwoHop)
	r.y.run, r.y.at = r.y.run+1, 0
	for n := range r.next {
		r.next[n] = r.p.Fans[n].Start[r.l.channel]
	}
}

func (r *twoHopNodeReducer) step() (status, error) {
	place := r.g.cfg.Place
	ready := r.y.ok(r.g, r.l.rank, r.w.ready)
	st := finished
	for i := 1; i < place.Nodes; i++ {
		n := (r.l.node + i) % place.Nodes
		left := int(r.p.Fans[n].Start[r.l.channel+1] - r.next[n])
		if left == 0 {
			continue
		}
		if st == finished {
			st = idle
		}
		chunk := min(left, r.g.cfg.Chunk)
		peer := place.RailPeer(r.l.id, n)
		if !ready || r.a.sumSlots-int(r.sent[n]-r.l.seen(r.g, peer, r.w.credit, r.l.channel)) < chunk {
			continue
		}
		st = moved
		if err := r.put(n, peer, chunk); err != nil {
			return st, err
		}
	}
	return st, nil
}

func (r *twoHopNodeReducer) put(n, peer, chunk int) error {
	out, link, fan := r.l.outTo[peer], &r.l.ledger.ScaleOut[peer], &r.p.Fans[n]
	for range chunk {
		r.sum.reset()
		r.sum.loadFan(r.l, r.a, fan, int(r.next[n]))
		// The staged sum must stay until the credit for its slot comes back, so the
		// stage is a ring of the same depth.
		stage := slot(r.a.stage, r.a.sumSlots, r.g.cfg.Channels, n, r.l.channel, r.sent[n])
		row := r.l.mem[stage : stage+r.a.sum.Size()]
		r.sum.write(row)
		to := slot(r.a.sumRing, r.a.sumSlots, r.g.cfg.Channels, r.l.node, r.l.channel, r.sent[n])
		if err := out.Put(segment, to, row); err != nil {
			return err
		}
		r.sent[n]++
		r.next[n]++
	}
	r.l.ledger.Write(chunk, &r.a.sum)
	r.l.ledger.Put(link, chunk, &r.a.sum)
	return r.l.signal(r.g, peer, r.w.tail, r.l.channel, uint64(chunk))
}

func (r *twoHopNodeReducer) where() waiting {
	w := waiting{Rank: r.l.id, Peer: -1, Channel: r.l.channel, Role: "node reducer", For: "room in the ring"}
	if r.p == nil {
		return w
	}
	if !r.y.ok(r.g, r.l.rank, r.w.ready) {
		return r.y.where(r.g, r.l, w, r.w.ready)
	}
	for n := range r.next {
		if n != r.l.node && r.next[n] < r.p.Fans[n].Start[r.l.channel+1] {
			w.Peer = r.g.cfg.Place.RailPeer(r.l.id, n)
			w.Seen = r.l.seen(r.g, w.Peer, r.w.credit, r.l.channel)
			w.Awaited = r.sent[n] + uint64(min(int(r.p.Fans[n].Start[r.l.channel+1]-r.next[n]), r.g.cfg.Chunk)) - uint64(r.a.sumSlots)
			break
		}
	}
	return w
}

func (y *readiness) where(g *Group, l *lane, w waiting, ready words) waiting {
	w.Peer, w.For, w.Awaited = g.cfg.Place.Rank(l.node, y.at), "outputs to be ready", y.run
	w.Seen = l.seen(g, w.Peer, ready, 0)
	return w
}

// twoHopHomeReducer adds, for the tokens of one channel, the partial sums of
// other nodes and the outputs of its own.
type twoHopHomeReducer struct {
	g     *Group
	l     *lane
	a     *areas
	w     *twoHopCombineWords
	p     *plan.TwoHop
	y     readiness
	sum   summer
	token int      // next token
	next  []int32  // [nodes] next entry of the stream to the node
	taken []uint64 // [nodes] sums ever taken out of the ring
	owed  []int    // [nodes] sums taken for which no credit was given yet
}

func (r *twoHopHomeReducer) begin(p plan.Plan) {
	r.p = p.(*plan.TwoHop)
	r.y.run, r.y.at = r.y.run+1, 0
	r.token, _ = plan.Span(r.p.Tokens, r.g.cfg.Channels, r.l.channel)
	for n := range r.next {
		r.next[n] = r.p.Send[n].Start[r.l.channel]
	}
}

func (r *twoHopHomeReducer) step() (status, error) {
	_, end := plan.Span(r.p.Tokens, r.g.cfg.Channels, r.l.channel)
	if r.token == end {
		return finished, nil
	}
	if !r.y.ok(r.g, r.l.rank, r.w.ready) {
		return idle, nil
	}
	st := idle
	for range r.g.cfg.Chunk {
		if r.token == end {
			break
		}
		if !r.arrived() {
			return st, nil
		}
		st = moved
		if err := r.add(); err != nil {
			return st, err
		}
		r.token++
	}
	return st, nil
}

// has says whether the current token went to the node.
func (r *twoHopHomeReducer) has(n int) bool {
	s := &r.p.Send[n]
	return r.next[n] < s.Start[r.l.channel+1] && int(s.Tokens[r.next[n]]) == r.token
}

// arrived says whether the current token's partial sums are all here.
func (r *twoHopHomeReducer) arrived() bool {
	for n := range r.next {
		if n != r.l.node && r.has(n) && r.l.seen(r.g, r.g.cfg.Place.RailPeer(r.l.id, n), r.w.tail, r.l.channel) <= r.taken[n] {
			return false
		}
	}
	return true
}

// add sums the current token and frees the slots of its partial sums.
func (r *twoHopHomeReducer) add() error {
	r.sum.reset()
	for n := range r.next {
		if !r.has(n) {
			continue
		}
		if n == r.l.node {
			r.sum.loadFan(r.l, r.a, &r.p.Fans[n], int(r.next[n]))
			continue
		}
		from := slot(r.a.sumRing, r.a.sumSlots, r.g.cfg.Channels, n, r.l.channel, r.taken[n])
		r.sum.add(r.l.mem[from : from+r.a.sum.Size()])
		r.l.ledger.Reduce(1)
	}
	r.sum.home(r.g, r.l, r.a, r.token)
	for n := range r.next {
		if !r.has(n) {
			continue
		}
		r.next[n]++
		if n == r.l.node {
			continue
		}
		r.taken[n]++
		r.owed[n]++
		if r.owed[n] == r.g.cfg.Chunk || r.next[n] == r.p.Send[n].Start[r.l.channel+1] {
			if err := r.l.signal(r.g, r.g.cfg.Place.RailPeer(r.l.id, n), r.w.credit, r.l.channel, uint64(r.owed[n])); err != nil {
				return err
			}
			r.owed[n] = 0
		}
	}
	return nil
}

func (r *twoHopHomeReducer) where() waiting {
	w := waiting{Rank: r.l.id, Peer: -1, Channel: r.l.channel, Role: "home reducer", For: "partial sums", last: true}
	if r.p == nil {
		return w
	}
	if !r.y.ok(r.g, r.l.rank, r.w.ready) {
		return r.y.where(r.g, r.l, w, r.w.ready)
	}
	for n := range r.next {
		if n != r.l.node && r.has(n) && r.l.seen(r.g, r.g.cfg.Place.RailPeer(r.l.id, n), r.w.tail, r.l.channel) <= r.taken[n] {
			w.Peer = r.g.cfg.Place.RailPeer(r.l.id, n)
			w.Awaited, w.Seen = r.taken[n]+1, r.l.seen(r.g, w.Peer, r.w.tail, r.l.channel)
			break
		}
	}
	return w
}

// summer gathers the addends of one row. Values are added in one pass over all
// addends, which is nearly twice as fast as one addend at a time.
type summer struct {
	row     plan.Row
	values  [][]byte // addends in order
	weights []byte   // [choices] FP32 sums
}

func newSummer(row plan.Row, addends int) summer {
	return summer{row: row, values: make([][]byte, 0, addends), weights: make([]byte, row.Meta)}
}

func (s *summer) reset() {
	s.values = s.values[:0]
	clear(s.weights)
}

// add appends a row of values and weights.
func (s *summer) add(row []byte) {
	s.values = append(s.values, row[:s.row.Payload])
	bf16.AddWeights(s.weights, row[s.row.Payload:s.row.Payload+s.row.Meta])
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

// write rounds the sum into dst.
func (s *summer) write(dst []byte) {
	bf16.Sum(dst[:s.row.Payload], s.values)
	copy(dst[s.row.Payload:], s.weights)
}

// home adds the token's bias rows and writes its combined row.
func (s *summer) home(g *Group, l *lane, a *areas, token int) {
	for i := range g.cfg.Bias {
		s.values = append(s.values, l.row(g.arena.bias[i], token, s.row.Payload))
	}
	s.write(l.row(g.arena.out, token, plan.CombineRow(g.cfg.Hidden, g.cfg.TopK).Size()))
	l.ledger.Write(1, &a.sum)
}
