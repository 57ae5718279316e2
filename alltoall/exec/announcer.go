package exec

import "github.com/commbench/commbench/alltoall/plan"

// announcer tells the node's ranks that this rank's outputs may be added up. Where
// they cannot read them, it first puts to each those that it will add: a mirror.
type announcer struct {
	g     *Group
	l     *lane
	a     *areas
	ready words
	rows  int // most that a step puts

	from       []int32 // [ranks+1] of the plan: outputs by source of their tokens
	first, end int     // nodes of the sources whose tokens are added up here

	at   int // ranks of the node before this one, counted from the next, were told
	node int // the source whose outputs are put next, by node
	done int // of its outputs, how many were put
}

// mirrorStep is about how many bytes a step puts: as many as a worker moves in a
// fraction of a millisecond, and enough for a message to cost little beside them.
const mirrorStep = 256 << 10

func newAnnouncer(g *Group, r *rank, a *areas, ready words) *announcer {
	return &announcer{g: g, l: r.control(), a: a, ready: ready, rows: max(1, mirrorStep/a.sum.Stride())}
}

func (a *announcer) begin(p plan.Plan) {
	switch p := p.(type) {
	case *plan.TwoHop: // who has forwarded a token adds up: the rank on its source's rail
		a.from, a.first, a.end = p.From, 0, a.g.cfg.Place.Nodes
	case *plan.PXN:
		a.from, a.first, a.end = p.From, a.l.node, a.l.node+1
	case *plan.Direct: // only the source itself
		a.from, a.first, a.end = p.From, a.l.node, a.l.node+1
	}
	a.at, a.node, a.done = 0, a.first, 0
}

func (a *announcer) step() (status, error) {
	gpus := a.g.cfg.Place.GPUsPerNode
	for ; a.at < gpus; a.at++ {
		// Behind the own index first, so that not all ranks put to the same one.
		index := (a.l.index + 1 + a.at) % gpus
		if a.l.mapped[index] == nil {
			if some, err := a.mirror(index); some || err != nil {
				return moved, err
			}
		}
		if err := a.l.signal(a.g, a.g.cfg.Place.Rank(a.l.node, index), a.ready, 0, 1); err != nil {
			return moved, err
		}
		a.node = a.first
	}
	return finished, nil
}

// mirror puts the next of the outputs that a rank of the node adds up, and says
// whether there were any. They have their place in that rank's mirror by their rows
// here, so that the slots of the plan are good for both.
func (a *announcer) mirror(index int) (some bool, err error) {
	for ; a.node < a.end; a.node, a.done = a.node+1, 0 {
		src := a.g.cfg.Place.Rank(a.node, index)
		row := int(a.from[src]) + a.done
		n := min(int(a.from[src+1])-row, a.rows)
		if n == 0 {
			continue
		}
		// One put for the whole run of rows: the gaps between rows go along.
		at := a.a.y.at(row)
		rows := a.l.mem[at : at+(n-1)*a.a.y.stride+a.a.sum.Size()]
		if err := a.a.put(a.l.upTo[index], a.a.mirror.at(a.l.index*a.a.y.rows+row), rows); err != nil {
			return false, err
		}
		a.l.ledger.Put(&a.l.ledger.ScaleUp[index], n, &a.a.sum)
		a.done += n
		return true, nil
	}
	return false, nil
}

func (a *announcer) where() waiting {
	return waiting{Rank: a.l.id, Peer: -1, Channel: -1, Role: "announcer", For: "a step"}
}
