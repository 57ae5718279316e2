package alltoall_test

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/commbench/commbench/alltoall"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/alltoall/topo"
)

// Two nodes of two ranks, an expert on each rank. Rank 0 has one token, which
// chose experts 1 and 3: one on its own node, one on the other.
func Example() {
	cluster, _ := topo.New(2, 2)
	place, _ := topo.Place(cluster, 4)
	g, err := alltoall.Open(alltoall.Config{Place: place, TopK: 2, MaxTokens: 1, Hidden: 4, DType: plan.BF16}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer g.Close()

	tables := make([]routing.Table, 4)
	tables[0] = routing.Table{Tokens: 1, TopK: 2, Experts: []int32{1, 3}, Weights: []float32{0.5, 0.5}}
	for r := 1; r < 4; r++ {
		tables[r].TopK = 2
	}
	one := uint16(0x3f80) // 1.0 in BF16
	for i := range 4 {
		binary.LittleEndian.PutUint16(g.Token(0, 0)[2*i:], one)
	}
	h, err := g.Dispatch(context.Background(), tables)
	if err != nil {
		fmt.Println(err)
		return
	}
	for rank := range 4 {
		for row := range h.Rows(rank) {
			fmt.Printf("rank %d received %#x\n", rank, binary.LittleEndian.Uint16(h.Received(rank, row)))
			copy(h.Output(rank, row), h.Received(rank, row)[:8]) // experts that change nothing
		}
	}
	if err := h.Combine(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("combined %#x, twice the token\n", binary.LittleEndian.Uint16(g.Combined(0, 0)))
	// Output:
	// rank 1 received 0x3f80
	// rank 3 received 0x3f80
	// combined 0x4000, twice the token
}
