package exec

import "github.com/commbench/commbench/alltoall/plan"

// pxnPusher puts one channel's outputs for ranks of other nodes into the rings of who passes
// them on, or into those at home where that is this rank itself.
type pxnPusher struct {
	g    *Group
	l    *lane
	a    *areas
	w    *pxnWords
	p    *plan.PXN
	live live    // ranks
	next []int32 // [ranks] next row for the rank
	sent []flow  // [ranks] rows put into the ring
}

func (s *pxnPusher) begin(p plan.Plan) {
	s.p, s.live = p.(*plan.PXN), s.live[:0]
	restart(s.sent)
	for i := range s.next {
		home := (s.l.id + i) % len(s.next)
		s.next[home], _ = s.rows(home)
		if s.g.cfg.Place.Node(home) != s.l.node && s.left(home) > 0 {
			s.live = append(s.live, int32(home))
		}
	}
}

func (s *pxnPusher) left(home int) int {
	_, hi := s.rows(home)
	return int(hi - s.next[home])
}

// rows is the span of received rows that came from the rank on this channel.
func (s *pxnPusher) rows(from int) (lo, hi int32) {
	at := from*(s.g.cfg.Channels+1) + s.l.channel
	return s.p.FromChannel[at], s.p.FromChannel[at+1]
}

// credit is the slots that were freed of what went to a home.
func (s *pxnPusher) credit(home int) uint64 {
	if via := s.p.Through(home); via != s.l.id {
		return s.l.seen(s.g, via, s.w.backFree, s.l.stream(s.g, s.g.cfg.Place.Node(home)))
	}
	return s.l.seen(s.g, home, s.w.freed, s.l.channel)
}

func (s *pxnPusher) step() (status, error) {
	st := idle
	for k := 0; k < len(s.live); {
		home := int(s.live[k])
		chunk := min(s.left(home), s.p.FlatChunk())
		if s.credit(home) < s.sent[home].need(s.a.sumSlots, chunk) {
			k++
			continue
		}
		st = moved
		if err := s.put(home, chunk); err != nil {
			return st, err
		}
		if s.left(home) == 0 {
			s.live = s.live.drop(k)
		} else {
			k++
		}
	}
	if len(s.live) == 0 {
		return finished, nil
	}
	return st, nil
}

func (s *pxnPusher) put(home, chunk int) error {
	place := &s.g.cfg.Place
	via := s.p.Through(home)
	out, ring, peer := s.l.outTo[home], s.a.sumRing, s.l.id
	if via != s.l.id {
		out, ring, peer = s.l.upTo[place.Index(via)], s.a.backing, place.Rank(place.Node(home), s.l.index)
	}
	for range chunk {
		to := s.sent[home].slot(ring, s.a.sumSlots, s.g.cfg.Channels, peer, s.l.channel)
		if err := out.Put(segment, to, s.l.row(s.a.y, int(s.next[home]), s.a.sum.Size())); err != nil {
			return err
		}
		s.next[home]++
		s.sent[home].total++
	}
	if via == s.l.id {
		s.l.ledger.Put(&s.l.ledger.ScaleOut[home], chunk, &s.a.sum)
		return s.l.signal(s.g, home, s.w.home, s.l.channel, uint64(chunk))
	}
	s.l.ledger.Put(&s.l.ledger.ScaleUp[place.Index(via)], chunk, &s.a.sum)
	return s.l.signal(s.g, via, s.w.backTail, s.l.stream(s.g, place.Node(home)), uint64(chunk))
}

func (s *pxnPusher) where() waiting {
	w := waiting{Rank: s.l.id, Peer: -1, Channel: s.l.channel, Role: "pusher", For: "room in the ring"}
	if s.p == nil || len(s.live) == 0 {
		return w
	}
	home := int(s.live[0])
	w.Peer, w.Seen = s.p.Through(home), s.credit(home)
	w.Awaited = s.sent[home].need(s.a.sumSlots, min(s.left(home), s.p.FlatChunk()))
	return w
}

// pxnReturner passes on outputs, into rings at their homes.
type pxnReturner struct {
	passer
	sent []flow // [ranks] outputs of the stream put into the ring at home
}

func (r *pxnReturner) begin(p plan.Plan) {
	r.p = p.(*plan.PXN)
	r.restart(p, r)
	restart(r.sent)
}

func (r *pxnReturner) step() (status, error) { return r.run(r) }

func (r *pxnReturner) rows(k int) int {
	node, index := r.stream(k)
	return r.p.BackRows(node, index, r.l.channel)
}

// freed is the slots that home has freed of a stream: it has a word for each.
func (r *pxnReturner) freed(k int) uint64 { return r.l.out.Load(r.w.freed.from(r.g, k, r.l.channel)) }

func (r *pxnReturner) ready(k, chunk int) bool {
	return r.freed(k) >= r.sent[k].need(r.a.sumSlots, chunk)
}

func (r *pxnReturner) pass(k, chunk int) error {
	place := &r.g.cfg.Place
	node, index := r.stream(k)
	home, made := place.RailPeer(r.l.id, node), place.Rank(r.l.node, index)
	for range chunk {
		from := r.taken[k].slot(r.a.backing, r.a.sumSlots, r.g.cfg.Channels, k, r.l.channel)
		to := r.sent[k].slot(r.a.sumRing, r.a.sumSlots, r.g.cfg.Channels, made, r.l.channel)
		if err := r.l.outTo[home].Put(segment, to, r.l.mem[from:from+r.a.sum.Size()]); err != nil {
			return err
		}
		r.taken[k].total++
		r.sent[k].total++
		r.done[k]++
	}
	r.l.ledger.Put(&r.l.ledger.ScaleOut[home], chunk, &r.a.sum)
	r.owed.add(r.l, home, index, node, chunk)
	return r.l.signalAs(r.g, home, r.w.home, made, uint64(chunk))
}

func (r *pxnReturner) where() waiting {
	w := r.waits(waiting{Rank: r.l.id, Peer: -1, Channel: r.l.channel, Role: "returner", For: "outputs in the ring"}, r)
	if w.Peer >= 0 && w.Seen >= w.Awaited {
		k := int(r.live[0])
		node, _ := r.stream(k)
		w.Peer, w.For = r.g.cfg.Place.RailPeer(r.l.id, node), "room in the ring"
		w.Awaited, w.Seen = r.sent[k].need(r.a.sumSlots, r.chunk(k, r)), r.freed(k)
	}
	return w
}
