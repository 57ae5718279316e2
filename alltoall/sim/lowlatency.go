package sim

import (
	"fmt"

	"github.com/commbench/commbench/alltoall/plan"
)

// Low-latency dispatch: an SM makes a message of each of its tokens and has it put to the
// rank of each choice. Receivers pack what comes, spread over all SMs.

type llDispatch struct {
	*machine
	plans   []*plan.LowLatency
	arrived int64
}

func newLLDispatch(m *machine, plans []*plan.LowLatency) *llDispatch {
	d := &llDispatch{machine: m, plans: plans}
	for _, p := range plans {
		for _, e := range p.Experts {
			if e >= 0 && m.Plan.Place.NodeOf(int(e)) != m.Plan.Place.Node(p.Rank) {
				m.total++
			}
		}
	}
	m.addSMs(func(rank, c, which int) []role {
		if which == second {
			return nil
		}
		s := &llSender{d: d, p: plans[rank], channel: c, sm: m.smOf(rank, c, first)}
		s.token, s.end = plan.Span(s.p.Tokens, s.p.Channels, c)
		return []role{s}
	})
	return d
}

func (d *llDispatch) begin() {}

// A message's id is (receiver, channel).
func (d *llDispatch) receiver(id int) int { return id / d.Plan.Channels }

func (d *llDispatch) deliver(id, rows int, at int64) {
	d.arrived += int64(rows)
	d.pack(d.receiver(id), id%d.Plan.Channels, rows, at)
}

// pack has messages packed that are there from a time on.
func (d *llDispatch) pack(rank, channel, rows int, at int64) {
	d.ledgers[rank].Unpack(rows, &d.Row)
	d.finished(rank, at)
	d.owe(d.smOf(rank, channel, first), at, rows)
}

func (d *llDispatch) credit(int, int) {}

func (d *llDispatch) stuck() string {
	if d.arrived < d.total {
		return fmt.Sprintf("%d of %d messages arrived", d.arrived, d.total)
	}
	return ""
}

// llSender makes and puts the messages of one channel's tokens.
type llSender struct {
	d          *llDispatch
	p          *plan.LowLatency
	channel    int
	sm         int
	token, end int
	from       int // first token of the step under way
	told       bool
}

// choices calls f with the target rank of each choice of the step's tokens.
func (s *llSender) choices(f func(to int, local bool)) {
	place := &s.p.Place
	for _, e := range s.p.Experts[s.from*s.p.TopK : s.token*s.p.TopK] {
		if e >= 0 {
			to := place.RankOf(int(e))
			f(to, place.Node(to) == place.Node(s.p.Rank))
		}
	}
}

func (s *llSender) start() (work, bool) {
	if s.token == s.end {
		if !s.told {
			s.told = true
			for e := range s.p.Place.Experts {
				s.d.link(s.p.Rank, s.p.Place.RankOf(e)).Signals++
			}
		}
		return work{}, false
	}
	if s.d.backedUp(s.p.Rank, s.sm) {
		return work{}, false
	}
	s.from, s.token = s.token, min(s.token+s.p.Chunk, s.end)
	w, made := work{}, 0.0
	for token := s.from; token < s.token; token++ {
		if s.p.Chooses(token) {
			made++
		}
	}
	s.choices(func(to int, local bool) {
		if local {
			w.stores = max(w.stores, s.d.up(s.p.Rank, to, 1, s.d.now))
		}
	})
	w.read, w.write = made, made
	return w, true
}

func (s *llSender) finish() {
	d, rank := s.d, s.p.Rank
	l := d.ledgers[rank]
	for token := s.from; token < s.token; token++ {
		if s.p.Chooses(token) {
			l.Pack(1, &d.Row)
		}
	}
	s.choices(func(to int, local bool) {
		l.Put(d.link(rank, to), 1, &d.Row)
		if local {
			d.pack(to, s.channel, 1, d.stored(rank, to))
		} else {
			d.send(rank, to, 1, to*s.p.Channels+s.channel)
		}
	})
}

// Low-latency combine: outputs go back to home's slots, and home adds a channel's up when all
// of them are there.

type llCombine struct {
	*machine
	plans []*plan.LowLatency
	homes []llHome
}

func newLLCombine(m *machine, plans []*plan.LowLatency) *llCombine {
	place := &m.Plan.Place
	d := &llCombine{machine: m, plans: plans, homes: make([]llHome, place.Ranks()*m.Plan.Channels)}
	m.addSMs(func(rank, c, which int) []role {
		if which == second {
			return nil
		}
		p := plans[rank]
		h := &d.homes[rank*m.Plan.Channels+c]
		*h = llHome{d: d, p: p, sm: m.smOf(rank, c, first)}
		h.token, h.end = plan.Span(p.Tokens, p.Channels, c)
		for from := range place.Ranks() {
			n := p.Of(c, from)
			h.missing += n
			if place.Node(from) != place.Node(rank) {
				m.total += int64(n)
			}
		}
		return []role{&llPusher{d: d, p: p, channel: c, sm: h.sm}, h}
	})
	return d
}

func (d *llCombine) begin() {}

func (d *llCombine) receiver(id int) int { return id / d.Plan.Channels }

func (d *llCombine) deliver(id, rows int, at int64) {
	h := &d.homes[id]
	d.finished(h.p.Rank, at)
	h.seen = max(h.seen, at)
	if h.missing -= rows; h.missing == 0 {
		d.wake(h.sm, h.seen)
	}
}

func (d *llCombine) credit(int, int) {}

func (d *llCombine) stuck() string {
	for i := range d.homes {
		if h := &d.homes[i]; h.token < h.end {
			return fmt.Sprintf("rank %d: %d outputs are missing", h.p.Rank, h.missing)
		}
	}
	return ""
}

// llPusher puts back the outputs of what came by one channel of each rank.
type llPusher struct {
	d          *llCombine
	p          *plan.LowLatency
	channel    int
	sm         int
	done       int // ranks that have all of theirs
	home, rows int // of the step under way
}

func (s *llPusher) start() (work, bool) {
	d, place := s.d, &s.p.Place
	if d.backedUp(s.p.Rank, s.sm) {
		return work{}, false
	}
	for s.rows = 0; s.rows == 0; s.done++ {
		if s.done == place.Ranks() {
			return work{}, false
		}
		s.home = (s.p.Rank + s.channel + s.done) % place.Ranks() // some over scale-up, some over scale-out
		for e := range place.PerRank() {
			n, _ := s.p.Arriving(e, s.home, s.channel)
			s.rows += n
		}
	}
	w := work{read: float64(s.rows)}
	if place.Node(s.home) == place.Node(s.p.Rank) {
		w.stores = d.up(s.p.Rank, s.home, s.rows, d.now)
	}
	return w, true
}

func (s *llPusher) finish() {
	d, place, rank := s.d, &s.p.Place, s.p.Rank
	k := d.link(rank, s.home)
	d.ledgers[rank].Put(k, s.rows, &d.Row)
	k.Signals++
	id := s.home*s.p.Channels + s.channel
	if place.Node(s.home) == place.Node(rank) {
		d.deliver(id, s.rows, d.stored(rank, s.home))
	} else {
		d.send(rank, s.home, s.rows, id)
	}
}

// llHome adds up one channel's tokens.
type llHome struct {
	d          *llCombine
	p          *plan.LowLatency
	sm         int
	token, end int
	missing    int   // outputs that are not here
	seen       int64 // when the last of those that are were seen
	rows, n    int   // outputs and tokens of the step under way
}

func (h *llHome) start() (work, bool) {
	if h.token == h.end || h.missing > 0 {
		return work{}, false
	}
	if h.seen > h.d.now {
		h.d.wake(h.sm, h.seen)
		return work{}, false
	}
	h.n, h.rows = min(h.p.Chunk, h.end-h.token), 0
	for _, e := range h.p.Experts[h.token*h.p.TopK : (h.token+h.n)*h.p.TopK] {
		if e >= 0 {
			h.rows++
		}
	}
	return work{read: float64(h.rows), write: float64(h.n), reduce: float64(h.rows)}, true
}

func (h *llHome) finish() {
	l := h.d.ledgers[h.p.Rank]
	l.Reduce(h.rows)
	l.Write(h.n, &h.d.Row)
	h.token += h.n
}
