package sim

import (
	"fmt"

	"github.com/commbench/commbench/alltoall/plan"
)

// Alltoall: a channel packs a block of its tokens by destination, exchanges it with every
// peer, and unpacks what came or adds it up. Ranks send to those behind them in turn, as
// NCCL pairs its sends and receives. All SMs of a channel pack and unpack; where roles have SMs
// of their own, one of them sends and the other copies what comes.

type allToAll struct {
	*machine
	plans   []*plan.AllToAll
	arrived []int32 // [receiver][channel][sender] rows ever
	members []exchanger
}

func newAllToAll(m *machine, plans []*plan.AllToAll) *allToAll {
	place, channels := &m.Plan.Place, m.Plan.Channels
	ranks := place.Ranks()
	d := &allToAll{machine: m, plans: plans, arrived: make([]int32, ranks*channels*ranks), members: make([]exchanger, ranks*channels)}
	m.addSMs(func(rank, c, which int) []role {
		if which == second {
			return nil
		}
		x := &d.members[rank*channels+c]
		*x = exchanger{d: d, p: plans[rank], rank: rank, channel: c, sm: m.smOf(rank, c, first), need: make([]int32, ranks)}
		x.out, x.in = x.p.SendOff, x.p.RecvOff
		if m.Combine {
			x.out, x.in = x.in, x.out
		}
		for b := c * m.Plan.Rounds; b < (c+1)*m.Plan.Rounds; b++ {
			for r := range ranks {
				if place.Node(r) != place.Node(rank) {
					m.total += int64(x.out[b*(ranks+1)+r+1] - x.out[b*(ranks+1)+r])
				}
			}
		}
		return []role{x}
	})
	return d
}

func (d *allToAll) begin() {
	for i := range d.members {
		d.members[i].enter()
	}
}

// A message's id is (receiver, channel, sender), of rows; behind those are credits.
func (d *allToAll) id(to, channel, from int) int {
	return (to*d.Plan.Channels+channel)*d.Plan.Place.Ranks() + from
}

func (d *allToAll) receiver(id int) int { return id / d.Plan.Place.Ranks() / d.Plan.Channels }

func (d *allToAll) deliver(id, rows int, at int64) {
	ranks := d.Plan.Place.Ranks()
	x := &d.members[id/ranks]
	d.arrived[id] += int32(rows)
	d.came(x.rank, x.channel, rows, at)
	x.look(id%ranks, at)
}

// credit: a peer's buffer is free again.
func (d *allToAll) credit(id, _ int) {
	x := &d.members[id]
	if x.credits++; x.credits == d.Plan.Place.Ranks() {
		d.wake(x.sm, d.now)
	}
}

func (d *allToAll) stuck() string {
	for i := range d.members {
		if x := &d.members[i]; x.phase != ended {
			return fmt.Sprintf("rank %d, channel %d: round %d of %d is not through", x.rank, x.channel, x.round+1, d.Plan.Rounds)
		}
	}
	return ""
}

type phase int

const (
	packing phase = iota
	putting
	taking
	awaiting // credit of all peers
	ended
)

// exchanger is a rank's channel.
type exchanger struct {
	d             *allToAll
	p             *plan.AllToAll
	rank, channel int
	sm            int
	out, in       []int32 // where the rows of a block lie that leave, and that come
	phase         phase
	round         int
	at            int     // of the phase: tokens, or peers
	put           int     // rows that have left for the peer
	rows          int     // of the step under way
	need          []int32 // [senders] rows ever, when the round's are here
	here          []int32 // senders whose rows are and were not unpacked
	missing       int     // senders whose rows are not
	seen          int64   // when the last of those that are here are seen
	credits       int     // in this round
}

func (x *exchanger) block() int { return x.channel*x.p.Rounds + x.round }

// of is the rows of a peer in a block.
func (x *exchanger) of(off []int32, peer int) int {
	at := x.block()*(x.p.Place.Ranks()+1) + peer
	return int(off[at+1] - off[at])
}

// enter begins a round.
func (x *exchanger) enter() {
	x.phase, x.at, x.credits, x.missing, x.here = packing, 0, 0, 0, x.here[:0]
	for peer := range x.need {
		rows := x.of(x.in, peer)
		if rows == 0 {
			continue
		}
		x.need[peer] += int32(rows)
		x.missing++
		x.look(peer, x.d.now) // it may have been faster
	}
}

// look notes that all of a sender's rows of the round are here.
func (x *exchanger) look(peer int, at int64) {
	if x.d.arrived[x.d.id(x.rank, x.channel, peer)] != x.need[peer] || x.need[peer] == 0 || x.of(x.in, peer) == 0 {
		return
	}
	x.here = append(x.here, int32(peer))
	x.missing--
	x.seen = max(x.seen, at)
	x.d.wake(x.sm, at)
}

// all is work that all SMs of a channel share.
func (x *exchanger) all(w work) work {
	n := float64(x.d.perChannel)
	return work{read: w.read / n, write: w.write / n, reduce: w.reduce / n}
}

func (x *exchanger) start() (work, bool) {
	d, ranks := x.d, x.p.Place.Ranks()
	if x.phase == packing {
		if x.rows = x.pack(); x.rows >= 0 {
			return x.all(work{read: float64(x.rows), write: float64(x.rows)}), true
		}
		x.phase, x.at = putting, 0
	}
	if x.phase == putting {
		for x.at < ranks && x.of(x.out, x.peer()) == 0 {
			x.at++
		}
		if x.at < ranks {
			if d.backedUp(x.rank, x.sm) {
				return work{}, false
			}
			x.rows = min(x.of(x.out, x.peer())-x.put, x.p.Chunk)
			w := work{read: float64(x.rows), write: float64(x.rows)}
			if to := x.peer(); d.Plan.Place.Node(to) == d.Plan.Place.Node(x.rank) {
				w.stores = d.up(x.rank, to, x.rows, d.now)
			}
			return w, true
		}
		x.phase, x.at = taking, 0
	}
	if x.phase == taking {
		switch {
		case d.Combine && x.missing == 0 && x.seen <= d.now:
			if w, ok := x.reduce(); ok {
				return x.all(w), true
			}
		case !d.Combine && len(x.here) > 0:
			x.rows = x.of(x.in, int(x.here[0]))
			return x.all(work{read: float64(x.rows), write: float64(x.rows)}), true
		case x.missing > 0:
			return work{}, false
		case x.seen > d.now:
			d.wake(x.sm, x.seen)
			return work{}, false
		}
		x.credit()
	}
	if x.phase == awaiting && x.credits == ranks {
		x.round++
		x.enter()
		return x.start()
	}
	return work{}, false
}

// peer is the one that is put to next. Channels begin at different ones, so that some are at
// the peers of the node while others are at those of other nodes.
func (x *exchanger) peer() int {
	ranks := x.p.Place.Ranks()
	return (x.rank + x.channel*ranks/x.p.Channels + x.at) % ranks
}

// pack begins a step of packing, and says how many rows it has; -1 when all are packed.
func (x *exchanger) pack() int {
	if x.d.Combine { // the rows of a peer
		if x.at == x.p.Place.Ranks() {
			return -1
		}
		return x.of(x.out, x.at)
	}
	lo, hi := x.p.Block(x.p.Tokens, x.block())
	if lo+x.at == hi {
		return -1
	}
	n := min(x.p.Chunk, hi-lo-x.at)
	rows := 0
	for _, pos := range x.p.Pos[(lo+x.at)*x.p.TopK : (lo+x.at+n)*x.p.TopK] {
		if pos >= 0 {
			rows++
		}
	}
	return rows
}

// reduce begins adding up the copies of a chunk of tokens.
func (x *exchanger) reduce() (work, bool) {
	lo, hi := x.p.Block(x.p.Tokens, x.block())
	if lo+x.at == hi {
		return work{}, false
	}
	x.rows = 0
	n := min(x.p.Chunk, hi-lo-x.at)
	for _, pos := range x.p.Pos[(lo+x.at)*x.p.TopK : (lo+x.at+n)*x.p.TopK] {
		if pos >= 0 {
			x.rows++
		}
	}
	return work{read: float64(x.rows), write: float64(n), reduce: float64(x.rows)}, true
}

// credit ends the round: peers are told that they may fill this rank's buffer again.
func (x *exchanger) credit() {
	if x.round == x.p.Rounds-1 {
		x.phase = ended
		return
	}
	x.phase = awaiting
	d := x.d
	for i := range x.p.Place.Ranks() {
		to := (x.rank + i) % x.p.Place.Ranks()
		d.link(x.rank, to).Signals++
		latency := d.signal
		if d.Plan.Place.Node(to) == d.Plan.Place.Node(x.rank) {
			latency = d.store
		}
		d.at(d.now+d.late(latency), credited, 0, to*x.p.Channels+x.channel)
	}
}

func (x *exchanger) finish() {
	d, l := x.d, x.d.ledgers[x.rank]
	switch x.phase {
	case packing:
		l.Pack(x.rows, &d.Row)
		if x.d.Combine {
			x.at++
			return
		}
		lo, hi := x.p.Block(x.p.Tokens, x.block())
		x.at += min(x.p.Chunk, hi-lo-x.at)
	case putting:
		x.send()
	case taking:
		if d.Combine {
			lo, hi := x.p.Block(x.p.Tokens, x.block())
			n := min(x.p.Chunk, hi-lo-x.at)
			x.at += n
			l.Reduce(x.rows)
			l.Write(n, &d.Row)
			return
		}
		l.Unpack(x.rows, &d.Row)
		x.here = x.here[1:]
	}
}

// send has some of the rows for a peer leave; a signal follows the last of them.
func (x *exchanger) send() {
	d, to := x.d, x.peer()
	k := d.link(x.rank, to)
	d.ledgers[x.rank].Put(k, x.rows, &d.Row)
	if x.put += x.rows; x.put == x.of(x.out, to) {
		k.Signals++
		x.put = 0
		x.at++
	}
	id := d.id(to, x.channel, x.rank)
	if d.Plan.Place.Node(to) == d.Plan.Place.Node(x.rank) {
		d.deliver(id, x.rows, d.stored(x.rank, to))
		return
	}
	d.send(x.rank, to, x.rows, id)
}
