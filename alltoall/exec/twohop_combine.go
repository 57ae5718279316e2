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
	live live    // nodes
	next []int32 // [nodes] next entry of the stream from the node
	sent []flow  // [nodes] sums put into the ring there
}

func (r *twoHopNodeReducer) begin(p plan.Plan) {
	r.p, r.live = p.(*plan.TwoHop), r.live[:0]
	r.y.run, r.y.at = r.y.run+1, 0
	restart(r.sent)
	for i := range r.next {
		n := (r.l.node + 1 + i) % len(r.next)
		r.next[n] = r.p.Fans[n].Start[r.l.channel]
		if n != r.l.node && r.left(n) > 0 {
			r.live = append(r.live, int32(n))
		}
	}
}

// left is the entries of the stream from a node that were not summed yet.
func (r *twoHopNodeReducer) left(n int) int {
	return int(r.p.Fans[n].Start[r.l.channel+1] - r.next[n])
}

func (r *twoHopNodeReducer) step() (status, error) {
	if len(r.live) == 0 {
		return finished, nil
	}
	if !r.y.ok(r.g, r.l.rank, r.w.ready) {
		return idle, nil
	}
	st := idle
	for k := 0; k < len(r.live); {
		n := int(r.live[k])
		chunk := min(r.left(n), r.g.cfg.Chunk)
		peer := r.g.cfg.Place.RailPeer(r.l.id, n)
		if !r.l.room(r.g, peer, r.w.credit, r.a.sumSlots, chunk, &r.sent[n]) {
			k++
			continue
		}
		st = moved
		if err := r.put(n, peer, chunk); err != nil {
			return st, err
		}
		if r.left(n) == 0 {
			r.live = r.live.drop(k)
		} else {
			k++
		}
	}
	if len(r.live) == 0 {
		return finished, nil
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
		stage := r.sent[n].slot(r.a.stage, r.a.sumSlots, r.g.cfg.Channels, n, r.l.channel)
		row := r.l.mem[stage : stage+r.a.sum.Size()]
		r.sum.write(row)
		to := r.sent[n].slot(r.a.sumRing, r.a.sumSlots, r.g.cfg.Channels, r.l.node, r.l.channel)
		if err := out.Put(segment, to, row); err != nil {
			return err
		}
		r.sent[n].total++
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
		if n != r.l.node && r.left(n) > 0 {
			w.Peer = r.g.cfg.Place.RailPeer(r.l.id, n)
			w.Seen = r.l.seen(r.g, w.Peer, r.w.credit, r.l.channel)
			w.Awaited = r.sent[n].need(r.a.sumSlots, min(r.left(n), r.g.cfg.Chunk))
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
	next  []int32 // [nodes] next entry of the stream to the node
	taken []flow  // [nodes] sums taken out of the ring
	owed  []int   // [nodes] sums taken for which no credit was given yet
}

func (r *twoHopHomeReducer) begin(p plan.Plan) {
	r.p = p.(*plan.TwoHop)
	r.home.restart(r.p.Tokens)
	restart(r.taken)
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
		if n != r.l.node && r.has(n) && r.l.filled(r.g, r.g.cfg.Place.RailPeer(r.l.id, n), r.w.tail, &r.taken[n]) == 0 {
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
		from := r.taken[n].slot(r.a.sumRing, r.a.sumSlots, r.g.cfg.Channels, n, r.l.channel)
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
		r.taken[n].total++
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
		w.Awaited, w.Seen = r.taken[n].total+1, r.l.seen(r.g, w.Peer, r.w.tail, r.l.channel)
	}
	return w
}
