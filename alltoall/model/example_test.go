package model_test

import (
	"fmt"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/alltoall/model"
)

func Example() {
	h, err := hardware.Open("h100")
	if err != nil {
		fmt.Println(err)
		return
	}
	kernels, err := hardware.Kernels("v2")
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := model.Balanced{Nodes: 4, GPUsPerNode: 8, Experts: 256, TopK: 8}.SMs(h, kernels)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d of %d SMs; %s bounds it\n", c.SMs, h.SMs(), c.Bound)
	// Output:
	// 6 of 132 SMs; scale-out bounds it
}
