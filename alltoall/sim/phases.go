package sim

import (
	"math"

	"github.com/commbench/commbench/alltoall/plan"
)

// notify is the rounds of notes that tell ranks what others' routing is: each rank puts one to
// each peer, and its next round begins when it has all of the last. In microseconds, the
// slowest rank's.
func (m *machine) notify(plans []plan.Plan) float64 {
	if _, ok := plans[0].(*plan.LowLatency); ok {
		return 0 // counts come with the messages
	}
	place, ranks := m.Plan.Place, len(plans)
	perRow := float64(m.Row.Size())
	out, up := m.perOut/perRow, m.perUp/perRow // ps a byte
	begun := make([]int64, ranks)
	note := make([]byte, 0, 1<<12)
	for round := range plan.NoteRounds {
		outPort, inPort, ended := make([]int64, 2*ranks), make([]int64, 2*ranks), make([]int64, ranks)
		copy(outPort, begun)
		copy(outPort[ranks:], begun)
		for from, p := range plans {
			peers := p.Peers(round)
			at := 0
			for at < len(peers) && peers[at] <= from {
				at++
			}
			for i := range peers {
				to := peers[(at+i)%len(peers)] // behind the own, so that not all send to one
				if to == from {
					continue
				}
				note = p.AppendNote(round, to, note[:0])
				per, latency, lane := out, m.put+m.signal, 0
				if place.Node(from) == place.Node(to) {
					per, latency, lane = up, m.store, ranks
				}
				d := whole(float64(len(note)) * per)
				outPort[lane+from] += d
				inPort[lane+to] = max(inPort[lane+to]+d, outPort[lane+from]+latency)
				ended[to] = max(ended[to], inPort[lane+to])
			}
		}
		for r := range begun {
			begun[r] = max(ended[r], begun[r])
		}
	}
	last := int64(0)
	for _, t := range begun {
		last = max(last, t)
	}
	return float64(last) / 1e6
}

// barrier is what a barrier of all ranks takes by dissemination: in each of log2 rounds a
// signal to twice as far, over scale-out between nodes and over scale-up within them.
// Source: Hensgen, Finkel and Manber, Two algorithms for barrier synchronization (1988).
func (c *Config) barrier() float64 {
	rounds := func(n int) float64 { return math.Ceil(math.Log2(float64(n))) }
	place := c.Plan.Place
	return float64(rounds(place.Nodes)*c.Hardware.ScaleOut.Signal.Value) + float64(rounds(place.GPUsPerNode)*c.Hardware.ScaleUp.Store.Value)
}

// epilogue is the copies into tensors of a dispatch, or the last sums of a combine, by all
// SMs of the rank that has most of them; as in model, where it is derived.
func (m *machine) epilogue(plans []plan.Plan) float64 {
	if m.Kernels.RolesApart || m.Kernels.LowLatency || m.Kernels.Engine {
		return 0
	}
	if _, ok := plans[0].(*plan.AllToAll); ok {
		return 0 // it unpacks, or adds up, itself
	}
	worst := 0.0
	for _, p := range plans {
		w := work{read: float64(p.RecvRows()), write: float64(p.RecvRows())}
		if m.Combine {
			w = sums(p)
		}
		sms := max(w.read*m.perRead, w.write*m.perWrite, w.reduce*m.perReduce) / m.Hardware.GPU.SMs.Value
		worst = max(worst, sms, (w.read+w.write)*m.perMemory)
	}
	return worst / 1e6
}

// sums is the rows that a rank's tokens come back as.
func sums(p plan.Plan) work {
	rows, tokens := 0, 0
	switch p := p.(type) {
	case *plan.TwoHop:
		tokens = p.Tokens
		for n := range p.Send {
			rows += len(p.Send[n].Tokens)
		}
		if len(p.Send) == 1 { // outputs come back one by one
			rows = int(p.Fans[0].First[len(p.Fans[0].First)-1])
		}
	case *plan.Direct:
		rows, tokens = len(p.To), p.Tokens
	case *plan.PXN:
		rows, tokens = len(p.To), p.Tokens
	}
	return work{read: float64(rows), write: float64(tokens), reduce: float64(rows)}
}
