package sim

import (
	"fmt"

	"github.com/commbench/commbench/alltoall/plan"
)

// Direct dispatch: a sender puts each token once to each of its ranks, whichever node they are
// on. Where roles have SMs of their own, the other of a channel's two copies what came.
//
// In pxn it stores rows for another node and another rail at the rank of its node that is
// on their rail, whose NIC sends them on; no SM there has a part in it. Rings of who passes
// on are taken to have room: what fills them is the NIC that empties them.

type directDispatch struct {
	*machine
	plans   []*plan.Direct
	through []*plan.PXN // by whom rows go to other nodes; nil if by nobody
	arrived int64
}

func newDirectDispatch(m *machine, plans []*plan.Direct, through []*plan.PXN) *directDispatch {
	d := &directDispatch{machine: m, plans: plans, through: through}
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
		if through != nil {
			s.passed = make([]int32, m.Plan.Place.Ranks())
		}
		return []role{s}
	})
	return d
}

func (d *directDispatch) begin() {}

// A message's id is (receiver, channel), and of one that is passed on within the node (receiver,
// channel, node of who sends it).
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

// credit stands for rows that reach who passes them on: its NIC sends them.
func (d *directDispatch) credit(id, rows int) {
	nodes := d.Plan.Place.Nodes
	to := d.receiver(id / nodes)
	via := d.Plan.Place.RailPeer(to, id%nodes)
	d.ledgers[via].Put(&d.ledgers[via].ScaleOut[to], rows, &d.Row)
	d.send(via, to, rows, id/nodes)
}

func (d *directDispatch) stuck() string {
	if d.arrived < d.total {
		return fmt.Sprintf("%d of %d rows arrived", d.arrived, d.total)
	}
	return ""
}

// directSender moves one channel's tokens to their target ranks, or to who passes them on.
type directSender struct {
	d             *directDispatch
	rank, channel int
	sm            int
	token, end    int
	from          int     // first token of the step under way
	passed        []int32 // [ranks] rows for each that others pass on; nil if none does
	ended         bool
}

// hop is the rank to which a row for another is stored: that one if it is of the node, or who
// passes it on; the own rank where its NIC sends it.
func (s *directSender) hop(to int) int {
	place := &s.d.Plan.Place
	switch {
	case place.Node(to) == place.Node(s.rank):
		return to
	case s.d.through == nil:
		return s.rank
	}
	return s.d.through[s.rank].Through(to)
}

func (s *directSender) start() (work, bool) {
	if s.token == s.end {
		if !s.ended {
			s.ended = true
			s.complete()
		}
		return work{}, false
	}
	d, p := s.d, s.d.plans[s.rank]
	if d.full(d.through, s.rank, s.sm) {
		return work{}, false
	}
	s.from, s.token = s.token, min(s.token+d.Plan.Chunk, s.end)
	through := int64(0)
	for _, to := range p.To[p.First[s.from]:p.First[s.token]] {
		if hop := s.hop(int(to)); hop != s.rank {
			through = max(through, d.up(s.rank, hop, 1, d.now))
		}
	}
	return work{read: float64(s.token - s.from), write: float64(p.First[s.token] - p.First[s.from]), stores: through}, true
}

func (s *directSender) finish() {
	d, p, place := s.d, s.d.plans[s.rank], &s.d.Plan.Place
	l := d.ledgers[s.rank]
	for _, to := range p.To[p.First[s.from]:p.First[s.token]] {
		to := int(to)
		id := to*p.Channels + s.channel
		switch hop := s.hop(to); {
		case hop == to:
			l.Put(&l.ScaleUp[place.Index(to)], 1, &d.Row)
			d.came(to, s.channel, 1, d.stored(s.rank, to))
		case hop == s.rank:
			l.Put(&l.ScaleOut[to], 1, &d.Row)
			d.send(s.rank, to, 1, id)
		default:
			l.Put(&l.ScaleUp[place.Index(hop)], 1, &d.Row)
			s.passed[to]++
			d.at(d.stored(s.rank, hop), credited, 1, id*place.Nodes+place.Node(s.rank))
		}
	}
}

// complete tells ranks that all rows of a channel are on their way, and charges the tails and
// credits of those that were passed on.
func (s *directSender) complete() {
	d, p := s.d, s.d.plans[s.rank]
	ranks := p.Place.Ranks()
	for to, rows := range p.Rows[s.channel*ranks : (s.channel+1)*ranks] {
		if s.passed == nil || s.passed[to] == 0 {
			if rows > 0 {
				d.link(s.rank, to).Signals++
			}
			continue
		}
		via := s.hop(to)
		d.link(s.rank, via).Signals += p.FlatSignals(int(s.passed[to]))
		d.link(via, s.rank).Signals += p.FlatSignals(int(s.passed[to]))
		d.link(via, to).Signals++
	}
}

// full says whether the NICs that a rank feeds have enough to do: its own, or in pxn all of its node.
func (m *machine) full(through []*plan.PXN, rank, sm int) bool {
	if through != nil {
		return m.allBackedUp(rank, sm)
	}
	return m.backedUp(rank, sm)
}

// link is a rank's count of what it has moved to another.
func (m *machine) link(from, to int) *plan.Link {
	place := &m.Plan.Place
	if place.Node(from) == place.Node(to) {
		return &m.ledgers[from].ScaleUp[place.Index(to)]
	}
	return &m.ledgers[from].ScaleOut[to]
}
