package exec

import "github.com/commbench/commbench/alltoall/plan"

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
		if !ready || r.l.room(r.g, peer, r.w.credit, r.a.sumSlots, r.sent[n]) < chunk {
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

// twoHopHomeReducer adds, for the tokens of one channel, the partial sums of
// other nodes and the outputs of its own.
type twoHopHomeReducer struct {
	home
	a     *areas
	w     *twoHopCombineWords
	p     *plan.TwoHop
	next  []int32  // [nodes] next entry of the stream to the node
	taken []uint64 // [nodes] sums ever taken out of the ring
	owed  []int    // [nodes] sums taken for which no credit was given yet
}

func (r *twoHopHomeReducer) begin(p plan.Plan) {
	r.p = p.(*plan.TwoHop)
	r.restart(r.p.Tokens)
	for n := range r.next {
		r.next[n] = r.p.Send[n].Start[r.l.channel]
	}
}

func (r *twoHopHomeReducer) step() (status, error) { return r.reduce(r, r.w.ready) }

// has says whether the current token went to the node.
func (r *twoHopHomeReducer) has(n int) bool {
	s := &r.p.Send[n]
	return r.next[n] < s.Start[r.l.channel+1] && int(s.Tokens[r.next[n]]) == r.token
}

// missing is a node whose partial sum for the current token is not here, or -1.
func (r *twoHopHomeReducer) missing() int {
	for n := range r.next {
		if n != r.l.node && r.has(n) && r.l.filled(r.g, r.g.cfg.Place.RailPeer(r.l.id, n), r.w.tail, r.taken[n]) == 0 {
			return n
		}
	}
	return -1
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
	r.sum.finish(r.g, r.l, r.a, r.token)
	for n := range r.next {
		if !r.has(n) {
			continue
		}
		r.next[n]++
		if n == r.l.node {
			continue
		}
		r.taken[n]++
		end := r.next[n] == r.p.Send[n].Start[r.l.channel+1]
		if err := r.l.repay(r.g, r.g.cfg.Place.RailPeer(r.l.id, n), r.w.credit, &r.owed[n], r.g.cfg.Chunk, end); err != nil {
			return err
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
	if n := r.missing(); n >= 0 {
		w.Peer = r.g.cfg.Place.RailPeer(r.l.id, n)
		w.Awaited, w.Seen = r.taken[n]+1, r.l.seen(r.g, w.Peer, r.w.tail, r.l.channel)
	}
	return w
}
