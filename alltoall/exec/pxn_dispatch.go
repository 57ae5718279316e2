package exec

import "github.com/commbench/commbench/alltoall/plan"

// pxnSender moves one channel's tokens to their target ranks, or to who passes them on.
type pxnSender struct {
	g     *Group
	l     *lane
	a     *areas
	w     *pxnWords
	p     *plan.PXN
	token int
	next  int    // of its targets
	sent  []flow // [ranks] rows put into the ring for a target
	told  []int  // [ranks] of them, those of this run that were not signalled yet
}

func (s *pxnSender) begin(p plan.Plan) {
	s.p = p.(*plan.PXN)
	s.token, _ = plan.Span(s.p.Tokens, s.g.cfg.Channels, s.l.channel)
	s.next = 0
	restart(s.sent)
}

func (s *pxnSender) step() (status, error) {
	st := idle
	_, end := plan.Span(s.p.Tokens, s.g.cfg.Channels, s.l.channel)
	for range min(s.g.cfg.Chunk, end-s.token) {
		src := s.l.row(s.g.arena.x, s.token, s.a.row.Size())
		for k := int(s.p.First[s.token]) + s.next; k < int(s.p.First[s.token+1]); k++ {
			ok, err := s.put(int(s.p.To[k]), int(s.p.Slot[k]), src)
			if !ok || err != nil {
				return st, err
			}
			st = moved
			s.next++
		}
		s.token, s.next, st = s.token+1, 0, moved
	}
	if s.token < end {
		return st, nil
	}
	return finished, s.complete()
}

// put moves a row to its target, or into the ring of who passes it on if there is room.
func (s *pxnSender) put(to, slot int, src []byte) (bool, error) {
	place := &s.g.cfg.Place
	via := s.p.Through(to)
	if place.Node(to) == s.l.node || via == s.l.id {
		s.l.ledger.Put(s.l.link(s.g, to), 1, &s.a.row)
		return true, s.a.put(s.l.to(s.g, to), s.a.recv.at(slot), src)
	}
	node, f := place.Node(to), &s.sent[to]
	if s.l.seen(s.g, via, s.w.credit, s.l.stream(s.g, node)) < f.need(s.a.slots, 1) {
		return false, nil
	}
	at := f.slot(s.a.passing, s.a.slots, s.g.cfg.Channels, place.Rank(node, s.l.index), s.l.channel)
	if err := s.l.upTo[place.Index(via)].Put(segment, at, src); err != nil {
		return true, err
	}
	s.l.ledger.Put(&s.l.ledger.ScaleUp[place.Index(via)], 1, &s.a.row)
	f.total++
	if s.told[to]++; s.told[to] < s.p.FlatChunk() {
		return true, nil
	}
	return true, s.tell(to)
}

// tell has who passes on know of the rows for a target that are in its ring.
func (s *pxnSender) tell(to int) error {
	rows := s.told[to]
	s.told[to] = 0
	return s.l.signal(s.g, s.p.Through(to), s.w.tail, s.l.stream(s.g, s.g.cfg.Place.Node(to)), uint64(rows))
}

// complete tells all what of the channel was put to them.
func (s *pxnSender) complete() error {
	ranks := s.g.cfg.Place.Ranks()
	for i := range ranks {
		to := (s.l.id + i) % ranks
		var err error
		switch rows := s.p.Rows[s.l.channel*ranks+to]; {
		case s.told[to] > 0:
			err = s.tell(to)
		case rows > 0 && (s.g.cfg.Place.Node(to) == s.l.node || s.p.Through(to) == s.l.id):
			err = s.l.signal(s.g, to, s.w.arrived, 0, uint64(rows))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *pxnSender) where() waiting {
	w := waiting{Rank: s.l.id, Peer: -1, Channel: s.l.channel, Role: "sender", For: "room in the ring"}
	if s.p == nil {
		return w
	}
	if _, end := plan.Span(s.p.Tokens, s.g.cfg.Channels, s.l.channel); s.token < end {
		if k := int(s.p.First[s.token]) + s.next; k < int(s.p.First[s.token+1]) {
			to := int(s.p.To[k])
			w.Peer, w.Awaited = s.p.Through(to), s.sent[to].need(s.a.slots, 1)
			if s.g.cfg.Place.Node(to) != s.l.node && w.Peer != s.l.id {
				w.Seen = s.l.seen(s.g, w.Peer, s.w.credit, s.l.stream(s.g, s.g.cfg.Place.Node(to)))
			}
		}
	}
	return w
}

// pxnForwarder passes on tokens, to their target ranks.
type pxnForwarder struct{ passer }

func (f *pxnForwarder) begin(p plan.Plan)     { f.restart(p, f) }
func (f *pxnForwarder) step() (status, error) { return f.run(f) }
func (f *pxnForwarder) ready(int, int) bool   { return true }

func (f *pxnForwarder) rows(k int) int {
	node, index := f.stream(k)
	_, rows := f.p.ViaRows(node, index, f.l.channel)
	return rows
}

func (f *pxnForwarder) pass(k, chunk int) error {
	node, index := f.stream(k)
	to := f.g.cfg.Place.RailPeer(f.l.id, node)
	first, rows := f.p.ViaRows(node, index, f.l.channel)
	for range chunk {
		from := f.taken[k].slot(f.a.passing, f.a.slots, f.g.cfg.Channels, k, f.l.channel)
		if err := f.a.put(f.l.outTo[to], f.a.recv.at(first+f.done[k]), f.l.mem[from:from+f.a.row.Size()]); err != nil {
			return err
		}
		f.taken[k].total++
		f.done[k]++
	}
	f.l.ledger.Put(&f.l.ledger.ScaleOut[to], chunk, &f.a.row)
	f.owed.add(f.l, to, index, node, chunk)
	if f.done[k] < rows {
		return nil
	}
	return f.l.signal(f.g, to, f.w.arrived, 0, uint64(rows))
}

func (f *pxnForwarder) where() waiting {
	return f.waits(waiting{Rank: f.l.id, Peer: -1, Channel: f.l.channel, Role: "forwarder", For: "tokens in the ring"}, f)
}
