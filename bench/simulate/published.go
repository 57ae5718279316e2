package simulate

import (
	"context"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/alltoall/model"
	"github.com/commbench/commbench/bench"
)

// Published simulates what somebody has measured and published, and returns it in the unit of
// the published figure. Routing is drawn as the measurement's was.
func Published(ctx context.Context, p *model.Published) (float64, error) {
	c := Config{SMs: p.SMs, Config: bench.Config{Op: string(p.Op), Algorithm: p.Algorithm, Nodes: p.Nodes, GPUsPerNode: p.GPUsPerNode,
		Experts: p.Experts, TopK: p.TopK, TopKGroups: p.Groups, Tokens: p.Tokens, Hidden: p.Hidden, DType: p.DType, Seed: 1}}
	var err error
	if c.Hardware, err = hardware.Open(p.Hardware); err != nil {
		return 0, err
	}
	if c.Kernels, err = hardware.Kernels(p.Kernels); err != nil {
		return 0, err
	}
	recs, err := Run(ctx, c)
	if err != nil {
		return 0, err
	}
	out := 0.0
	if v := recs[0].Bandwidth.ScaleOutLogical; v != nil {
		out = *v
	}
	return p.Of(*recs[0].TimeUS.P50, out, *recs[0].Bandwidth.ScaleUpLogical), nil
}
