package sim

import (
	"fmt"

	"github.com/commbench/commbench/alltoall/plan"
)

// PXN dispatch: a sender stores rows for another node and another rail at the rank of its
// node that is on their rail, whose NIC sends them on; no SM there has a part in it. Rings
// of who passes on are taken to have room: what fills them is the NIC that empties them.

type pxnDispatch struct {
	*machine
	plans   []*plan.PXN
	arrived int64
}

func newPXNDispatch(m *machine, plans []*plan.PXN) *pxnDispatch {
	d := &pxnDispatch{machine: m, plans: plans}
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
		s := &pxnSender{d: d, p: plans[rank], channel: c, sm: m.smOf(rank, c, first), passed: make([]int32, m.Plan.Place.Ranks())}
		s.token, s.end = plan.Span(s.p.Tokens, s.p.Channels, c)
		return []role{s}
	})
	return d
}

func (d *pxnDispatch) begin() {}

// A message's id is (receiver, channel), of one that is passed on (receiver, channel, node of who
// sends it) behind all others.
func (d *pxnDispatch) receiver(id int) int { return id / d.Plan.Channels }

func (d *pxnDispatch) deliver(id, rows int, at int64) {
	d.arrived += int64(rows)
	d.came(d.receiver(id), id%d.Plan.Channels, rows, at)
}

// credit stands for rows that reach who passes them on: its NIC sends them.
func (d *pxnDispatch) credit(id, rows int) {
	nodes := d.Plan.Place.Nodes
	to := d.receiver(id / nodes)
	via := d.Plan.Place.RailPeer(to, id%nodes)
	d.ledgers[via].Put(&d.ledgers[via].ScaleOut[to], rows, &d.Row)
	d.send(via, to, rows, id/nodes)
}

func (d *pxnDispatch) stuck() string {
	if d.arrived < d.total {
		return fmt.Sprintf("%d of %d rows arrived", d.arrived, d.total)
	}
	return ""
}

// pxnSender moves one channel's tokens to their target ranks, or to who passes them on.
type pxnSender struct {
	d          *pxnDispatch
	p          *plan.PXN
	channel    int
	sm         int
	token, end int
	from       int     // first token of the step under way
	passed     []int32 // [ranks] rows for each that were passed on
	ended      bool
}

// hop is the rank that a row for another goes to first.
func hop(p *plan.PXN, to int) int {
	if p.Place.Node(to) == p.Place.Node(p.Rank) {
		return to
	}
	return p.Through(to)
}

func (s *pxnSender) start() (work, bool) {
	d, p := s.d, s.p
	if s.token == s.end {
		if !s.ended {
			s.ended = true
			s.complete()
		}
		return work{}, false
	}
	if d.allBackedUp(p.Rank, s.sm) {
		return work{}, false
	}
	s.from, s.token = s.token, min(s.token+p.Chunk, s.end)
	through := int64(0)
	for _, to := range p.To[p.First[s.from]:p.First[s.token]] {
		if via := hop(p, int(to)); via != p.Rank {
			through = max(through, d.up(p.Rank, via, 1, d.now))
		}
	}
	return work{read: float64(s.token - s.from), write: float64(p.First[s.token] - p.First[s.from]), stores: through}, true
}

func (s *pxnSender) finish() {
	d, p, place := s.d, s.p, &s.p.Place
	l := d.ledgers[p.Rank]
	for _, to := range p.To[p.First[s.from]:p.First[s.token]] {
		to := int(to)
		id := to*p.Channels + s.channel
		switch via := hop(p, to); {
		case via == to:
			l.Put(&l.ScaleUp[place.Index(to)], 1, &d.Row)
			d.came(to, s.channel, 1, d.stored(p.Rank, to))
		case via == p.Rank:
			l.Put(&l.ScaleOut[to], 1, &d.Row)
			d.send(p.Rank, to, 1, id)
		default:
			l.Put(&l.ScaleUp[place.Index(via)], 1, &d.Row)
			s.passed[to]++
			d.at(d.stored(p.Rank, via), credited, 1, id*place.Nodes+place.Node(p.Rank))
		}
	}
}

// complete tells ranks that all rows of a channel are on their way, and charges the tails and
// credits of those that were passed on.
func (s *pxnSender) complete() {
	d, p := s.d, s.p
	ranks := p.Place.Ranks()
	for to, rows := range p.Rows[s.channel*ranks : (s.channel+1)*ranks] {
		n := int(s.passed[to])
		if n == 0 {
			if rows > 0 {
				d.link(p.Rank, to).Signals++
			}
			continue
		}
		via := p.Through(to)
		d.link(p.Rank, via).Signals += p.FlatSignals(n)
		d.link(via, p.Rank).Signals += p.FlatSignals(n)
		d.link(via, to).Signals++
	}
}

// PXN combine: outputs for another node and another rail go to the rank of the node that is
// on home's rail, whose NIC sends them on into home's ring.

type pxnCombine struct {
	*directCombine
	passing []*plan.PXN
}

func newPXNCombine(m *machine, plans []*plan.PXN) *pxnCombine {
	direct := make([]*plan.Direct, len(plans))
	for i, p := range plans {
		direct[i] = &p.Direct
	}
	d := &pxnCombine{newDirectCombine(m, direct), plans}
	d.directCombine.through = plans
	return d
}

// relayed is the id of a message that is on its way to who passes it on: behind those of all streams.
func (d *directCombine) relayed(id int) int { return len(d.streams) + id }

func (d *pxnCombine) credit(id, rows int) {
	if id < len(d.streams) {
		d.directCombine.credit(id, rows)
		return
	}
	id -= len(d.streams)
	home, from, _ := d.split(id)
	via := d.passing[from].Through(home)
	d.send(via, home, rows, id)
}

func (d *pxnCombine) stuck() string {
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
		via := d.passing[from].Through(home)
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
