package exec

import "github.com/commbench/commbench/alltoall/plan"

// Direct puts each token once to each of its target ranks, whichever node they
// are on. Its combine loads the outputs of the own node and lets other nodes'
// ranks put theirs into rings.

// directSender moves one channel's tokens straight to their target ranks.
type directSender struct {
	g       *Group
	l       *lane
	a       *areas
	arrived words
	p       *plan.Direct
	token   int
}

func (s *directSender) begin(p plan.Plan) {
	s.p = p.(*plan.Direct)
	s.token, _ = plan.Span(s.p.Tokens, s.g.cfg.Channels, s.l.channel)
}

func (s *directSender) step() (status, error) {
	_, end := plan.Span(s.p.Tokens, s.g.cfg.Channels, s.l.channel)
	for range min(s.g.cfg.Chunk, end-s.token) {
		src := s.l.row(s.g.arena.x, s.token, s.a.row.Size())
		for k := s.p.First[s.token]; k < s.p.First[s.token+1]; k++ {
			to := int(s.p.To[k])
			if err := s.a.put(s.l.to(s.g, to), s.a.recv.at(int(s.p.Slot[k])), src); err != nil {
				return moved, err
			}
			s.l.ledger.Put(s.l.link(s.g, to), 1, &s.a.row)
		}
		s.token++
	}
	if s.token < end {
		return moved, nil
	}
	ranks := s.g.cfg.Place.Ranks()
	for i := range ranks {
		to := (s.l.id + i) % ranks // so that not all ranks signal the same peer at once
		if rows := s.p.Rows[s.l.channel*ranks+to]; rows > 0 {
			if err := s.l.signal(s.g, to, s.arrived, 0, uint64(rows)); err != nil {
				return moved, err
			}
		}
	}
	return finished, nil
}

func (s *directSender) where() waiting {
	return waiting{Rank: s.l.id, Peer: -1, Channel: s.l.channel, Role: "sender", For: "a step"}
}

// directCombineWords are the signal words of a direct combine.
type directCombineWords struct {
	ready  words // runs for which a rank of the node has its outputs ready
	tail   words // outputs that arrived from a rank of another node, by channel
	credit words // outputs that home has freed again
}

// directPusher puts one channel's outputs for ranks of other nodes into the
// rings at their homes, or by pxn into those of who passes them on.
type directPusher struct {
	g    *Group
	l    *lane
	a    *areas
	w    *directCombineWords
	pxn  *pxnWords // shared with who passes outputs on; nil where nobody does
	p    *plan.Direct
	live live    // ranks
	next []int32 // [ranks] next row for the rank
	sent []flow  // [ranks] rows put into the ring there
}

// directOf is what a plan has of direct: all of it, or what pxn is built on.
func directOf(p plan.Plan) *plan.Direct {
	if x, ok := p.(*plan.PXN); ok {
		return &x.Direct
	}
	return p.(*plan.Direct)
}

func (s *directPusher) begin(p plan.Plan) {
	s.p, s.live = directOf(p), s.live[:0]
	restart(s.sent)
	for i := range s.next {
		home := (s.l.id + i) % len(s.next)
		s.next[home], _ = s.rows(home)
		if s.g.cfg.Place.Node(home) != s.l.node && s.left(home) > 0 {
			s.live = append(s.live, int32(home))
		}
	}
}

// left is the rows for a rank that were not pushed yet.
func (s *directPusher) left(home int) int {
	_, hi := s.rows(home)
	return int(hi - s.next[home])
}

// rows is the span of received rows that came from the rank on this channel.
func (s *directPusher) rows(from int) (lo, hi int32) {
	at := from*(s.g.cfg.Channels+1) + s.l.channel
	return s.p.FromChannel[at], s.p.FromChannel[at+1]
}

// via is who passes on what is for a home, or this rank itself.
func (s *directPusher) via(home int) int {
	if s.pxn == nil {
		return s.l.id
	}
	return s.g.cfg.Place.RailPeer(home, s.l.node)
}

// credit is the slots that were freed of what was for a home.
func (s *directPusher) credit(home int) uint64 {
	if via := s.via(home); via != s.l.id {
		return s.l.seen(s.g, via, s.pxn.backFree, s.l.stream(s.g, s.g.cfg.Place.Node(home)))
	}
	return s.l.seen(s.g, home, s.w.credit, s.l.channel)
}

func (s *directPusher) step() (status, error) {
	st := idle
	for k := 0; k < len(s.live); {
		home := int(s.live[k])
		chunk := min(s.left(home), s.g.plan.FlatChunk())
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

// put moves a chunk into the ring at its home, or of who passes it on.
func (s *directPusher) put(home, chunk int) error {
	place, via := &s.g.cfg.Place, s.via(home)
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
	if via != s.l.id {
		s.l.ledger.Put(&s.l.ledger.ScaleUp[place.Index(via)], chunk, &s.a.sum)
		return s.l.signal(s.g, via, s.pxn.backTail, s.l.stream(s.g, place.Node(home)), uint64(chunk))
	}
	s.l.ledger.Put(&s.l.ledger.ScaleOut[home], chunk, &s.a.sum)
	return s.l.signal(s.g, home, s.w.tail, s.l.channel, uint64(chunk))
}

func (s *directPusher) where() waiting {
	w := waiting{Rank: s.l.id, Peer: -1, Channel: s.l.channel, Role: "pusher", For: "room in the ring"}
	for home := range s.next {
		if s.p == nil || s.g.cfg.Place.Node(home) == s.l.node {
			continue
		}
		if s.left(home) > 0 {
			if w.Peer = s.via(home); w.Peer == s.l.id {
				w.Peer = home
			}
			w.Seen = s.credit(home)
			w.Awaited = s.sent[home].need(s.a.sumSlots, min(s.left(home), s.g.plan.FlatChunk()))
			break
		}
	}
	return w
}

// directHomeReducer adds the outputs of all target ranks for one channel's
// tokens.
type directHomeReducer struct {
	home
	a     *areas
	w     *directCombineWords
	p     *plan.Direct
	pxn   bool    // credit goes to the rail peer that has passed the row on, as of who made it
	taken []flow  // [ranks] rows taken out of the ring
	owed  []int   // [ranks] rows taken for which no credit was given yet
	left  []int32 // [ranks] rows still to come in this run
}

func (r *directHomeReducer) begin(p plan.Plan) {
	r.p = directOf(p)
	_, r.pxn = p.(*plan.PXN)
	r.home.restart(r.p.Tokens)
	restart(r.taken)
	copy(r.left, r.p.Rows[r.l.channel*len(r.left):])
}

func (r *directHomeReducer) step() (status, error) { return r.reduce(r, r.w.ready) }

// missing is a rank whose output for the current token is not here, or -1.
func (r *directHomeReducer) missing() int {
	place := r.g.cfg.Place
	for k := r.p.First[r.token]; k < r.p.First[r.token+1]; k++ {
		from := int(r.p.To[k])
		if place.Node(from) != r.l.node && r.l.filled(r.g, from, r.w.tail, &r.taken[from]) == 0 {
			return from
		}
	}
	return -1
}

func (r *directHomeReducer) add() error {
	place := r.g.cfg.Place
	lo, hi := r.p.First[r.token], r.p.First[r.token+1]
	r.sum.reset()
	for k := lo; k < hi; k++ {
		from := int(r.p.To[k])
		if place.Node(from) == r.l.node {
			r.sum.load(r.l, r.a, place.Index(from), int(r.p.Slot[k]))
			continue
		}
		at := r.taken[from].slot(r.a.sumRing, r.a.sumSlots, r.g.cfg.Channels, from, r.l.channel)
		r.sum.add(r.l.mem[at : at+r.a.sum.Size()])
		r.l.ledger.Reduce(1)
	}
	r.sum.finish(r.g, r.l, r.a, r.token)
	chunk := r.g.plan.FlatChunk()
	for k := lo; k < hi; k++ {
		from := int(r.p.To[k])
		if place.Node(from) == r.l.node {
			continue
		}
		r.taken[from].total++
		r.left[from]--
		if err := r.repay(from, chunk); err != nil {
			return err
		}
	}
	return nil
}

// repay gives credit for a row that came from a rank, a chunk at a time.
func (r *directHomeReducer) repay(from, chunk int) error {
	if !r.pxn {
		return r.l.repay(r.g, from, r.w.credit, &r.owed[from], chunk, r.left[from] == 0)
	}
	if r.owed[from]++; r.owed[from] < chunk && r.left[from] > 0 {
		return nil
	}
	rows := r.owed[from]
	r.owed[from] = 0
	place := &r.g.cfg.Place
	via := place.RailPeer(r.l.id, place.Node(from))
	// It keeps a word for each rank of this node, by the index of who made the row.
	return r.l.signalAs(r.g, via, r.w.credit, place.Rank(r.l.node, place.Index(from)), uint64(rows))
}

func (r *directHomeReducer) where() waiting {
	w := waiting{Rank: r.l.id, Peer: -1, Channel: r.l.channel, Role: "home reducer", For: "outputs", last: true}
	if r.p == nil {
		return w
	}
	if !r.y.ok(r.g, r.l.rank, r.w.ready) {
		return r.y.where(r.g, r.l, w, r.w.ready)
	}
	if r.token < r.end {
		if w.Peer = r.missing(); w.Peer >= 0 {
			w.Awaited, w.Seen = r.taken[w.Peer].total+1, r.l.seen(r.g, w.Peer, r.w.tail, r.l.channel)
		}
	}
	return w
}
