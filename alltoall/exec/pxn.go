package exec

import "github.com/commbench/commbench/alltoall/plan"

// PXN dispatch: a sender puts each token once to each of its target ranks; one on another
// node and another rail goes into a ring at the rank of its own node that is on the target's
// rail, which passes it on and gives credit back. A combine goes back in the same way, into
// rings at home.

// pxnWords are the signal words of pxn. Those within a node have a word for each peer,
// node and channel: what a peer sends through here for each node is a stream of its own.
type pxnWords struct {
	arrived words // rows in the receive buffer, from a rank of the node or of the rail

	tail, credit words // dispatch: rows in the ring of who passes on, and rows that it has freed

	ready              words // runs for which a rank of the node has its outputs ready
	backTail, backFree words // combine: the same as tail and credit
	home, freed        words // outputs in the rings at home, by the rank that made them; slots that home has freed
}

// stream is the word of a stream within the node.
func (l *lane) stream(g *Group, node int) int { return node*g.cfg.Channels + l.channel }

// takeUpWords reserves words for the ranks of the node alone, and channels.
func (g *Group) takeUpWords(channels int) words {
	w := words{up: g.wordsUp, channels: channels, inside: true}
	g.wordsUp += g.cfg.Place.GPUsPerNode * channels
	return w
}

// signalAs adds to the word that a peer of another node keeps for a third rank, whose rows
// this one has put.
func (l *lane) signalAs(g *Group, peer int, w words, as int, add uint64) error {
	l.ledger.ScaleOut[peer].Signals++
	return l.outTo[peer].Signal(w.from(g, as, l.channel), add)
}

// lent are ring slots whose rows were put on: they are given back when the transport has read
// them. Where puts are copies that is at once.
type lent struct {
	ring    []loan // as many as there can be chunks in a role's rings
	head, n int
}

type loan struct {
	to, index, node, rows int // where the rows went; whose they are
	mark                  uint64
}

func (d *lent) add(l *lane, to, index, node, rows int) {
	d.ring[(d.head+d.n)%len(d.ring)] = loan{to, index, node, rows, l.outTo[to].Mark()}
	d.n++
}

// pay gives credit for what may be filled again, and says whether there was any.
func (d *lent) pay(g *Group, l *lane, credit words) (paid bool, err error) {
	for d.n > 0 {
		first := &d.ring[d.head]
		if ok, err := l.outTo[first.to].Reusable(first.mark); !ok || err != nil {
			return paid, err
		}
		if err := l.signal(g, g.cfg.Place.Rank(l.node, first.index), credit, l.stream(g, first.node), uint64(first.rows)); err != nil {
			return paid, err
		}
		d.head, d.n = (d.head+1)%len(d.ring), d.n-1
		paid = true
	}
	return paid, nil
}

// passer is what the roles that pass rows on share: streams through one channel's rings, each
// from a rank of the node to the rail peer on another. A stream goes by the rank of that
// node that has the index of who sends it.
type passer struct {
	g            *Group
	l            *lane
	a            *areas
	w            *pxnWords
	p            *plan.PXN
	tail, credit words  // of the ring here
	live         live   // streams with rows left
	done         []int  // [ranks] rows of the stream that were passed on
	taken        []flow // [ranks] rows taken out of the ring
	owed         lent
}

func (g *Group) newPasser(l *lane, a *areas, w *pxnWords, tail, credit words, slots int) passer {
	ranks := g.cfg.Place.Ranks()
	return passer{g: g, l: l, a: a, w: w, tail: tail, credit: credit, live: make(live, 0, ranks), done: make([]int, ranks), taken: make([]flow, ranks),
		owed: lent{ring: make([]loan, ranks*max(1, slots))}}
}

// passing is what a role does with its streams.
type passing interface {
	rows(k int) int          // of a stream, in this run
	ready(k, chunk int) bool // says whether what a chunk goes to has room
	pass(k, chunk int) error // passes a chunk on
}

// stream takes a live one apart: the node that its rows go to, and the index of who sends them.
func (x *passer) stream(k int) (node, index int) {
	return x.g.cfg.Place.Node(k), x.g.cfg.Place.Index(k)
}

func (x *passer) restart(p plan.Plan, of passing) {
	x.p, x.live = p.(*plan.PXN), x.live[:0]
	x.owed.n = 0
	restart(x.taken)
	clear(x.done)
	for i := range x.done {
		k := (x.l.id + i) % len(x.done)
		if node, index := x.stream(k); node != x.l.node && index != x.l.index && of.rows(k) > 0 {
			x.live = append(x.live, int32(k))
		}
	}
}

// chunk is the rows that are passed on together next.
func (x *passer) chunk(k int, of passing) int { return min(of.rows(k)-x.done[k], x.p.FlatChunk()) }

// filled is the rows of a stream that wait in the ring.
func (x *passer) filled(k int) int {
	node, index := x.stream(k)
	return int(x.l.seen(x.g, x.g.cfg.Place.Rank(x.l.node, index), x.tail, x.l.stream(x.g, node)) - x.taken[k].total)
}

// run passes on a chunk of each stream that has one.
func (x *passer) run(of passing) (status, error) {
	st := idle
	if paid, err := x.owed.pay(x.g, x.l, x.credit); err != nil || paid {
		if st = moved; err != nil {
			return st, err
		}
	}
	for at := 0; at < len(x.live); {
		k := int(x.live[at])
		chunk := x.chunk(k, of)
		if x.filled(k) < chunk || !of.ready(k, chunk) {
			at++
			continue
		}
		st = moved
		if err := of.pass(k, chunk); err != nil {
			return st, err
		}
		if x.done[k] == of.rows(k) {
			x.live = x.live.drop(at)
		} else {
			at++
		}
	}
	if len(x.live) == 0 && x.owed.n == 0 {
		return finished, nil
	}
	return st, nil
}

// waits says what the first live stream awaits.
func (x *passer) waits(w waiting, of passing) waiting {
	if x.p == nil || len(x.live) == 0 {
		return w
	}
	k := int(x.live[0])
	_, index := x.stream(k)
	w.Peer = x.g.cfg.Place.Rank(x.l.node, index)
	w.Awaited, w.Seen = x.taken[k].total+uint64(x.chunk(k, of)), x.taken[k].total+uint64(x.filled(k))
	return w
}
