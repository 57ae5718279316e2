package model

import (
	"fmt"
	"math"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/alltoall/plan"
)

// Budget is how many SMs saturate the fabric that bounds a dispatch, with a margin. Traffic
// and the work of SMs are in bytes for each byte that is delivered, which is a copy of a
// token at a rank that has one of its experts.
type Budget struct {
	SMs   int     // with margin, rounded and bounded
	Raw   float64 // before that
	Bound Bound   // the fabric that is full first

	ScaleOut, ScaleUp float64 // what leaves a GPU on each
	Read, Write       float64 // what its SMs read and write
	PerSM             float64 // GB/s that an SM delivers
	GBps              float64 // that a GPU delivers, where SMs do not bound it
}

// Budget is the closed form of DeepEP V2 for its hybrid dispatch: that of a two-hop dispatch
// with uniform routing, by kernels whose SMs do everything. It is an
// error for another workload or other kernels. Source: deep_ep/buffers/elastic.py;
// docs/model.md derives it.
func (w Workload) Budget(h *hardware.Hardware, k *hardware.Profile) (*Budget, error) {
	if err := w.check(h); err != nil {
		return nil, err
	}
	if w.Op != Dispatch || w.Algorithm != plan.AlgTwoHop || !w.uniform() || k.RolesApart {
		return nil, fmt.Errorf("model: the closed form is of a dispatch by %s with uniform routing, and kernels whose SMs do everything", plan.AlgTwoHop)
	}
	t, err := w.traffic(k)
	if err != nil {
		return nil, err
	}
	_, copies := w.reach()
	r := t.roles[0]
	b := &Budget{ScaleOut: t.scaleOut / copies, ScaleUp: t.scaleUp / copies, Read: r.read / copies, Write: r.write / copies}
	out, up := h.OutGBps()*k.ScaleOut.Value, h.ScaleUp.Achievable.Value*k.ScaleUp.Value
	b.Bound, b.GBps = ScaleUp, up/b.ScaleUp
	if b.ScaleOut/out > b.ScaleUp/up {
		b.Bound, b.GBps = ScaleOut, out/b.ScaleOut
	}
	b.PerSM = copies / r.cost(k)
	b.Raw = b.GBps / b.PerSM
	step := k.Step.Value
	with := math.Ceil(math.Ceil(b.Raw*k.Margin.Value)/step) * step
	b.SMs = int(min(max(with, k.Least.Value), h.GPU.SMs.Value))
	return b, nil
}
