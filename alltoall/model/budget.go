package model

import (
	"fmt"
	"math"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/alltoall/plan"
)

// Budget is how many SMs saturate the fabric that bounds a dispatch, with a margin.
type Budget struct {
	SMs   int     // with margin, rounded and bounded
	Raw   float64 // before that
	Bound Bound   // the fabric that is full first
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
	// Tokens a nanosecond that each fabric carries, by rows for each token.
	b, tokens := &Budget{Bound: ScaleUp}, h.ScaleUp.Achievable.Value*k.ScaleUp.Value/t.scaleUp
	if out := h.OutGBps() * k.ScaleOut.Value / t.scaleOut; out < tokens {
		b.Bound, tokens = ScaleOut, out
	}
	b.Raw = tokens * t.work(k)
	step := k.Step.Value
	with := math.Ceil(math.Ceil(b.Raw*k.Margin.Value)/step) * step
	b.SMs = int(min(max(with, k.Least.Value), h.GPU.SMs.Value))
	return b, nil
}
