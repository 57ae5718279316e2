package sim

import (
	"context"
	"fmt"

	"github.com/commbench/commbench/alltoall/counter"
	"github.com/commbench/commbench/alltoall/plan"
)

// never is later than anything that happens.
const never = int64(1) << 62

// busy is earlier: an SM at work looks when it is through, and is not to be woken.
const busy = -never

// backlog is how much a port may have queued before who feeds it waits, until it has half as much:
// the depth of a send queue. No port runs dry between two steps of an SM, and few SMs wake for nothing.
const backlog = 40_000_000 // ps

// upBacklog is how far stores over scale-up may be behind the SM that made them: they have no
// queue but that of the links.
const upBacklog = 2_000_000 // ps

// machine is the cluster in virtual time: ports, memories and SMs, each busy until some time.
type machine struct {
	*Config
	now    int64
	queue  queue
	player // of the algorithm and operation
	events int64

	// Until when each rank's ports and memory are busy with what was queued there.
	outPort, inPort    []int64 // [ranks] scale-out
	upPort, downPort   []int64 // [ranks] scale-up, out and in
	memory             []int64
	lastOut, lastUp    []int64 // when the last message, or store, of each rank arrives
	leafOut, leafIn    []int64 // [leaves] towards the next tier and back; nil where they cannot be full
	done               []int64 // [ranks] when the rank's last row was in its place
	links              map[pair]*link
	slow               []float64 // [ranks] of the rate of SMs; nil if all are alike
	ledgers            []*plan.Ledger
	sms                []sm
	debt               []int64 // [SMs] ps of copies that it has yet to do
	wakeAt             []int64 // [SMs] when it looks again by itself; never, or busy
	perChannel         int     // SMs of a channel
	looking            int     // SM that looks for something to do
	draw               counter.Source
	jitters            bool
	perOut, perUp      float64 // ps a row on a port
	perMemory          float64 // ps a row that is read or written
	perRead, perWrite  float64 // ps a row on an SM
	perReduce, perCopy float64
	put, signal, store int64 // latencies
	leafNodes          int
	perUplink          float64 // ps a row on a leaf's links to the next tier
	busyOut, busyUp    int64   // ps, summed over ranks
	busySM, busyMemory int64
	moved, total       int64 // rows, for progress
}

// player is what an algorithm's operation does when something happens.
type player interface {
	begin()
	// deliver: rows of a message are in the receiver's memory, which knows it at a time.
	deliver(id, rows int, at int64)
	// credit: slots are free again, or what else an algorithm has at that time.
	credit(id, rows int)
	// stuck says who waits for what, when nothing happens any more and not all is done; ""
	// when all is.
	stuck() string
	// receiver is the rank that messages of an id go to.
	receiver(id int) int
}

type pair struct{ from, to int }

// link is a connection that is slower than its ports.
type link struct {
	free  int64
	last  int64 // when its last message arrives
	share float64
}

// role is what an SM does, a step at a time.
type role interface {
	// start begins a step, if there is something to do, and says what it costs. One that
	// knows when there will be calls machine.wake.
	start() (work, bool)
	// finish has the effects of the step that was begun.
	finish()
}

// work is rows that a step reads, writes and adds up. Its stores to peers are through the
// links at a time: the SM may be upBacklog ahead of them, and no more.
type work struct {
	read, write, reduce float64
	stores              int64
}

// sm is an SM, which does its roles' steps in turn. What others look at is apart, so that of the
// SMs of a node's channel it lies together: see machine.debt and machine.wakeAt.
type sm struct {
	rank  int32
	last  int8 // the role whose step is under way or was the last
	n     int8 // roles
	roles [2]role
	paid  int64 // of its debt, in the step under way
	speed float64
	_     [8]byte // a line of a cache each
}

// Numbers of SMs: of a channel that has two, for each of its kinds of work.
const (
	first  = 0
	second = 1
)

// smOf is the number of a channel's SM. Those of a node and channel are next to each other.
func (m *machine) smOf(rank, channel, which int) int {
	place := &m.Plan.Place
	node, index := rank/place.GPUsPerNode, rank%place.GPUsPerNode
	return ((which*place.Nodes+node)*m.Plan.Channels+channel)*place.GPUsPerNode + index
}

// addSMs makes the SMs of all ranks and channels: one each, or two.
func (m *machine) addSMs(roles func(rank, channel, id int) []role) {
	place, channels := &m.Plan.Place, m.Plan.Channels
	m.sms = make([]sm, place.Ranks()*channels*m.perChannel)
	m.debt, m.wakeAt = make([]int64, len(m.sms)), make([]int64, len(m.sms))
	for rank := range place.Ranks() {
		speed := 1.0
		if m.slow != nil && m.slow[rank] > 0 {
			speed = 1 / m.slow[rank]
		}
		for c := range channels {
			for which := range m.perChannel {
				id := m.smOf(rank, c, which)
				m.wakeAt[id] = never
				s := &m.sms[id]
				s.rank, s.speed = int32(rank), speed
				s.n = int8(copy(s.roles[:], roles(rank, c, which)))
			}
		}
	}
}

// debtRows is how many rows, read and written, an SM works off of its debt in a step.
const debtRows = 12

func (m *machine) at(t int64, k kind, rows, id int) {
	m.queue.push(event{max(t, m.now), packed(k, rows, id)})
}

// wake has an idle SM look for something to do at a time.
func (m *machine) wake(id int, t int64) {
	if m.wakeAt[id] <= t {
		return
	}
	m.wakeAt[id] = t
	if id != m.looking { // else look queues it, if nothing else begins
		m.at(t, woken, 0, id)
	}
}

// owe gives an SM rows to copy that are there from time t, which has no effect but that it
// takes time. It waits a little for more to come, as warps that poll do.
func (m *machine) owe(id int, t int64, rows int) {
	m.debt[id] += whole(float64(rows) * m.perCopy)
	m.wake(id, t+min(m.now/64, most64th))
}

// most64th is the longest that debt waits for more: 1/64 of the time so far, and no more than this.
const most64th = 10_000_000 // ps

// whole is a time in whole picoseconds. The conversion keeps the product from being fused with the
// sum, which some CPUs would round otherwise.
func whole(t float64) int64 { return int64(float64(t) + 0.5) }

// cost is how long an SM of full speed takes: it reads, writes and adds at the same time.
func (m *machine) cost(w work) int64 {
	return whole(max(w.read*m.perRead, w.write*m.perWrite, w.reduce*m.perReduce))
}

// look has an idle SM begin the next step of the first role, in turn, that has one.
func (m *machine) look(id int) {
	s := &m.sms[id]
	m.wakeAt[id], m.looking = never, id
	for r, i := s.last, int8(0); i <= s.n; i++ {
		if r++; r > s.n {
			r = 0
		}
		var cost int64
		var touched float64
		var stores int64
		if r == s.n {
			if m.debt[id] == 0 {
				continue
			}
			cost = min(m.debt[id], int64(debtRows*m.perCopy)+1)
			s.paid = cost
			touched = float64(2*cost) / m.perCopy
		} else {
			w, ok := s.roles[r].start()
			if !ok {
				continue
			}
			cost, touched, stores = m.cost(w), w.read+w.write, w.stores
		}
		s.last, m.wakeAt[id], m.looking = r, busy, nobody
		cost = m.late(whole(float64(cost) * s.speed))
		m.busySM += cost
		m.at(max(m.now+cost, m.touch(int(s.rank), touched), stores-upBacklog), stepped, 0, id)
		return
	}
	m.looking = nobody
	if t := m.wakeAt[id]; t < never {
		m.at(t, woken, 0, id)
	}
}

// touch has a rank's memory read or write rows, and says when it has.
func (m *machine) touch(rank int, rows float64) int64 {
	d := whole(rows * m.perMemory)
	m.busyMemory += d
	m.memory[rank] = max(m.memory[rank], m.now) + d
	return m.memory[rank]
}

// step ends an SM's step and has it look for the next.
func (m *machine) step(id int) {
	s := &m.sms[id]
	m.finished(int(s.rank), m.now)
	if s.last == s.n {
		m.debt[id] -= s.paid
	} else {
		s.roles[s.last].finish()
	}
	m.look(id)
}

func (m *machine) finished(rank int, t int64) { m.done[rank] = max(m.done[rank], t) }

// late is a duration with its jitter.
func (m *machine) late(d int64) int64 {
	if !m.jitters {
		return d
	}
	return d + int64(float64(d)*m.Jitter*m.draw.Float64())
}

// play runs until nothing happens any more.
func (m *machine) play(ctx context.Context) error {
	m.begin()
	for id := range m.sms {
		m.look(id)
	}
	for {
		e, ok := m.queue.pop()
		if !ok {
			break
		}
		m.now = e.at
		if m.events++; m.events&0xffff == 0 {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			m.progress()
		}
		k, rows, id := unpacked(e.key)
		switch k {
		case stepped:
			m.step(id)
		case woken:
			if m.wakeAt[id] == e.at {
				m.look(id)
			}
		case arriving:
			m.arrive(id, rows)
		case credited:
			m.credit(id, rows)
		}
	}
	if who := m.stuck(); who != "" {
		return fmt.Errorf("sim: nothing moves any more after %.1f us: %s", float64(m.now)/1e6, who)
	}
	return nil
}

func (m *machine) progress() {
	if m.Progress != nil {
		m.Progress(m.moved, m.total)
	}
}
