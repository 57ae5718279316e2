package model

import (
	"fmt"
	"slices"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/alltoall/plan"
)

// Published is a measurement that somebody has published, and what is needed to predict it.
type Published struct {
	System, Source    string
	Hardware, Kernels string
	SMs               int // of a GPU; 0 where the kernels say how many
	Groups            int // nodes that a token may reach; 0 is no limit
	Workload

	Value  float64
	Figure Figure
	// Fitted is the parameter that was fitted with the help of this figure, or "".
	Fitted string
}

// Figure is what a published number counts.
type Figure string

// The figures. GB/s of DeepEP count the own node's and the rank's own traffic.
const (
	OutGBps    Figure = "scale-out GB/s"  // payload and scales for each distinct node, over the time
	UpGBps     Figure = "scale-up GB/s"   // the same for each distinct rank
	TimeUS     Figure = "us"              // of the operation
	ChoiceGBps Figure = "GB/s of choices" // hidden x 2 bytes for each choice, over the time
)

// publishedSMs is how many SMs DeepEP's normal mode is taken to have used: its README does not
// say, and 20 is its default.
const publishedSMs = 20

const (
	normal     = "DeepEP V1"
	lowLatency = "DeepEP V1 low-latency"
	nccl       = "NCCL EP low-latency"
)

// row is a published figure of a system.
type row struct {
	nodes  int
	op     Op
	value  float64
	fitted string
}

const bothOfLL = "ll scale_out_share, fixed_us"

// Measurements are those that are published of what can be predicted: the newest table of
// each system.
func Measurements() (all []Published) {
	for _, r := range []row{
		{1, Dispatch, 153, "v1 scale_up_share"}, {1, Combine, 158, ""},
		{2, Dispatch, 43, "v1 write_gbps"}, {2, Combine, 43, ""},
		{4, Dispatch, 58, ""}, {4, Combine, 57, ""},
		{8, Dispatch, 51, "v1 scale_out_share"}, {8, Combine, 50, ""},
	} {
		w, figure, groups := r.load(plan.AlgTwoHop, 4096), OutGBps, 0
		switch r.nodes {
		case 1:
			figure = UpGBps
		case 8: // top-4 of the nodes, as routing draws it
			w.TokenNodes, w.TokenRanks, groups = 3.954, 7.488, 4
		}
		all = append(all, Published{normal, "deepseek-ai/DeepEP README, 2025-04-22", "h800", "v1", publishedSMs, groups, w, r.value, figure, r.fitted})
	}
	for _, r := range []row{
		{1, Dispatch, 77, "ll scale_up_share"}, {1, Combine, 114, ""},
		{2, Dispatch, 118, bothOfLL}, {2, Combine, 195, bothOfLL},
		{4, Dispatch, 155, ""}, {4, Combine, 273, ""},
		{8, Dispatch, 173, bothOfLL}, {8, Combine, 314, bothOfLL},
		{16, Dispatch, 192, ""}, {16, Combine, 369, ""},
		{32, Dispatch, 194, ""}, {32, Combine, 360, ""},
	} {
		all = append(all, Published{lowLatency, "deepseek-ai/DeepEP README, 2025-06-05", "h800", "ll", 0, 0, r.load(plan.AlgLowLatency, 128), r.value, TimeUS, r.fitted})
	}
	for _, r := range []row{
		{1, Dispatch, 224.3, ""}, {1, Combine, 185.2, ""},
		{2, Dispatch, 76.7, ""}, {2, Combine, 73.0, ""},
		{4, Dispatch, 53.6, ""}, {4, Combine, 50.0, ""},
		{8, Dispatch, 48.8, ""}, {8, Combine, 43.8, ""},
	} {
		w := r.load(plan.AlgLowLatency, 128)
		w.DType = plan.BF16
		all = append(all, Published{nccl, "NVIDIA/nccl contrib/nccl_ep README, v2.29u1", "h100", "ll", 0, 0, w, r.value, ChoiceGBps, r.fitted})
	}
	return all
}

// load is what all of them moved: tokens of hidden 7168 that choose 8 of 256 experts.
func (r *row) load(algorithm plan.Algorithm, tokens int) Workload {
	return Workload{Op: r.op, Algorithm: algorithm, Nodes: r.nodes, GPUsPerNode: 8, Experts: 256, TopK: 8, Tokens: tokens, Hidden: 7168}
}

// Predict is what the model says of it, in the unit of the published figure, and what bounds
// it.
func (p *Published) Predict() (float64, Bound, error) {
	h, err := hardware.Open(p.Hardware)
	if err != nil {
		return 0, "", err
	}
	k, err := hardware.Kernels(p.Kernels)
	if err != nil {
		return 0, "", err
	}
	c, err := p.Workload.Predict(h, k)
	if err != nil {
		return 0, "", err
	}
	at := &c.Points[0]
	if p.SMs > 0 {
		i := slices.IndexFunc(c.Points, func(at Point) bool { return at.SMs == p.SMs })
		if i < 0 {
			return 0, "", fmt.Errorf("model: %s has no point at %d SMs", p.Hardware, p.SMs)
		}
		at = &c.Points[i]
	}
	return p.Of(at.US, at.Out, at.Up), at.Bound, nil
}

// Of is the published figure of an operation that takes so many microseconds and reaches so
// many GB/s over scale-out and scale-up.
func (p *Published) Of(us, out, up float64) float64 {
	switch p.Figure {
	case OutGBps:
		return out
	case UpGBps:
		return up
	case ChoiceGBps:
		return float64(p.Tokens*p.TopK*2*p.Hidden) / 1e3 / us
	}
	return us
}
