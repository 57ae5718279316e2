package model

import (
	"fmt"
	"math"

	"github.com/commbench/commbench/alltoall/hardware"
)

// Balanced is a workload whose tokens choose TopK of the Experts at random, each set of
// them as likely as any other, without groups. Experts are spread evenly over the ranks.
type Balanced struct {
	Nodes, GPUsPerNode int // of scale-up domains, and of GPUs in one
	Experts, TopK      int
}

// most bounds each number of a workload: beyond it nothing is ever built, and products of
// them are still exact.
const most = 1 << 20

func (b Balanced) check() error {
	for _, n := range []struct {
		name string
		v    int
	}{{"nodes", b.Nodes}, {"GPUs a node", b.GPUsPerNode}, {"experts", b.Experts}, {"top-k", b.TopK}} {
		if n.v < 1 || n.v > most {
			return fmt.Errorf("model: %d %s: want 1 to %d", n.v, n.name, most)
		}
	}
	if b.TopK > b.Experts {
		return fmt.Errorf("model: top-%d of %d experts: a token cannot choose so many", b.TopK, b.Experts)
	}
	if r := b.ranks(); b.Experts%r != 0 {
		return fmt.Errorf("model: %d experts on %d ranks: want a multiple of the ranks", b.Experts, r)
	}
	return nil
}

func (b Balanced) ranks() int { return b.Nodes * b.GPUsPerNode }

// Distinct is how many of so many equal groups of experts a token's choices are expected
// to be in: groups x (1 - C(E - E/groups, K) / C(E, K)). Groups divide the experts.
// Source: DeepEP V2, deep_ep/buffers/elastic.py.
func (b Balanced) Distinct(groups int) float64 {
	others := b.Experts - b.Experts/groups
	none := 1.0 // the probability that a group is not chosen
	for i := range min(b.TopK, others+1) {
		none *= float64(others-i) / float64(b.Experts-i)
	}
	return float64(groups) * (1 - none)
}

// Domain is one of the two that a dispatch crosses.
type Domain string

// The domains.
const (
	ScaleUp  Domain = "scale-up"
	ScaleOut Domain = "scale-out"
)

// Budget is how many SMs saturate the fabric that bounds a balanced dispatch. Traffic and
// the work of SMs are in bytes for each byte that is delivered, which is a copy of a token
// at a rank that has one of its experts.
type Budget struct {
	SMs   int     // with margin, rounded and bounded
	Raw   float64 // before that
	Bound Domain  // the fabric that is full first

	ScaleOut, ScaleUp float64 // what leaves a GPU on each
	Read, Write       float64 // what its SMs read and write
	PerSM             float64 // GB/s that an SM delivers
	GBps              float64 // that a GPU delivers, where SMs do not bound it

	TokenNodes, TokenRanks float64 // distinct nodes and ranks of a token, expected
}

// SMs is the closed form of DeepEP V2 for its hybrid dispatch, in the bytes of a two-hop
// dispatch. It assumes that routing is balanced and ungrouped, that GPUs do nothing else,
// that a domain's GPUs all reach each other over scale-up, and that latency is hidden. As
// there, NICs are taken at their line rate and scale-up at the achievable one.
// Source: deep_ep/buffers/elastic.py; docs/model.md derives it.
func (b Balanced) SMs(h *hardware.Hardware, kernels *hardware.Profile) (Budget, error) {
	if err := b.check(); err != nil {
		return Budget{}, err
	}
	if b.GPUsPerNode > h.Domain() {
		return Budget{}, fmt.Errorf("model: %d GPUs a node: a scale-up domain of %s has %d", b.GPUsPerNode, h.Name, h.Domain())
	}
	n, g := float64(b.Nodes), float64(b.GPUsPerNode)
	c := Budget{TokenNodes: b.Distinct(b.Nodes), TokenRanks: b.Distinct(b.ranks())}
	ranks, nodes := c.TokenRanks, c.TokenNodes
	c.Read, c.ScaleUp = 1/ranks, 1-1/g // the token is read once; a rank of the node has it already once in g
	c.Write = 1                        // the copy that is delivered
	if b.Nodes > 1 {
		c.Read += nodes / ranks                // the forwarder, once for each node
		c.Write += 1/ranks + nodes/(ranks*n)   // the send buffer, and straight to the own node
		c.ScaleOut = nodes * (1 - 1/n) / ranks // once for each other node
	}
	out, up := h.ScaleOut.NICs.Value*h.ScaleOut.Line.Value, h.ScaleUp.Achievable.Value
	switch {
	case c.ScaleOut/out > c.ScaleUp/up:
		c.Bound, c.GBps = ScaleOut, out/c.ScaleOut
	case c.ScaleUp > 0:
		c.Bound, c.GBps = ScaleUp, up/c.ScaleUp
	default:
		return Budget{}, fmt.Errorf("model: %d ranks: a token has nowhere to go", b.ranks())
	}
	c.PerSM = 1 / max(c.Read/kernels.Read.Value, c.Write/kernels.Write.Value)
	c.Raw = c.GBps / c.PerSM
	step := kernels.Step.Value
	with := math.Ceil(math.Ceil(c.Raw*kernels.Margin.Value)/step) * step
	c.SMs = int(min(max(with, kernels.Least.Value), h.GPU.SMs.Value))
	return c, nil
}
