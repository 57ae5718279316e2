package exec

import (
	"encoding/binary"

	"github.com/commbench/commbench/alltoall/plan"
)

// expander lays a rank's received rows out by expert, one copy for each choice,
// with every expert's rows starting at a multiple of the alignment. It is the
// epilogue of a dispatch and is timed apart.
type expander struct {
	g    *Group
	l    *lane
	a    *areas
	p    plan.Plan
	base []int32 // [experts of the rank + 1]
	next []int32 // [experts of the rank] next row of each expert
	at   int     // next received row
}

func (x *expander) begin(p plan.Plan) {
	x.p, x.at = p, 0
	plan.ExpertRows(x.base, p.Received(), x.g.cfg.Alignment)
	copy(x.next, x.base)
}

func (x *expander) step() (status, error) {
	first := int32(x.g.cfg.Place.FirstExpert(x.l.id))
	size := x.a.row.Size()
	end := min(x.at+x.g.cfg.Chunk, x.p.RecvRows())
	for ; x.at < end; x.at++ {
		src := x.l.row(x.a.recv, x.at, size)
		ids := src[x.a.row.Bytes():]
		for j := range x.a.row.Choices {
			e := int32(binary.LittleEndian.Uint32(ids[4*j:])) - first
			if e < 0 || int(e) >= len(x.next) {
				continue
			}
			x.a.copy(x.l.row(x.a.expanded, int(x.next[e]), size), src)
			x.next[e]++
			x.l.ledger.Unpack(1, &x.a.row)
		}
	}
	if x.at < x.p.RecvRows() {
		return moved, nil
	}
	for e, row := range x.next {
		for ; row < x.base[e+1]; row++ {
			clear(x.l.row(x.a.expanded, int(row), size))
		}
	}
	return finished, nil
}

func (x *expander) where() waiting {
	return waiting{Rank: x.l.id, Peer: -1, Channel: -1, Role: "expander", For: "a step"}
}
