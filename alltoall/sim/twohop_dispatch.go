package sim

import (
	"fmt"

	"github.com/commbench/commbench/alltoall/plan"
)

// Two-hop dispatch: a sender puts chunks of its tokens into the ring at the rail peer of
// each target node, its own node's ring among them; the forwarder there puts them to the
// target ranks and gives credit back. Where roles have SMs of their own, receivers share
// that of the sender, and copy what arrives into the tensor. On one node there is no first
// hop: forwarders take tokens from where they are.

type twoHopDispatch struct {
	*machine
	plans    []*plan.TwoHop
	streams  []stream // [receiver][source node][channel]
	copies   []uint16 // [chunks][GPUsPerNode] rows of a stream's chunk for each rank of the node
	forwards []twoHopForwarder
	underWay []uint16 // [ranks][channels][GPUsPerNode] see twoHopForwarder.copies
}

func newTwoHopDispatch(m *machine, plans []*plan.TwoHop) *twoHopDispatch {
	place, channels := m.Plan.Place, m.Plan.Channels
	d := &twoHopDispatch{machine: m, plans: plans}
	d.streams = make([]stream, place.Ranks()*place.Nodes*channels)
	d.forwards = make([]twoHopForwarder, place.Ranks()*channels)
	d.underWay = make([]uint16, len(d.forwards)*place.GPUsPerNode)
	d.copies = m.copiesOf(plans, func(p *plan.TwoHop, n, c int) *stream { return &d.streams[d.id(p.Rank, n, c)] })
	m.addSMs(func(rank, c, which int) []role {
		f := &d.forwards[rank*channels+c]
		if place.Nodes == 1 {
			if which == second {
				return nil // receivers
			}
			*f = twoHopForwarder{d: d, rank: rank, channel: c, sm: m.smOf(rank, c, first), queue: ready{nobody, nobody}}
			return []role{f}
		}
		if which == m.perChannel-1 {
			*f = twoHopForwarder{d: d, rank: rank, channel: c, sm: m.smOf(rank, c, which), queue: ready{nobody, nobody}}
		}
		if which == second {
			return []role{f}
		}
		s := &twoHopSender{d: d, rank: rank, channel: c, sm: m.smOf(rank, c, first)}
		if m.perChannel == 2 {
			return []role{s}
		}
		return []role{s, f}
	})
	return d
}

func (d *twoHopDispatch) begin() {
	if d.Plan.Place.Nodes > 1 {
		return
	}
	for id := range d.streams {
		if s := &d.streams[id]; s.total > 0 {
			d.deliver(id, int(s.total), 0)
		}
	}
}

// id is the stream from a node to a rank on its rail.
func (d *twoHopDispatch) id(receiver, node, channel int) int {
	return (receiver*d.Plan.Place.Nodes+node)*d.Plan.Channels + channel
}

// split takes the id of a stream along a rail apart.
func (m *machine) split(id int) (receiver, node, channel int) {
	c := m.Plan.Channels
	return id / c / m.Plan.Place.Nodes, id / c % m.Plan.Place.Nodes, id % c
}

func (d *twoHopDispatch) receiver(id int) int { rank, _, _ := d.split(id); return rank }

// deliver: a chunk is in the ring.
func (d *twoHopDispatch) deliver(id, rows int, at int64) {
	rank, _, c := d.split(id)
	f := &d.forwards[rank*d.Plan.Channels+c]
	s := &d.streams[id]
	if s.arrived == s.taken {
		f.queue.add(d.streams, id)
	}
	s.arrive(rows, at)
	d.wake(f.sm, at)
}

func (d *twoHopDispatch) credit(id, rows int) {
	rank, node, c := d.split(id)
	d.streams[id].open -= uint16(rows)
	d.wake(d.smOf(d.Plan.Place.RailPeer(rank, node), c, first), d.now)
}

func (d *twoHopDispatch) stuck() string {
	place := d.Plan.Place
	gpus := place.GPUsPerNode
	row := make([]int, gpus)
	for id := range d.streams {
		s := &d.streams[id]
		rank, node, c := d.split(id)
		from := place.RailPeer(rank, node)
		if s.taken < s.total {
			return fmt.Sprintf("rank %d, channel %d: of %d rows for node %d %d arrived at rank %d, which forwarded %d", from, c, s.total, place.Node(rank), s.arrived, rank, s.taken)
		}
		if from != rank {
			d.charge(s, from, rank)
		}
		clear(row)
		for k := range int(s.credits) { // the chunks that were forwarded
			for i, n := range d.copies[(int(s.from)+k)*gpus:][:gpus] {
				row[i] += int(n)
			}
		}
		l := d.ledgers[rank]
		for i, n := range row {
			if n > 0 {
				l.Put(&l.ScaleUp[i], n, &d.Row)
				l.ScaleUp[i].Signals++ // that the channel is through
			}
		}
	}
	return ""
}

// twoHopSender puts one channel's tokens into rings.
type twoHopSender struct {
	d             *twoHopDispatch
	rank, channel int
	sm            int
	others        targets // nodes
	own           target
	begun, ringed bool    // a target gets more than a ring holds
	perRow        float64 // rows written for each that is sent to another node
	node, rows    int     // of the step under way
}

// begin lists the nodes, behind the own one first, so that not all senders fill the same peer.
func (s *twoHopSender) begin() {
	s.begun = true
	p := s.d.plans[s.rank]
	nodes, remote := len(p.Send), 0
	own := p.Place.Node(s.rank)
	for i := range nodes {
		n := (own + i) % nodes
		left := p.Send[n].Start[s.channel+1] - p.Send[n].Start[s.channel]
		s.ringed = s.ringed || s.d.Ring > 0 && int(left) > s.d.Ring
		if i == 0 {
			s.own = target{uint16(n), uint16(left)}
			continue
		}
		s.others.add(n, left)
		remote += int(left)
	}
	s.perRow = 1
	if s.d.perChannel == 1 && remote > 0 { // a token is written to the send buffer once
		lo, hi := plan.Span(p.Tokens, p.Channels, s.channel)
		s.perRow = min(1, float64(hi-lo)/float64(remote))
	}
}

// id is the stream to a node.
func (s *twoHopSender) id(node int) int {
	place := &s.d.Plan.Place
	return s.d.id(place.RailPeer(s.rank, node), place.Node(s.rank), s.channel)
}

func (s *twoHopSender) start() (work, bool) {
	if !s.begun {
		s.begin()
	}
	if len(s.others.live) > 0 && !s.d.backedUp(s.rank, s.sm) && s.others.turn(s.take) {
		r := float64(s.rows) * s.perRow
		return work{read: r, write: r}, true
	}
	if s.own.left > 0 && s.take(&s.own) {
		return work{read: float64(s.rows), write: float64(s.rows)}, true
	}
	return work{}, false
}

// take begins a chunk for a node, if its ring has room.
func (s *twoHopSender) take(t *target) bool {
	node, rows := int(t.to), min(int(t.left), s.d.Plan.Chunk)
	if s.ringed { // else there is room for all
		if st := &s.d.streams[s.id(node)]; int(st.total) > s.d.Ring {
			if !st.room(s.d.Ring, rows) {
				return false
			}
			st.open += uint16(rows)
		}
	}
	t.left -= uint16(rows)
	s.node, s.rows = node, rows
	return true
}

func (s *twoHopSender) finish() {
	id := s.id(s.node)
	if s.node == int(s.own.to) {
		s.d.deliver(id, s.rows, s.d.now)
		return
	}
	s.d.send(s.rank, s.d.Plan.Place.RailPeer(s.rank, s.node), s.rows, id)
}

// twoHopForwarder puts what arrives in one channel's rings to the ranks of its node.
type twoHopForwarder struct {
	d             *twoHopDispatch
	rank, channel int
	sm            int
	queue         ready
	id, rows      int  // stream and rows of the step under way
	ringed        bool // whose sender waits for its credit
}

// copies are the rows for each rank of the node of the step under way. They are apart and dense,
// so that they are still in a cache when the step ends.
func (f *twoHopForwarder) copies() []uint16 {
	gpus := f.d.Plan.Place.GPUsPerNode
	at := (f.rank*f.d.Plan.Channels + f.channel) * gpus
	return f.d.underWay[at : at+gpus]
}

func (f *twoHopForwarder) start() (work, bool) {
	d := f.d
	if f.queue.first == nobody {
		return work{}, false
	}
	st := &d.streams[f.queue.first]
	rows := min(int(st.total-st.taken), d.Plan.Chunk)
	if st.visible(d.now) < rows {
		if st.seen > d.now { // else the rest is on its way, and wakes the SM
			d.wake(f.sm, st.seen)
		}
		return work{}, false
	}
	f.id, f.rows = f.queue.take(d.streams), rows
	f.ringed = d.Ring > 0 && int(st.total) > d.Ring && d.Plan.Place.Nodes > 1
	under := f.copies()
	at := (int(st.from) + int(st.taken)/d.Plan.Chunk) * len(under)
	copies, through, node := 0, int64(0), f.rank-d.Plan.Place.Index(f.rank)
	for i, n := range d.copies[at : at+len(under)] {
		if under[i] = n; n > 0 {
			copies += int(n)
			through = max(through, d.up(f.rank, node+i, int(n), d.now))
		}
	}
	st.taken += uint16(rows)
	st.credits++
	if st.arrived > st.taken {
		f.queue.add(d.streams, f.id)
	}
	if d.perChannel == 2 && d.Plan.Place.Nodes > 1 { // a warp for each target reads what it writes
		return work{read: float64(copies), write: float64(copies), stores: through}, true
	}
	return work{read: float64(rows), write: float64(copies), stores: through}, true
}

// receivers are on the SM of a channel that does not forward.
func (f *twoHopForwarder) receivers() int {
	if f.d.Plan.Place.Nodes == 1 {
		return second
	}
	return first
}

func (f *twoHopForwarder) finish() {
	d := f.d
	node := f.rank - d.Plan.Place.Index(f.rank) // its first rank
	for i, rows := range f.copies() {
		if rows == 0 {
			continue
		}
		there := d.stored(f.rank, node+i)
		d.finished(node+i, there)
		if d.perChannel == 2 {
			d.owe(d.smOf(node+i, f.channel, f.receivers()), there, int(rows))
		}
	}
	if !f.ringed {
		return
	}
	if _, source, _ := d.split(f.id); source == d.Plan.Place.Node(f.rank) {
		d.credit(f.id, f.rows)
	} else {
		d.at(d.now+d.late(d.signal), credited, f.rows, f.id)
	}
}
