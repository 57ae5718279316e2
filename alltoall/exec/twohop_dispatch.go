package exec

import "github.com/commbench/commbench/alltoall/plan"

// Two-hop dispatch: a sender puts each of its tokens once into a ring at the
// rail peer of every other target node; the forwarder there puts it to the
// target ranks of its node and gives credit back. Tokens for the sender's own
// node take no scale-out hop.

// twoHopWords are the signal words of a two-hop dispatch.
type twoHopWords struct {
	tail    words // rows that arrived in the ring from a rail peer, by channel
	credit  words // rows that the rail peer has freed again
	arrived words // rows in the receive buffer from a rank of the node
}

// twoHopSender moves one channel's tokens to the ring of each rail peer.
type twoHopSender struct {
	g    *Group
	l    *lane
	a    *areas
	w    *twoHopWords
	p    *plan.TwoHop
	live live    // nodes
	next []int32 // [nodes] next entry of the stream to the node
	sent []flow  // [nodes] rows put into the ring there
}

func (s *twoHopSender) begin(p plan.Plan) {
	s.p, s.live = p.(*plan.TwoHop), s.live[:0]
	restart(s.sent)
	for i := range s.next {
		// Behind the own node first, so that not all senders fill the same peer.
		n := (s.l.node + 1 + i) % len(s.next)
		s.next[n] = s.p.Send[n].Start[s.l.channel]
		if s.left(n) > 0 {
			s.live = append(s.live, int32(n))
		}
	}
}

// left is the rows of the stream to a node that were not sent yet.
func (s *twoHopSender) left(n int) int {
	return int(s.p.Send[n].Start[s.l.channel+1] - s.next[n])
}

func (s *twoHopSender) step() (status, error) {
	st := idle
	for k := 0; k < len(s.live); {
		n := int(s.live[k])
		chunk := min(s.left(n), s.g.cfg.Chunk)
		peer := s.g.cfg.Place.RailPeer(s.l.id, n)
		var err error
		switch {
		case n == s.l.node:
			err = s.deliver(chunk)
		case s.l.room(s.g, peer, s.w.credit, s.a.slots, chunk, &s.sent[n]):
			err = s.put(n, peer, chunk)
		default:
			k++
			continue
		}
		if err != nil {
			return moved, err
		}
		st = moved
		if s.left(n) == 0 {
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

// put moves a chunk into the ring at the rail peer on node n.
func (s *twoHopSender) put(n, peer, chunk int) error {
	out, link := s.l.outTo[peer], &s.l.ledger.ScaleOut[peer]
	for _, token := range s.p.Send[n].Tokens[s.next[n] : int(s.next[n])+chunk] {
		to := s.sent[n].slot(s.a.ring, s.a.slots, s.g.cfg.Channels, s.l.node, s.l.channel)
		put := out.Put
		if s.a.streamRings {
			put = out.Stream
		}
		if err := put(segment, to, s.l.row(s.g.arena.x, int(token), s.a.row.Size())); err != nil {
			return err
		}
		s.sent[n].total++
	}
	s.l.ledger.Put(link, chunk, &s.a.row)
	s.next[n] += int32(chunk)
	return s.l.signal(s.g, peer, s.w.tail, s.l.channel, uint64(chunk))
}

// deliver puts a chunk of the own node's tokens straight to its ranks.
func (s *twoHopSender) deliver(chunk int) error {
	n := s.l.node
	for range chunk {
		token := s.p.Send[n].Tokens[s.next[n]]
		if err := s.l.fanOut(s.a, &s.p.Fans[n], int(s.next[n]), s.l.row(s.g.arena.x, int(token), s.a.row.Size())); err != nil {
			return err
		}
		s.next[n]++
	}
	if s.next[n] == s.p.Send[n].Start[s.l.channel+1] {
		return s.l.complete(s.g, &s.p.Fans[n], s.w.arrived)
	}
	return nil
}

// fanOut puts one row to all target ranks of entry i of the fan.
func (l *lane) fanOut(a *areas, f *plan.Fan, i int, src []byte) error {
	lo, hi := f.First[i], f.First[i+1]
	for k := lo; k < hi; k++ {
		to := f.Index[k]
		if err := a.put(l.upTo[to], a.recv.at(int(f.Slot[k])), src); err != nil {
			return err
		}
		l.ledger.Put(&l.ledger.ScaleUp[to], 1, &a.row)
	}
	return nil
}

// complete tells the node's ranks how many rows of the fan's channel they have.
func (l *lane) complete(g *Group, f *plan.Fan, arrived words) error {
	gpus := g.cfg.Place.GPUsPerNode
	for i, rows := range f.Rows[l.channel*gpus : (l.channel+1)*gpus] {
		if rows == 0 {
			continue
		}
		if err := l.signal(g, g.cfg.Place.Rank(l.node, i), arrived, 0, uint64(rows)); err != nil {
			return err
		}
	}
	return nil
}

func (s *twoHopSender) where() waiting {
	w := waiting{Rank: s.l.id, Peer: -1, Channel: s.l.channel, Role: "sender", For: "room in the ring"}
	for n := range s.next {
		if peer := s.g.cfg.Place.RailPeer(s.l.id, n); s.p != nil && n != s.l.node && s.left(n) > 0 {
			w.Peer, w.Seen = peer, s.l.seen(s.g, peer, s.w.credit, s.l.channel)
			w.Awaited = s.sent[n].need(s.a.slots, min(s.left(n), s.g.cfg.Chunk))
			break
		}
	}
	return w
}

// twoHopForwarder moves what arrives in one channel's rings to the target ranks
// of its node.
type twoHopForwarder struct {
	g     *Group
	l     *lane
	a     *areas
	w     *twoHopWords
	p     *plan.TwoHop
	live  live    // nodes
	next  []int32 // [nodes] next entry of the stream from the node
	taken []flow  // [nodes] rows taken out of the ring
	owed  debts
}

func (f *twoHopForwarder) begin(p plan.Plan) {
	f.p, f.live = p.(*plan.TwoHop), f.live[:0]
	f.owed.clear()
	restart(f.taken)
	for i := range f.next {
		n := (f.l.node + 1 + i) % len(f.next)
		f.next[n] = f.p.Fans[n].Start[f.l.channel]
		if n != f.l.node && f.left(n) > 0 {
			f.live = append(f.live, int32(n))
		}
	}
}

// left is the rows of the stream from a node that were not forwarded yet.
func (f *twoHopForwarder) left(n int) int {
	return int(f.p.Fans[n].Start[f.l.channel+1] - f.next[n])
}

func (f *twoHopForwarder) step() (status, error) {
	st := idle
	if paid, err := f.owed.pay(f.g, f.l, f.w.credit); err != nil || paid {
		st = moved
		if err != nil {
			return st, err
		}
	}
	for k := 0; k < len(f.live); {
		n := int(f.live[k])
		chunk := min(f.left(n), f.g.cfg.Chunk)
		if f.l.filled(f.g, f.g.cfg.Place.RailPeer(f.l.id, n), f.w.tail, &f.taken[n]) < chunk {
			k++
			continue
		}
		st = moved
		if err := f.forward(n, chunk); err != nil {
			return st, err
		}
		if f.left(n) == 0 {
			f.live = f.live.drop(k)
		} else {
			k++
		}
	}
	if len(f.live) == 0 && f.owed.none() {
		return finished, nil
	}
	return st, nil
}

// forward puts a chunk from node n to its target ranks and frees its slots.
func (f *twoHopForwarder) forward(n, chunk int) error {
	fan, peer := &f.p.Fans[n], f.g.cfg.Place.RailPeer(f.l.id, n)
	for range chunk {
		from := f.taken[n].slot(f.a.ring, f.a.slots, f.g.cfg.Channels, n, f.l.channel)
		if err := f.l.fanOut(f.a, fan, int(f.next[n]), f.l.mem[from:from+f.a.row.Size()]); err != nil {
			return err
		}
		f.taken[n].total++
		f.next[n]++
	}
	if err := f.owed.add(f.g, f.l, f.w.credit, peer, chunk); err != nil {
		return err
	}
	if f.left(n) > 0 {
		return nil
	}
	return f.l.complete(f.g, fan, f.w.arrived)
}

func (f *twoHopForwarder) where() waiting {
	w := waiting{Rank: f.l.id, Peer: -1, Channel: f.l.channel, Role: "forwarder", For: "tokens in the ring"}
	for n := range f.next {
		if f.p != nil && n != f.l.node && f.left(n) > 0 {
			w.Peer = f.g.cfg.Place.RailPeer(f.l.id, n)
			w.Seen = f.l.seen(f.g, w.Peer, f.w.tail, f.l.channel)
			w.Awaited = f.taken[n].total + uint64(min(f.left(n), f.g.cfg.Chunk))
			break
		}
	}
	return w
}
