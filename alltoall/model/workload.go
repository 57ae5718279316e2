package model

import (
	"fmt"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/routing"
)

// Op is what is predicted.
type Op string

// The operations.
const (
	Dispatch Op = "dispatch"
	Combine  Op = "combine"
)

// Workload is what the ranks of a cluster move. Experts lie evenly on them.
type Workload struct {
	Op        Op
	Algorithm plan.Algorithm

	Nodes, GPUsPerNode int // of scale-up domains, and of GPUs in one
	Experts, TopK      int
	Tokens, Hidden     int        // of a rank, and of a token
	DType              plan.DType // of a dispatch; a combine carries BF16

	// Distinct nodes and ranks that a token reaches on average, its own among them. Both 0:
	// as uniform routing has it, without groups. Of other routing routing.Measure tells.
	TokenNodes, TokenRanks float64
	// Hottest is what the rank that receives most does, over the mean; 0 is 1, no skew.
	Hottest float64

	only int // SMs of the one point of a curve that is wanted; 0: all
}

// most bounds each number of a workload: beyond it nothing is ever built, and products of
// three are exact.
const most = 1 << 20

func (w *Workload) check(h *hardware.Hardware) error {
	for _, n := range []struct {
		name    string
		v, from int
	}{{"nodes", w.Nodes, 1}, {"GPUs a node", w.GPUsPerNode, 1}, {"experts", w.Experts, 1}, {"top-k", w.TopK, 1},
		{"tokens", w.Tokens, 1}, {"hidden", w.Hidden, 1}} {
		if n.v < n.from || n.v > most {
			return fmt.Errorf("model: %d %s: want %d to %d", n.v, n.name, n.from, most)
		}
	}
	switch {
	case w.Op != Dispatch && w.Op != Combine:
		return fmt.Errorf("model: operation %q: want %s or %s", w.Op, Dispatch, Combine)
	case w.Experts%w.ranks() != 0:
		return fmt.Errorf("model: %d experts on %d ranks: want a multiple of the ranks", w.Experts, w.ranks())
	case w.TopK > w.Experts:
		return fmt.Errorf("model: top-%d of %d experts: a token cannot choose so many", w.TopK, w.Experts)
	case w.GPUsPerNode > h.Domain():
		return fmt.Errorf("model: %d GPUs a node: a scale-up domain of %s has %d", w.GPUsPerNode, h.Name, h.Domain())
	case w.ranks() == 1:
		return fmt.Errorf("model: 1 rank: a token has nowhere to go")
	}
	if w.Hottest != 0 && !(w.Hottest >= 1 && w.Hottest <= float64(w.ranks())) {
		return fmt.Errorf("model: the busiest rank receives %v times the mean of %d: that cannot be", w.Hottest, w.ranks())
	}
	nodes, ranks := w.TokenNodes, w.TokenRanks
	if k := float64(w.TopK); (nodes != 0 || ranks != 0) && !(nodes > 0 && nodes <= min(float64(w.Nodes), k) && ranks >= nodes && ranks <= min(float64(w.ranks()), k)) {
		return fmt.Errorf("model: %v nodes and %v ranks a token, of %d and %d by top-%d: that cannot be", nodes, ranks, w.Nodes, w.ranks(), w.TopK)
	}
	return nil
}

func (w *Workload) ranks() int { return w.Nodes * w.GPUsPerNode }

// OneDomain is the workload on hardware whose scale-up domain has all of the ranks. What a
// token reaches stays as it was.
func (w Workload) OneDomain() Workload {
	_, w.TokenRanks = w.reach()
	w.TokenNodes = 1
	w.Nodes, w.GPUsPerNode = 1, w.ranks()
	return w
}

// hot is Hottest, or 1 where there is no skew.
func (w *Workload) hot() float64 { return max(w.Hottest, 1) }

// uniform says whether the routing is what the closed forms are of.
func (w *Workload) uniform() bool { return w.TokenNodes == 0 && w.TokenRanks == 0 && w.hot() == 1 }

func (w *Workload) reach() (nodes, ranks float64) {
	if w.TokenNodes != 0 {
		return w.TokenNodes, w.TokenRanks
	}
	return routing.Expected(w.Experts, w.TopK, w.Nodes), routing.Expected(w.Experts, w.TopK, w.ranks())
}

// row is what a token is on a link.
func (w *Workload) row() plan.Row {
	if w.Op == Combine {
		return w.Algorithm.CombineRow(w.Hidden, w.TopK)
	}
	return w.Algorithm.DispatchRow(w.DType, w.Hidden, w.TopK)
}
