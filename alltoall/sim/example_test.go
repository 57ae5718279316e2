package sim_test

import (
	"context"
	"fmt"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/alltoall/sim"
	"github.com/commbench/commbench/alltoall/topo"
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
	cluster, _ := topo.New(4, 8)
	place, _ := topo.Place(cluster, 256)
	src, _ := routing.Open("uniform")
	tables, err := src.Generate(routing.Spec{Placement: place, Tokens: 1024, TopK: 8, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	c := sim.Config{Hardware: h, Kernels: kernels, SMs: 20, Ring: 128, Row: plan.DispatchRow(plan.FP8, 7168, 8)}
	c.Plan = plan.Config{Place: place, TopK: 8, MaxTokens: 1024, Channels: sim.Channels(kernels, c.SMs), Chunk: 8, Rounds: 1}
	plans, err := plan.Build(plan.AlgTwoHop, c.Plan, tables)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := sim.Run(context.Background(), c, plans)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f ms, scale-out is busy for %.0f %% of it\n", r.US/1e3, 100*r.Busy.ScaleOut)
	// Output: 0.51 ms, scale-out is busy for 91 % of it
}
