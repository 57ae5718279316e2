package model_test

import (
	"fmt"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/alltoall/model"
	"github.com/commbench/commbench/alltoall/plan"
)

func Example() {
	h, err := hardware.Open("h800")
	if err != nil {
		fmt.Println(err)
		return
	}
	kernels, err := hardware.Kernels("v1")
	if err != nil {
		fmt.Println(err)
		return
	}
	w := model.Workload{Op: model.Dispatch, Algorithm: plan.AlgTwoHop, Nodes: 4, GPUsPerNode: 8, Experts: 256, TopK: 8, Tokens: 4096, Hidden: 7168}
	c, err := w.Predict(h, kernels)
	if err != nil {
		fmt.Println(err)
		return
	}
	knee := c.Points[c.Knee]
	fmt.Printf("%d of %d SMs: %.0f GB/s over scale-out, in %.1f ms\n", knee.SMs, h.SMs(), knee.Out, knee.US/1e3)
	// Output: 20 of 132 SMs: 59 GB/s over scale-out, in 1.9 ms
}
