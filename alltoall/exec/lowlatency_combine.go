package exec

import (
	"encoding/binary"
	"math"

	"github.com/commbench/commbench/alltoall/kernel"
	"github.com/commbench/commbench/alltoall/plan"
)

// llPusher puts outputs of what came by one channel of each rank back to it.
type llPusher struct {
	g    *Group
	l    *lane
	a    *areas
	w    *llWords
	p    *plan.LowLatency
	done int // ranks that have all of theirs
}

func (s *llPusher) begin(p plan.Plan) { s.p, s.done = p.(*plan.LowLatency), 0 }

func (s *llPusher) step() (status, error) {
	place := &s.g.cfg.Place
	home := (s.l.id + s.done) % place.Ranks()
	rows := 0
	for e := range place.PerRank() {
		n, before := s.p.Arriving(e, home, s.l.channel)
		from := int(s.p.Slot[e*place.Ranks()+home]) + before
		to := (place.FirstExpert(s.l.id)+e)*s.g.cfg.MaxTokens + before
		for i := range n {
			if err := s.a.put(s.l.to(s.g, home), s.a.returns.at(to+i), s.l.row(s.a.y, from+i, s.a.sum.Size())); err != nil {
				return moved, err
			}
		}
		rows += n
	}
	if rows > 0 {
		s.l.ledger.Put(s.l.link(s.g, home), rows, &s.a.sum)
		if err := s.l.signal(s.g, home, s.w.back, s.l.channel, uint64(rows)); err != nil {
			return moved, err
		}
	}
	if s.done++; s.done == place.Ranks() {
		return finished, nil
	}
	return moved, nil
}

func (s *llPusher) where() waiting {
	return waiting{Rank: s.l.id, Peer: -1, Channel: s.l.channel, Role: "pusher", For: "a step"}
}

// llHome adds up the outputs of one channel's tokens.
type llHome struct {
	g          *Group
	l          *lane
	a          *areas
	w          *llWords
	p          *plan.LowLatency
	base       []uint64 // [ranks] outputs of earlier runs
	peer       int      // ranks before this one have returned all
	token, end int
	rows       [][]byte
	weights    []float32
	out        []byte
}

func (r *llHome) begin(p plan.Plan) {
	r.p, r.peer = p.(*plan.LowLatency), 0
	r.token, r.end = plan.Span(r.p.Tokens, r.g.cfg.Channels, r.l.channel)
}

func (r *llHome) step() (status, error) {
	for ; r.peer < len(r.base); r.peer++ {
		want := r.base[r.peer] + uint64(r.p.Of(r.l.channel, r.peer))
		if r.l.seen(r.g, r.peer, r.w.back, r.l.channel) < want {
			return idle, nil
		}
		r.base[r.peer] = want
	}
	for range min(r.g.cfg.Chunk, r.end-r.token) {
		r.add()
		r.token++
	}
	if r.token == r.end {
		return finished, nil
	}
	return moved, nil
}

// add sums a token's outputs in the order of its choices.
func (r *llHome) add() {
	k, full := r.g.cfg.TopK, plan.CombineRow(r.g.cfg.Hidden, r.g.cfg.TopK)
	r.rows, r.weights = r.rows[:0], r.weights[:0]
	clear(r.out)
	for j := range k {
		i := r.token*k + j
		e := int(r.p.Experts[i])
		if e < 0 {
			continue
		}
		w := 0 + r.p.Weights[i]
		r.rows = append(r.rows, r.l.row(r.a.returns, e*r.g.cfg.MaxTokens+int(r.p.Number[i]), r.a.sum.Size()))
		r.weights = append(r.weights, w)
		binary.LittleEndian.PutUint32(r.out[full.Payload+4*j:], math.Float32bits(w))
	}
	r.l.ledger.Reduce(len(r.rows))
	for i := range r.g.cfg.Bias {
		r.rows = append(r.rows, r.l.row(r.g.arena.bias[i], r.token, full.Payload))
		r.weights = append(r.weights, 1)
	}
	kernel.SumWeighted(r.out[:full.Payload], r.rows, r.weights)
	r.a.copy(r.l.row(r.g.arena.out, r.token, full.Size()), r.out)
	r.l.ledger.Write(1, &r.a.sum)
}

func (r *llHome) where() waiting {
	w := waiting{Rank: r.l.id, Peer: -1, Channel: r.l.channel, Role: "home reducer", For: "outputs", last: true}
	if r.p != nil && r.peer < len(r.base) {
		w.Peer, w.Awaited = r.peer, r.base[r.peer]+uint64(r.p.Of(r.l.channel, r.peer))
		w.Seen = r.l.seen(r.g, r.peer, r.w.back, r.l.channel)
	}
	return w
}
