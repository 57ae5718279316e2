package model

import (
	"fmt"
	"slices"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/alltoall/plan"
)

// Bound is what decides how long an operation takes.
type Bound string

// The bounds.
const (
	ScaleUp  Bound = "scale-up"
	ScaleOut Bound = "scale-out"
	Fabric   Bound = "fabric" // the links between leaf switches
	Memory   Bound = "memory"
	SMs      Bound = "SMs"
)

// Point is what so many SMs do.
type Point struct {
	SMs   int
	US    float64 // microseconds, notify and epilogue apart
	Bound Bound
	Out   float64 // GB/s of a rank on average, logical: payload and scales for each distinct node, the own one too
	Up    float64 // the same for each distinct rank
}

// Curve is an operation's time as a function of the SMs that it is given.
type Curve struct {
	Points     []Point // for more and more SMs
	Knee       int     // the first whose time is within 2 % of the best
	TokenNodes float64 // distinct nodes of a token, expected
	TokenRanks float64
	Bytes      int     // payload and scales of a token
	EpilogueUS float64 // copies into tensors or last sums, by all SMs, where they are a kernel of their own
}

// kneeWithin is how near to the best a time is as good; as of a measured sweep.
const kneeWithin = 0.02

// Predict is the time of an operation on the hardware with such kernels: that of the rank that
// has most to do. Its links, its memory and its SMs work at the same time; the slowest of
// them decides, and the latencies of one row through all hops are added. Low-latency kernels have one point: how
// many SMs they take is not to be chosen. docs/model.md derives it.
func (w Workload) Predict(h *hardware.Hardware, k *hardware.Profile) (*Curve, error) {
	if err := w.check(h); err != nil {
		return nil, err
	}
	t, err := w.traffic(k)
	if err != nil {
		return nil, err
	}
	row := w.row()
	c := &Curve{Bytes: row.Bytes()}
	c.TokenNodes, c.TokenRanks = w.reach()
	// Bytes over GB/s are nanoseconds.
	moved := float64(w.Tokens) * float64(row.Size()) / 1e3

	latency := k.Fixed.Value
	links := Point{Bound: Memory, US: moved * t.touched() / h.GPU.Memory.Value}
	for _, l := range []struct {
		bound             Bound
		rows, rate, first float64
	}{
		{ScaleOut, t.scaleOut, h.OutGBps() * k.ScaleOut.Value, h.ScaleOut.Put.Value + h.ScaleOut.Signal.Value},
		{Fabric, t.scaleOut * w.across(h), h.OutGBps() / h.Fabric.Oversubscription.Value, 0},
		{ScaleUp, t.scaleUp, h.ScaleUp.Achievable.Value * k.ScaleUp.Value, h.ScaleUp.Store.Value},
	} {
		if l.rows == 0 {
			continue
		}
		latency += l.first
		if us := moved * l.rows / l.rate; us > links.US {
			links.US, links.Bound = us, l.bound
		}
	}
	if k.Engine {
		for i := range t.phases {
			links.US += moved * (t.phases[i].read + t.phases[i].write) / h.GPU.Memory.Value
		}
		c.add(links, latency, w.Tokens)
		return c, nil
	}
	most, step := h.SMs(), int(k.Step.Value)
	least := min(max(step, int(k.Least.Value)), most)
	if k.LowLatency { // groups of warps, one for each expert, share as few SMs as they must
		perSM := (w.Experts + most - 1) / most
		least = (w.Experts + perSM - 1) / perSM
		most = least
	}
	for n := least; n <= most; n += step {
		if w.only > 0 && n != w.only && !k.LowLatency {
			continue
		}
		p := links
		if us := moved * t.work(k) / float64(n); us > p.US {
			p.US, p.Bound = us, SMs
		}
		p.SMs = n
		for i := range t.phases {
			r := &t.phases[i]
			p.US += moved * max(r.cost(k)/float64(n), (r.read+r.write)/h.GPU.Memory.Value)
		}
		c.add(p, latency, w.Tokens)
	}
	if len(c.Points) == 0 {
		return nil, fmt.Errorf("model: %d SMs: kernels %s take %d to %d, in steps of %d", w.only, k.Name, least, most, step)
	}
	best := c.Points[len(c.Points)-1].US
	c.Knee = slices.IndexFunc(c.Points, func(p Point) bool { return p.US <= best*(1+kneeWithin) })
	c.EpilogueUS = moved * max(t.epilogue.cost(k)/float64(most), (t.epilogue.read+t.epilogue.write)/h.GPU.Memory.Value)
	return c, nil
}

// across is the share of what leaves a node that goes from one leaf switch to another whose
// links may be full: a leaf has the NICs of a rail on some nodes, or all those of such nodes.
func (w *Workload) across(h *hardware.Hardware) float64 {
	f := &h.Fabric
	leaf := int(f.LeafNodes.Value)
	if f.Oversubscription.Value <= 1 || f.Tiers.Value < 2 || w.Nodes <= 1 {
		return 0
	}
	// The nodes of the last leaf may be fewer: the mean over all.
	same := 0.0
	for n := w.Nodes; n > 0; n -= leaf {
		on := float64(min(n, leaf))
		same += on * (on - 1) / float64(w.Nodes*(w.Nodes-1))
	}
	if f.RailOptimised && w.Algorithm != plan.AlgTwoHop && w.Algorithm != plan.AlgPXN {
		if leaf >= w.Nodes { // and other rails are on other leaves
			same = 1
		}
		same /= float64(w.GPUsPerNode)
	}
	return 1 - same
}

// add appends a point, whose time is without latency.
func (c *Curve) add(p Point, latency float64, tokens int) {
	p.US += latency
	payload := float64(tokens) * float64(c.Bytes) / 1e3 / p.US
	p.Out, p.Up = payload*c.TokenNodes, payload*c.TokenRanks
	c.Points = append(c.Points, p)
}

// cost is the work of a role for each row of a token, in SMs x time x GB/s: what takes
// longest of what an SM does at the same time.
func (r *role) cost(k *hardware.Profile) float64 {
	return max(r.read/k.Read.Value, r.write/k.Write.Value, r.reduce/k.Reduce.Value)
}

// work is what all roles cost. Those with SMs of their own run side by side; those that have
// all SMs come one after the other.
func (t *traffic) work(k *hardware.Profile) float64 {
	beside, after := 0.0, 0.0
	for i := range t.roles {
		r := &t.roles[i]
		if r.share < 1 {
			beside = max(beside, r.cost(k)/r.share)
		} else {
			after += r.cost(k)
		}
	}
	return beside + after
}

// touched is the rows that memory reads and writes: by SMs, and what comes over the links.
func (t *traffic) touched() float64 {
	rows := t.scaleOut
	for _, r := range t.roles {
		rows += r.read + r.write
	}
	return rows
}
