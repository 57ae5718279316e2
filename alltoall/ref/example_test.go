package ref_test

import (
	"fmt"

	"github.com/commbench/commbench/alltoall/ref"
	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/alltoall/topo"
)

// Two nodes of two ranks, an expert on each. Rank 1's only token chose experts 3,
// 2 and 1: it goes to both nodes, to rank 1 itself and to ranks 2 and 3.
func Example() {
	cluster, _ := topo.New(2, 2)
	place, _ := topo.Place(cluster, 4)
	tables := make([]routing.Table, 4)
	tables[1] = routing.Table{Tokens: 1, TopK: 3, Experts: []int32{3, 2, 1}, Weights: []float32{0.5, 0.25, 0.25}}

	for rank, rows := range ref.Received(place, tables) {
		for _, row := range rows {
			fmt.Printf("rank %d receives token %d of rank %d\n", rank, row.Token, row.Rank)
		}
	}
	n := ref.Count(place, tables)
	fmt.Printf("over the scale-out domain: two-hop %d, direct %d\n", n.NodesWire[1], n.RanksRemote[1])

	// 1 and twice half of BF16's smallest step from 1. On node 1 two-hop rounds the
	// sum of ranks 2 and 3, and loses one half.
	outputs := func(to, choice int) ref.Output {
		value := map[int]uint16{1: 0x3b80, 2: 0x3f80, 3: 0x3b80}[to]
		return ref.Output{Values: []uint16{value}, Weights: make([]float32, 3)}
	}
	direct := ref.CombineDirect(place, tables[1].Experts, 1, outputs, nil)
	twoHop := ref.CombineTwoHop(place, 1, tables[1].Experts, 1, outputs, nil)
	fmt.Printf("combined: direct %v, two-hop %v\n", ref.FromBF16(direct.Values[0]), ref.FromBF16(twoHop.Values[0]))
	// Output:
	// rank 1 receives token 0 of rank 1
	// rank 2 receives token 0 of rank 1
	// rank 3 receives token 0 of rank 1
	// over the scale-out domain: two-hop 1, direct 2
	// combined: direct 1.0078125, two-hop 1
}
