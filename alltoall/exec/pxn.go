package exec

import "github.com/commbench/commbench/alltoall/plan"

// PXN dispatch: a sender puts each token once to each of its target ranks; one on another
// node and another rail goes into a ring at the rank of its own node that is on the target's
// rail, which passes it on and gives credit back. A combine goes back in the same way, into
// rings at home.

// pxnWords are the signal words of pxn. Those within a node have a word for each peer,
// node and channel: what a peer sends through here for each node is a stream of its own.
type pxnWords struct {
	arrived words // rows in the receive buffer, from a rank of the node or of the rail

	tail, credit words // dispatch: rows in the ring of who passes on, and rows that it has freed

	ready              words // runs for which a rank of the node has its outputs ready
	backTail, backFree words // combine: the same as tail and credit
	home, freed        words // outputs in the rings at home, by the rank that made them; slots that home has freed
}

// stream is the word of a stream within the node.
func (l *lane) stream(g *Group, node int) int { return node*g.cfg.Channels + l.channel }

// takeUpWords reserves words for the ranks of the node alone, and channels.
func (g *Group) takeUpWords(channels int) words {
	w := words{up: g.wordsUp, channels: channels, inside: true}
	g.wordsUp += g.cfg.Place.GPUsPerNode * channels
	return w
}

// signalAs adds to the word that a peer of another node keeps for a third rank, whose rows
// this one has put.
func (l *lane) signalAs(g *Group, peer int, w words, as int, add uint64) error {
	l.ledger.ScaleOut[peer].Signals++
	return l.outTo[peer].Signal(w.from(g, as, l.channel), add)
}

// lent are ring slots whose rows were put on: they are given back when the transport has read
// them. Where puts are copies that is at once.
type lent struct {
	ring    []loan // as many as there can be chunks in a role's rings
	head, n int
}

type loan struct {
	to, index, node, rows int // where the rows went; whose they are
	mark                  uint64
}

func (d *lent) add(l *lane, to, index, node, rows int) {
	d.ring[(d.head+d.n)%len(d.ring)] = loan{to, index, node, rows, l.outTo[to].Mark()}
	d.n++
}

// pay gives credit for what may be filled again, and says whether there was any.
func (d *lent) pay(g *Group, l *lane, credit words) (paid bool, err error) {
	for d.n > 0 {
		first := &d.ring[d.head]
		if ok, err := l.outTo[first.to].Reusable(first.mark); !ok || err != nil {
			return paid, err
		}
		if err := l.signal(g, g.cfg.Place.Rank(l.node, first.index), credit, l.stream(g, first.node), uint64(first.rows)); err != nil {
			return paid, err
		}
		d.head, d.n = (d.head+1)%len(d.ring), d.n-1
		paid = true
	}
	return paid, nil
}

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

// pxnForwarder passes on what the ranks of its node put into one channel's rings.
type pxnForwarder struct {
	g     *Group
	l     *lane
	a     *areas
	w     *pxnWords
	p     *plan.PXN
	live  live   // streams, by the rank of the target node that has the sender's index
	done  []int  // [ranks] rows of the stream that were passed on
	taken []flow // [ranks] rows taken out of the ring
	owed  lent
}

// stream takes a live one apart: the node that its rows go to, and the index of who sends them.
func (f *pxnForwarder) stream(k int) (node, index int) {
	return f.g.cfg.Place.Node(k), f.g.cfg.Place.Index(k)
}

func (f *pxnForwarder) begin(p plan.Plan) {
	f.p, f.live = p.(*plan.PXN), f.live[:0]
	f.owed.n = 0
	restart(f.taken)
	clear(f.done)
	for i := range f.done {
		k := (f.l.id + i) % len(f.done)
		if node, index := f.stream(k); node != f.l.node && index != f.l.index && f.left(k) > 0 {
			f.live = append(f.live, int32(k))
		}
	}
}

func (f *pxnForwarder) left(k int) int {
	node, index := f.stream(k)
	_, rows := f.p.ViaRows(node, index, f.l.channel)
	return rows - f.done[k]
}

func (f *pxnForwarder) filled(k int) int {
	node, index := f.stream(k)
	return int(f.l.seen(f.g, f.g.cfg.Place.Rank(f.l.node, index), f.w.tail, f.l.stream(f.g, node)) - f.taken[k].total)
}

func (f *pxnForwarder) step() (status, error) {
	st := idle
	if paid, err := f.owed.pay(f.g, f.l, f.w.credit); err != nil || paid {
		if st = moved; err != nil {
			return st, err
		}
	}
	for at := 0; at < len(f.live); {
		k := int(f.live[at])
		chunk := min(f.left(k), f.p.FlatChunk())
		if f.filled(k) < chunk {
			at++
			continue
		}
		st = moved
		if err := f.pass(k, chunk); err != nil {
			return st, err
		}
		if f.left(k) == 0 {
			f.live = f.live.drop(at)
		} else {
			at++
		}
	}
	if len(f.live) == 0 && f.owed.n == 0 {
		return finished, nil
	}
	return st, nil
}

// pass puts a chunk of a stream to its target, and owes credit for it.
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
	w := waiting{Rank: f.l.id, Peer: -1, Channel: f.l.channel, Role: "forwarder", For: "tokens in the ring"}
	if f.p == nil || len(f.live) == 0 {
		return w
	}
	k := int(f.live[0])
	_, index := f.stream(k)
	w.Peer = f.g.cfg.Place.Rank(f.l.node, index)
	w.Awaited = f.taken[k].total + uint64(min(f.left(k), f.p.FlatChunk()))
	w.Seen = f.taken[k].total + uint64(f.filled(k))
	return w
}

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

// pxnReturner passes on the outputs that the ranks of its node put into one channel's rings,
// into rings at their homes.
type pxnReturner struct {
	g     *Group
	l     *lane
	a     *areas
	w     *pxnWords
	p     *plan.PXN
	live  live   // streams, by the rank of home's node that has the index of who made the outputs
	done  []int  // [ranks] outputs of the stream that were passed on
	taken []flow // [ranks] outputs taken out of the ring here
	sent  []flow // [ranks] outputs put into the ring at home
	owed  lent
}

func (r *pxnReturner) stream(k int) (node, index int) {
	return r.g.cfg.Place.Node(k), r.g.cfg.Place.Index(k)
}

func (r *pxnReturner) begin(p plan.Plan) {
	r.p, r.live = p.(*plan.PXN), r.live[:0]
	r.owed.n = 0
	restart(r.taken)
	restart(r.sent)
	clear(r.done)
	for i := range r.done {
		k := (r.l.id + i) % len(r.done)
		if node, index := r.stream(k); node != r.l.node && index != r.l.index && r.left(k) > 0 {
			r.live = append(r.live, int32(k))
		}
	}
}

func (r *pxnReturner) left(k int) int {
	node, index := r.stream(k)
	return r.p.BackRows(node, index, r.l.channel) - r.done[k]
}

func (r *pxnReturner) filled(k int) int {
	node, index := r.stream(k)
	return int(r.l.seen(r.g, r.g.cfg.Place.Rank(r.l.node, index), r.w.backTail, r.l.stream(r.g, node)) - r.taken[k].total)
}

// credit is the slots that home has freed of a stream: it has a word for each.
func (r *pxnReturner) credit(k int) uint64 { return r.l.out.Load(r.w.freed.from(r.g, k, r.l.channel)) }

func (r *pxnReturner) step() (status, error) {
	st := idle
	if paid, err := r.owed.pay(r.g, r.l, r.w.backFree); err != nil || paid {
		if st = moved; err != nil {
			return st, err
		}
	}
	for at := 0; at < len(r.live); {
		k := int(r.live[at])
		chunk := min(r.left(k), r.p.FlatChunk())
		if r.filled(k) < chunk || r.credit(k) < r.sent[k].need(r.a.sumSlots, chunk) {
			at++
			continue
		}
		st = moved
		if err := r.pass(k, chunk); err != nil {
			return st, err
		}
		if r.left(k) == 0 {
			r.live = r.live.drop(at)
		} else {
			at++
		}
	}
	if len(r.live) == 0 && r.owed.n == 0 {
		return finished, nil
	}
	return st, nil
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
	w := waiting{Rank: r.l.id, Peer: -1, Channel: r.l.channel, Role: "returner", For: "outputs in the ring"}
	if r.p == nil || len(r.live) == 0 {
		return w
	}
	k := int(r.live[0])
	node, index := r.stream(k)
	chunk := min(r.left(k), r.p.FlatChunk())
	w.Peer, w.Awaited, w.Seen = r.g.cfg.Place.Rank(r.l.node, index), r.taken[k].total+uint64(chunk), r.taken[k].total+uint64(r.filled(k))
	if r.filled(k) >= chunk {
		w.Peer, w.For = r.g.cfg.Place.RailPeer(r.l.id, node), "room in the ring"
		w.Awaited, w.Seen = r.sent[k].need(r.a.sumSlots, chunk), r.credit(k)
	}
	return w
}
