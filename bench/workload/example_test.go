package workload_test

import (
	"fmt"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench/workload"
)

// Any process can make the row of any token, and the same one.
func Example() {
	p := workload.Payload{Seed: 1, DType: plan.FP8, Hidden: 7168, TopK: 2}
	row := plan.DispatchRow(p.DType, p.Hidden, p.TopK)
	sent, expected := make([]byte, row.Size()), make([]byte, row.Size())

	const rank, token = 3, 4095
	p.Token(sent, rank, token, []int32{17, 200}, []float32{0.75, 0.25})
	p.Token(expected, rank, token, []int32{17, 200}, []float32{0.75, 0.25})
	fmt.Println(string(sent) == string(expected), row.Payload, row.Scales, row.Meta)
	// Output: true 7168 224 16
}
