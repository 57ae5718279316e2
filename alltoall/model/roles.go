package model

import (
	"fmt"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/alltoall/plan"
)

// traffic is what the rank that has most to do does for each token that a rank has, in rows.
// Who receives most is busier at its links and where it takes rows in, and in a combine where
// it gives them back.
type traffic struct {
	scaleOut, scaleUp float64 // in the direction that has more: both are alike without skew
	roles             []role
	phases            []role // before and after all that, with links idle
	epilogue          role   // what is left to a kernel of its own; no work if there is none
}

// role is work that SMs do.
type role struct {
	share               float64 // of the SMs that do it
	read, write, reduce float64
}

// traffic derives it; docs/model.md says why each row is there.
func (w *Workload) traffic(k *hardware.Profile) (traffic, error) {
	nodes, ranks := w.reach()
	n, g := float64(w.Nodes), float64(w.GPUsPerNode)
	copies, hot := ranks, w.hot() // rows that a token becomes
	var t traffic
	if k.LowLatency != (w.Algorithm == plan.AlgLowLatency) {
		return t, fmt.Errorf("model: %s by kernels %s: low-latency kernels are for %s, and for nothing else", w.Algorithm, k.Name, plan.AlgLowLatency)
	}
	switch w.Algorithm {
	case plan.AlgLowLatency:
		k := float64(w.TopK)
		t.scaleOut, t.scaleUp = k*hot*(1-1/n), k*hot*(1-1/g)/n
		// The message is made once and put, and what came is packed; on the way back outputs
		// are put, and home adds them up.
		t.roles = []role{{1, 1 + k*hot, 1 + k*hot, 0}}
		if w.Op == Combine {
			t.roles = []role{{1, k*hot + k, 1, k}}
		}
		return t, nil
	case plan.AlgTwoHop:
		t.scaleOut, t.scaleUp = nodes*(1-1/n), ranks*hot*(1-1/g)
	case plan.AlgPXN: // over scale-up also what goes to another rail on another node
		t.scaleOut, t.scaleUp = copies*hot*(1-1/n), copies*hot*(1-1/g)
		if w.Op == Combine { // whose outputs all NICs of the node carry, each to its rail
			t.scaleOut = copies * (1 + (hot-1)/g) * (1 - 1/n)
		}
	case plan.AlgDirect, plan.AlgAllToAll:
		if w.Algorithm == plan.AlgAllToAll {
			copies = float64(w.TopK)
		}
		t.scaleOut, t.scaleUp = copies*hot*(1-1/n), copies*hot*(1-1/g)/n
	default:
		return t, fmt.Errorf("model: no algorithm %q; there are %v", w.Algorithm, plan.Algorithms)
	}
	hops := w.Algorithm == plan.AlgTwoHop && w.Nodes > 1
	if k.RolesApart {
		t.roles = apart(w.Op, hops, nodes, copies, copies*hot)
	} else {
		t.roles, t.epilogue = w.together(hops, nodes, copies, copies*hot)
	}
	if w.Algorithm == plan.AlgAllToAll { // it packs before and unpacks or adds up after
		pack := role{1, copies * hot, copies * hot, 0} // of rows that come, or of those that go back
		last := pack
		if w.Op == Combine {
			last = role{1, copies, 1, copies}
		}
		t.phases = []role{pack, last}
		t.roles, t.epilogue = []role{{1, copies * hot, copies * hot, 0}}, role{}
		if k.RolesApart { // one of a channel's SMs sends, the other copies what comes
			t.roles = []role{{0.5, copies, copies, 0}, {0.5, copies * hot, copies * hot, 0}}
		}
	}
	return t, nil
}

// apart is the work of kernels with rings, whose halves of the SMs have different roles. came
// is the rows that the busiest rank receives for each token of a rank.
func apart(op Op, hops bool, nodes, copies, came float64) []role {
	const half = 0.5
	switch {
	case hops && op == Dispatch:
		return []role{
			{half, 1 + came, nodes + came, 0}, // senders once a node, and receivers into the tensor
			{half, copies, copies, 0},         // forwarders
		}
	case hops:
		return []role{
			{half, came + nodes, came + 1, nodes}, // senders within the node, and receivers at home
			{half, copies, nodes, copies},         // forwarders add up
		}
	case op == Dispatch:
		return []role{{half, 1, copies, 0}, {half, came, came, 0}} // senders, receivers
	}
	return []role{{half, came, came, 0}, {half, copies, 1, copies}}
}

// together is the work of kernels whose SMs do everything, and whose copies into tensors
// and last sums are an epilogue.
func (w *Workload) together(hops bool, nodes, copies, came float64) (roles []role, epilogue role) {
	switch {
	case hops && w.Op == Dispatch:
		return []role{{1, 1 + nodes, 1 + nodes/float64(w.Nodes) + copies, 0}}, role{1, came, came, 0}
	case hops:
		return []role{{1, came + copies, came + nodes, copies}}, role{1, nodes, 1, nodes}
	case w.Op == Dispatch:
		return []role{{1, 1, copies, 0}}, role{1, came, came, 0}
	}
	return []role{{1, came, came, 0}}, role{1, copies, 1, copies}
}
