package sim

import (
	"fmt"

	"github.com/commbench/commbench/alltoall/plan"
)

// Two-hop combine: the ranks of a node push outputs, chunk by chunk of a stream, to the rank
// that forwarded the tokens; it adds them up and puts the sums into a ring at their home.
// Where roles have SMs of their own, that of a channel's senders pushes and is home, and the
// forwarder's adds up. On one node the sums are the last: home, or an epilogue, has nothing to add.

// asked is how many chunks of outputs may be on their way to who adds them up, or wait there.
const asked = 4

type twoHopCombine struct {
	*machine
	plans    []*plan.TwoHop
	streams  []stream // [home][node that sums][channel]: sums
	copies   []uint16 // [chunks][GPUsPerNode] outputs that a chunk of sums is made of, by rank
	reducers []twoHopReducer
	homes    []home
	pushed   []int64 // [SMs] until when one pushes
}

func newTwoHopCombine(m *machine, plans []*plan.TwoHop) *twoHopCombine {
	place, channels := m.Plan.Place, m.Plan.Channels
	ranks := place.Ranks()
	d := &twoHopCombine{machine: m, plans: plans, pushed: make([]int64, ranks*channels)}
	d.streams = make([]stream, ranks*place.Nodes*channels)
	d.copies = m.copiesOf(plans, func(p *plan.TwoHop, n, c int) *stream { // of the rank that sums up
		return &d.streams[(place.RailPeer(p.Rank, n)*place.Nodes+place.Node(p.Rank))*channels+c]
	})
	d.reducers = make([]twoHopReducer, ranks*channels)
	d.homes = make([]home, ranks*channels)
	var firsts, from []int32
	m.addSMs(func(rank, c, which int) []role {
		h, r := &d.homes[rank*channels+c], &d.reducers[rank*channels+c]
		if which == m.perChannel-1 {
			*r = twoHopReducer{d: d, rank: rank, channel: c, sm: m.smOf(rank, c, which)}
		}
		if which == second {
			return []role{r}
		}
		if place.Nodes == 1 && m.perChannel == 2 {
			*h = d.home(rank, c, m.smOf(rank, c, first))
			return nil
		}
		*h = d.home(rank, c, m.smOf(rank, c, first))
		if m.perChannel == 1 {
			return []role{r}
		}
		if c == 0 {
			firsts, from = byToken(plans[rank])
		}
		h.first, h.from = firsts, from
		h.token, h.end = plan.Span(plans[rank].Tokens, channels, c)
		return []role{h}
	})
	return d
}

// byToken lists the nodes that each token went to: those of token i are from[first[i]:first[i+1]].
func byToken(p *plan.TwoHop) (first, from []int32) {
	first = make([]int32, p.Tokens+1)
	for n := range p.Send {
		for _, token := range p.Send[n].Tokens {
			first[token+1]++
		}
	}
	for i := range p.Tokens {
		first[i+1] += first[i]
	}
	from = make([]int32, first[p.Tokens])
	next := append([]int32(nil), first...)
	for n := range p.Send {
		for _, token := range p.Send[n].Tokens {
			from[next[token]] = int32(n)
			next[token]++
		}
	}
	return first, from
}

func (d *twoHopCombine) home(rank, channel, sm int) home {
	own := d.Plan.Place.Node(rank)
	return home{m: d.machine, streams: d.streams, rank: rank, channel: channel, sm: sm, sources: d.Plan.Place.Nodes, own: own, behind: own + 1,
		chunk: d.Plan.Chunk, waiting: nobody, none: d.perChannel == 1 || d.Plan.Place.Nodes == 1}
}

func (d *twoHopCombine) begin() {
	for _, p := range d.plans {
		d.announce(p.Rank)
		if d.homes[0].none { // by an epilogue, or by who adds them up on the one node
			d.ledgers[p.Rank].Write(p.Tokens, &d.Row)
		}
	}
}

func (d *twoHopCombine) receiver(id int) int { rank, _, _ := d.split(id); return rank }

// deliver: sums are at home.
func (d *twoHopCombine) deliver(id, rows int, at int64) {
	rank, node, c := d.split(id)
	d.homes[rank*d.Plan.Channels+c].deliver(id, node, rows, at)
}

func (d *twoHopCombine) credit(id, rows int) {
	home, node, c := d.split(id)
	d.streams[id].open -= uint16(rows)
	d.wake(d.smOf(d.Plan.Place.RailPeer(home, node), c, d.perChannel-1), d.now)
}

func (d *twoHopCombine) stuck() string {
	for id := range d.streams {
		s := &d.streams[id]
		home, node, c := d.split(id)
		from := d.Plan.Place.RailPeer(home, node)
		if s.freed < s.total {
			return fmt.Sprintf("rank %d, channel %d: %d sums from node %d, of which %d arrived and %d were added up", home, c, s.total, node, s.arrived, s.freed)
		}
		if from != home {
			d.charge(s, from, home)
		}
	}
	return ""
}

// twoHopReducer adds its node's outputs up for one channel of each rank of its rail.
type twoHopReducer struct {
	d             *twoHopCombine
	rank, channel int
	sm            int
	homes         targets // nodes whose outputs were not all asked for
	begun         bool
	chunks        [asked]outputs // a ring: on their way here, or to be added up
	first, n      int
	now           outputs // of the step under way
}

// outputs are those of the ranks of a node for a chunk of a stream.
type outputs struct {
	id, entries, copies int
	there               int64 // when all of them are
}

// ask has the next chunks of outputs pushed here.
func (r *twoHopReducer) ask() {
	if !r.begun {
		r.begun = true
		p := r.d.plans[r.rank]
		for i := range p.Fans {
			n := (p.Place.Node(r.rank) + 1 + i) % len(p.Fans)
			r.homes.add(n, p.Fans[n].Start[r.channel+1]-p.Fans[n].Start[r.channel])
		}
	}
	for r.n < asked && r.homes.turn(r.take) {
	}
}

// take asks for a chunk of outputs for a node, if the ring there has room for their sums.
func (r *twoHopReducer) take(t *target) bool {
	place := &r.d.Plan.Place
	own := place.Node(r.rank)
	id := (place.RailPeer(r.rank, int(t.to))*place.Nodes+own)*r.d.Plan.Channels + r.channel
	s, rows := &r.d.streams[id], min(int(t.left), r.d.Plan.Chunk)
	if r.d.Ring > 0 && int(t.to) != own && int(s.total) > r.d.Ring {
		if !s.room(r.d.Ring, rows) {
			return false
		}
		s.open += uint16(rows)
	}
	r.push(id, int(s.from)+(int(s.total)-int(t.left))/r.d.Plan.Chunk, rows)
	t.left -= uint16(rows)
	return true
}

// push has the ranks of the node send their outputs for a chunk of sums.
func (r *twoHopReducer) push(id, chunk, entries int) {
	d := r.d
	place, copies := &d.Plan.Place, 0
	own := place.Node(r.rank)
	there := d.now
	for i, rows := range d.copies[chunk*place.GPUsPerNode : (chunk+1)*place.GPUsPerNode] {
		if rows == 0 {
			continue
		}
		copies += int(rows)
		rank := place.Rank(own, i)
		d.read(r.rank, rank, int(rows))
		at := d.smOf(rank, r.channel, first)
		d.pushed[at] = max(d.pushed[at], d.now) + int64(float64(rows)*d.perCopy*d.sms[at].speed)
		d.owe(at, d.now, int(rows))
		through := d.up(rank, r.rank, int(rows), d.pushed[at])
		if rank != r.rank {
			through += d.late(d.store)
		}
		there = max(there, through)
	}
	r.chunks[(r.first+r.n)%asked] = outputs{id, entries, copies, there}
	r.n++
}

// read charges outputs of a rank that another of its node adds up: a load of mapped memory,
// or where it is mirrored a put.
func (m *machine) read(reader, from, rows int) {
	place := m.Plan.Place
	if m.Plan.Mirrored && reader != from {
		l := m.ledgers[from]
		l.Put(&l.ScaleUp[place.Index(reader)], rows, &m.Row)
		m.ledgers[reader].Reduce(rows)
		return
	}
	l := m.ledgers[reader]
	l.Load(&l.ScaleUp[place.Index(from)], rows, &m.Row)
}

func (r *twoHopReducer) start() (work, bool) {
	r.ask()
	d := r.d
	if r.n == 0 || d.backedUp(r.rank, r.sm) {
		return work{}, false
	}
	if there := r.chunks[r.first].there; there > d.now {
		d.wake(r.sm, there)
		return work{}, false
	}
	r.now = r.chunks[r.first]
	r.first, r.n = (r.first+1)%asked, r.n-1
	copies := float64(r.now.copies)
	if d.Plan.Place.Nodes == 1 && d.perChannel == 1 {
		return work{}, true // an epilogue adds them up
	}
	return work{read: copies, write: float64(r.now.entries), reduce: copies}, true
}

func (r *twoHopReducer) finish() {
	d := r.d
	home, rows := d.receiver(r.now.id), r.now.entries
	if home == r.rank { // its own tokens: no hop
		d.deliver(r.now.id, rows, d.now)
		return
	}
	d.ledgers[r.rank].Write(rows, &d.Row)
	d.send(r.rank, home, rows, r.now.id)
}
