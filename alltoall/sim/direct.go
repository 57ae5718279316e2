package sim

import (
	"fmt"

	"github.com/commbench/commbench/alltoall/plan"
)

// Direct dispatch: a sender puts each token once to each of its ranks, whichever node they are
// on. Where roles have SMs of their own, the other of a channel's two copies what came.

type directDispatch struct {
	*machine
	plans   []*plan.Direct
	arrived int64
}

func newDirectDispatch(m *machine, plans []*plan.Direct) *directDispatch {
	d := &directDispatch{machine: m, plans: plans}
	for _, p := range plans {
		for _, to := range p.To {
			if m.Plan.Place.Node(int(to)) != m.Plan.Place.Node(p.Rank) {
				m.total++
			}
		}
	}
	m.addSMs(func(rank, c, which int) []role {
		if which == second {
			return nil // receivers, which have no step but to copy
		}
		s := &directSender{d: d, rank: rank, channel: c, sm: m.smOf(rank, c, first)}
		s.token, s.end = plan.Span(plans[rank].Tokens, plans[rank].Channels, c)
		return []role{s}
	})
	return d
}

func (d *directDispatch) begin() {}

// A message's id is (receiver, channel).
func (d *directDispatch) receiver(id int) int { return id / d.Plan.Channels }

func (d *directDispatch) deliver(id, rows int, at int64) {
	d.arrived += int64(rows)
	d.came(d.receiver(id), id%d.Plan.Channels, rows, at)
}

// came has rows copied where kernels have receivers.
func (m *machine) came(rank, channel, rows int, at int64) {
	m.finished(rank, at)
	if m.perChannel == 2 {
		m.owe(m.smOf(rank, channel, second), at, rows)
	}
}

func (d *directDispatch) credit(int, int) {}

func (d *directDispatch) stuck() string {
	if d.arrived < d.total {
		return fmt.Sprintf("%d of %d rows arrived", d.arrived, d.total)
	}
	return ""
}

// directSender moves one channel's tokens straight to their target ranks.
type directSender struct {
	d             *directDispatch
	rank, channel int
	sm            int
	token, end    int
	from          int // first token of the step under way
	ended         bool
}

func (s *directSender) start() (work, bool) {
	if s.token == s.end {
		if !s.ended {
			s.ended = true
			s.d.complete(s.d.plans[s.rank], s.channel)
		}
		return work{}, false
	}
	if s.d.backedUp(s.rank, s.sm) {
		return work{}, false
	}
	s.from, s.token = s.token, min(s.token+s.d.Plan.Chunk, s.end)
	d, p, through := s.d, s.d.plans[s.rank], int64(0)
	for _, to := range p.To[p.First[s.from]:p.First[s.token]] {
		if d.Plan.Place.Node(int(to)) == d.Plan.Place.Node(s.rank) {
			through = max(through, d.up(s.rank, int(to), 1, d.now))
		}
	}
	return work{read: float64(s.token - s.from), write: float64(p.First[s.token] - p.First[s.from]), stores: through}, true
}

func (s *directSender) finish() {
	d, p := s.d, s.d.plans[s.rank]
	l, place := d.ledgers[s.rank], &d.Plan.Place
	node := place.Node(s.rank)
	for _, to := range p.To[p.First[s.from]:p.First[s.token]] {
		to := int(to)
		if place.Node(to) == node {
			l.Put(&l.ScaleUp[place.Index(to)], 1, &d.Row)
			d.came(to, s.channel, 1, d.stored(s.rank, to))
			continue
		}
		l.Put(&l.ScaleOut[to], 1, &d.Row)
		d.send(s.rank, to, 1, to*p.Channels+s.channel)
	}
}

// complete tells ranks that all rows of a channel are on their way.
func (d *directDispatch) complete(p *plan.Direct, channel int) {
	ranks := d.Plan.Place.Ranks()
	for to, rows := range p.Rows[channel*ranks : (channel+1)*ranks] {
		if rows > 0 {
			d.link(p.Rank, to).Signals++
		}
	}
}

// link is a rank's count of what it has moved to another.
func (m *machine) link(from, to int) *plan.Link {
	place := &m.Plan.Place
	if place.Node(from) == place.Node(to) {
		return &m.ledgers[from].ScaleUp[place.Index(to)]
	}
	return &m.ledgers[from].ScaleOut[to]
}

// Direct combine: each rank pushes its outputs into rings at their homes, or over scale-up,
// and home adds up.

type directCombine struct {
	*machine
	plans   []*plan.Direct
	through []*plan.PXN // by whom outputs go to other nodes; nil if by nobody
	streams []stream    // [home][rank that pushes][channel]
	homes   []home
}

func newDirectCombine(m *machine, plans []*plan.Direct) *directCombine {
	place, channels := &m.Plan.Place, m.Plan.Channels
	ranks := place.Ranks()
	d := &directCombine{machine: m, plans: plans, streams: make([]stream, ranks*ranks*channels), homes: make([]home, ranks*channels)}
	for _, p := range plans {
		for to := range ranks {
			for c := range channels {
				at := to*(channels+1) + c
				s := &d.streams[d.id(to, p.Rank, c)]
				s.from, s.total = uint32(p.FromChannel[at]), uint16(p.FromChannel[at+1]-p.FromChannel[at])
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
		if place.Node(from) != place.Node(home) {
			d.charge(s, from, home)
		}
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
			s.node.add(int32(to), left)
		} else {
			s.others.add(int32(to), left)
		}
	}
}

func (s *directPusher) start() (work, bool) {
	if !s.begun {
		s.begin()
	}
	d := s.d
	backedUp := d.backedUp
	if d.through != nil {
		backedUp = d.allBackedUp
	}
	if len(s.others.live) > 0 && !backedUp(s.rank, s.sm) && s.others.turn(s.take) {
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
	t.left -= int32(rows)
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
			d.at(d.stored(s.rank, via), credited, s.rows, d.relayed(id))
			return
		}
		d.send(s.rank, s.home, s.rows, id)
		return
	}
	d.read(s.home, s.rank, s.rows)
	d.deliver(id, s.rows, d.stored(s.rank, s.home))
}
