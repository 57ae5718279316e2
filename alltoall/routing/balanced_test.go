package routing

import (
	"slices"
	"testing"
)

// The guarantee of balanced, after every number of tokens of every rank: with no
// binding limit the counts of experts differ by at most 1. With one, the choices
// of nodes differ by at most ceil(K/groups), the counts of a node's experts by
// at most 1, and those of all experts by at most 2.
func TestBalancedIsExact(t *testing.T) {
	for _, shape := range shapes {
		spec := Spec{
			Placement: placed(t, shape.nodes, shape.gpus, shape.experts),
			Tokens:    97, TopK: shape.topK, Groups: shape.groups, Seed: 3,
		}
		p := spec.Placement
		for rank, table := range mustGenerate(t, "balanced", spec) {
			experts, nodes := make([]int, p.Experts), make([]int, p.Nodes)
			for i := range table.Tokens {
				ids, weights := table.Row(i)
				for k, e := range ids {
					experts[e]++
					nodes[p.NodeOf(int(e))]++
					if weights[k] != float32(1/float64(spec.TopK)) {
						t.Fatalf("weight %v", weights[k])
					}
				}
				within, overall := 1, 1
				if limit := min(spec.limit(), spec.TopK); limit > 0 {
					overall = 2
					if d := spread(nodes); d > (spec.TopK+limit-1)/limit {
						t.Fatalf("%v, rank %d, token %d: choices of nodes differ by %d", shape, rank, i, d)
					}
				}
				if d := spread(experts); d > overall {
					t.Fatalf("%v, rank %d, token %d: counts of experts differ by %d", shape, rank, i, d)
				}
				for node := range slices.Chunk(experts, p.PerNode()) {
					if d := spread(node); d > within {
						t.Fatalf("%v, rank %d, token %d: counts of a node's experts differ by %d", shape, rank, i, d)
					}
				}
			}
		}
	}
}

func spread(counts []int) int { return slices.Max(counts) - slices.Min(counts) }

// Where the shapes divide, all experts get the same.
func TestBalancedDivides(t *testing.T) {
	for _, groups := range []int{0, 2, 4} {
		spec := Spec{Placement: placed(t, 8, 8, 256), Tokens: 64, TopK: 8, Groups: groups, Seed: 3}
		for rank, table := range mustGenerate(t, "balanced", spec) {
			counts := make([]int, 256)
			for _, e := range table.Experts {
				counts[e]++
			}
			if spread(counts) != 0 || counts[0] != 2 {
				t.Errorf("groups %d, rank %d: counts %v", groups, rank, counts)
			}
		}
	}
}
