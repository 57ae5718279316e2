package watch_test

import (
	"context"
	"fmt"

	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/watch"
)

func Example() {
	m, err := probe.Fake("h100x8,throttle:3,ecc-off:5") // probe.Here() is this machine
	if err != nil {
		panic(err)
	}
	w := watch.Start(m, 0, 0) // 100 * time.Millisecond would sample
	defer w.Stop()
	w.Begin(context.Background())
	// Here runs what is measured.
	seen := w.End(judge.Use{Interface: "mlx5_6", GPUs: 1})
	fmt.Println(seen.Host.GPUs[0])
	for _, v := range seen.Verdicts {
		if v.State == record.Bad {
			fmt.Println(v.Name)
		}
	}
	// Output:
	// NVIDIA H100 80GB HBM3, 132 SMs
	// clocks
}
