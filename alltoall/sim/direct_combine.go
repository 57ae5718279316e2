package sim

import (
	"fmt"

	"github.com/commbench/commbench/alltoall/plan"
)

// Direct combine: each rank pushes its outputs into rings at their homes, or over scale-up,
// and home adds up. In pxn what is for another node and another rail goes to the rank of the
// node that is on home's rail, whose NIC sends it on into home's ring. An id behind those of all
// streams is of rows on their way to it.

type directCombine struct {
	*machine
	plans   []*plan.Direct
	through []*plan.PXN // by whom outputs go to other nodes; nil if by nobody
	streams []stream    // [home][rank that pushes][channel]
	homes   []home
}

func newDirectCombine(m *machine, plans []*plan.Direct, through []*plan.PXN) *directCombine {
	place, channels := &m.Plan.Place, m.Plan.Channels
	ranks := place.Ranks()
	d := &directCombine{machine: m, plans: plans, through: through, streams: make([]stream, ranks*ranks*channels), homes: make([]home, ranks*channels)}
	for _, p := range plans {
		for to := range ranks {
			for c := range channels {
				at := to*(channels+1) + c
				s := &d.streams[d.id(to, p.Rank, c)]
				s.total = uint16(p.FromChannel[at+1] - p.FromChannel[at])
				if place.Node(to) != place.Node(p.Rank) {
					m.total += int64(s.total)
				}
			}
		}
	}
	m.addSMs(func(rank, c, which int) []role {
		p := plans[rank]
		if which == first {
			own := place.Node(rank) * place.GPUsPerNode
			h := &d.homes[rank*channels+c]
			*h = home{m: m, streams: d.streams, rank: rank, channel: c, sm: m.smOf(rank, c, second), sources: ranks, own: own,
				behind: own + place.GPUsPerNode, chunk: p.FlatChunk(), waiting: nobody, none: m.perChannel == 1, first: p.First, from: p.To}
			h.token, h.end = plan.Span(p.Tokens, channels, c)
			return []role{&directPusher{d: d, rank: rank, channel: c, sm: m.smOf(rank, c, first)}}
		}
		return []role{&d.homes[rank*channels+c]}
	})
	return d
}

func (d *directCombine) id(home, from, channel int) int {
	return (home*d.Plan.Place.Ranks()+from)*d.Plan.Channels + channel
}

func (d *directCombine) split(id int) (home, from, channel int) {
	c, ranks := d.Plan.Channels, d.Plan.Place.Ranks()
	return id / c / ranks, id / c % ranks, id % c
}

func (d *directCombine) begin() {
	for _, p := range d.plans {
		d.announce(p.Rank)
		if d.perChannel == 1 { // by an epilogue
			d.ledgers[p.Rank].Write(p.Tokens, &d.Row)
		}
	}
}

// announce has a rank tell its node that its outputs are ready.
func (m *machine) announce(rank int) {
	l := m.ledgers[rank]
	for i := range l.ScaleUp {
		l.ScaleUp[i].Signals++
	}
}

func (d *directCombine) receiver(id int) int { home, _, _ := d.split(id); return home }

func (d *directCombine) deliver(id, rows int, at int64) {
	rank, from, c := d.split(id)
	d.homes[rank*d.Plan.Channels+c].deliver(id, from, rows, at)
}

func (d *directCombine) credit(id, rows int) {
	if id >= len(d.streams) { // rows that reach who passes them on: its NIC sends them
		id -= len(d.streams)
		home, from, _ := d.split(id)
		d.send(d.through[from].Through(home), home, rows, id)
		return
	}
	_, from, c := d.split(id)
	d.streams[id].open -= uint16(rows)
	d.wake(d.smOf(from, c, first), d.now)
}

func (d *directCombine) stuck() string {
	place := &d.Plan.Place
	for id := range d.streams {
		s := &d.streams[id]
		home, from, c := d.split(id)
		if s.freed < s.total {
			return fmt.Sprintf("rank %d, channel %d: %d outputs from rank %d, of which %d arrived and %d were added up", home, c, s.total, from, s.arrived, s.freed)
		}
		if place.Node(from) == place.Node(home) {
			continue
		}
		via := from
		if d.through != nil {
			via = d.through[from].Through(home)
		}
		if via != from { // tails to who passes on, and its credits
			k := d.link(from, via)
			d.ledgers[from].Put(k, int(s.arrived), &d.Row)
			k.Signals += int64(s.tails)
			d.link(via, from).Signals += int64(s.tails)
		}
		d.charge(s, via, home)
	}
	return ""
}

// directPusher puts one channel's outputs into the rings at their homes.
type directPusher struct {
	d             *directCombine
	rank, channel int
	sm            int
	others, node  targets // homes on other nodes, and on the own
	begun         bool
	home, rows    int // of the step under way
}

func (s *directPusher) begin() {
	s.begun = true
	place := &s.d.Plan.Place
	for i := range place.Ranks() {
		to := (s.rank + i) % place.Ranks()
		left := int32(s.d.streams[s.d.id(to, s.rank, s.channel)].total)
		if place.Node(to) == place.Node(s.rank) {
			s.node.add(to, left)
		} else {
			s.others.add(to, left)
		}
	}
}

func (s *directPusher) start() (work, bool) {
	if !s.begun {
		s.begin()
	}
	d := s.d
	if len(s.others.live) > 0 && !d.full(d.through, s.rank, s.sm) && s.others.turn(s.take) {
		w := work{read: float64(s.rows), write: float64(s.rows)}
		if via := s.via(); via != s.rank {
			w.stores = d.up(s.rank, via, s.rows, d.now)
		}
		return w, true
	}
	if !s.node.turn(s.take) {
		return work{}, false
	}
	return work{read: float64(s.rows), write: float64(s.rows), stores: d.up(s.rank, s.home, s.rows, d.now)}, true
}

func (s *directPusher) take(t *target) bool {
	rows := min(int(t.left), s.d.Plan.FlatChunk())
	place := &s.d.Plan.Place
	st := &s.d.streams[s.d.id(int(t.to), s.rank, s.channel)]
	if s.d.Ring > 0 && int(st.total) > s.d.Ring && place.Node(int(t.to)) != place.Node(s.rank) {
		if !st.room(s.d.Ring, rows) {
			return false
		}
		st.open += uint16(rows)
	}
	t.left -= uint16(rows)
	s.home, s.rows = int(t.to), rows
	return true
}

// via is who sends the rows of the step under way to another node.
func (s *directPusher) via() int {
	if s.d.through == nil {
		return s.rank
	}
	return s.d.through[s.rank].Through(s.home)
}

func (s *directPusher) finish() {
	d, place := s.d, &s.d.Plan.Place
	id := d.id(s.home, s.rank, s.channel)
	if place.Node(s.home) != place.Node(s.rank) {
		if via := s.via(); via != s.rank {
			d.at(d.stored(s.rank, via), credited, s.rows, len(d.streams)+id)
			return
		}
		d.send(s.rank, s.home, s.rows, id)
		return
	}
	d.read(s.home, s.rank, s.rows)
	d.deliver(id, s.rows, d.stored(s.rank, s.home))
}
