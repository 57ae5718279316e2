package simulate_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/alltoall/model"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/simulate"
)

func config(t testing.TB) simulate.Config {
	t.Helper()
	h, err := hardware.Open("h800")
	if err != nil {
		t.Fatal(err)
	}
	k, err := hardware.Kernels("v1")
	if err != nil {
		t.Fatal(err)
	}
	return simulate.Config{Hardware: h, Kernels: k, Config: bench.Config{Op: record.Dispatch, Nodes: 4, GPUsPerNode: 8, Experts: 256,
		TopK: 8, TopKGroups: 4, Tokens: 512, Hidden: 7168, Seed: 1}}
}

// A baseline is simulated on the same workload, and the record says how much faster it is.
func TestBaseline(t *testing.T) {
	c := config(t)
	c.Baseline = plan.AlgDirect
	recs, err := simulate.Run(context.Background(), c)
	if err != nil || len(recs) != 2 {
		t.Fatalf("%d records, %v", len(recs), err)
	}
	for _, r := range recs {
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
	}
	b := recs[0].Baseline
	if b == nil || b.Algorithm != record.Direct || b.Ratio != *recs[1].TimeUS.P50 / *recs[0].TimeUS.P50 || b.Ratio < 1.5 || recs[1].Baseline != nil {
		t.Errorf("%+v", b)
	}
	if s := recs[0].Simulation; s.SMs != 20 || *s.Ring != 128 || *recs[0].Exec.Chunk != 8 || *recs[0].Exec.Channels != 10 {
		t.Errorf("%+v, %+v", s, recs[0].Exec)
	}
}

// What is wrong with the input is said to be, and an interrupt is its cause.
func TestErrors(t *testing.T) {
	var input *bench.InputError
	for what, change := range map[string]func(*simulate.Config){
		"experts":   func(c *simulate.Config) { c.Experts = 250 },
		"algorithm": func(c *simulate.Config) { c.Algorithm = "ring" },
		"SMs":       func(c *simulate.Config) { c.SMs = 3 },
		"nothing":   func(c *simulate.Config) { c.Masked = 1 },
		"link": func(c *simulate.Config) {
			c.SlowLinks = append(c.SlowLinks, struct {
				A, B  int
				Share float64
			}{1, 1, 1})
		},
	} {
		c := config(t)
		change(&c)
		if recs, err := simulate.Run(context.Background(), c); !errors.As(err, &input) || len(recs) != 0 {
			t.Errorf("%s: %d records, %v", what, len(recs), err)
		}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cause := errors.New("enough")
	c := config(t)
	c.Progress = func(bench.Progress) { cancel(cause) }
	if _, err := simulate.Run(ctx, c); !errors.Is(err, cause) {
		t.Error(err)
	}
}

func Example() {
	h, err := hardware.Open("h800")
	if err != nil {
		fmt.Println(err)
		return
	}
	k, err := hardware.Kernels("v1")
	if err != nil {
		fmt.Println(err)
		return
	}
	recs, err := simulate.Run(context.Background(), simulate.Config{Hardware: h, Kernels: k, SMs: 20, Config: bench.Config{
		Op: record.Dispatch, Nodes: 4, GPUsPerNode: 8, Experts: 256, TopK: 8, Tokens: 4096, Hidden: 7168}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %.0f GB/s over scale-out\n", recs[0].Source, *recs[0].Bandwidth.ScaleOutLogical)
	// Output: simulated: 57 GB/s over scale-out
}

// How near the simulator must be to what was published, where nothing was fitted to it. It has
// no parameter of its own: those of the kernels were fitted by the model.
func TestPublished(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	within := map[string]struct{ median, worst float64 }{"DeepEP V1": {0.05, 0.15}, "DeepEP V1 low-latency": {0.10, 0.25}, "NCCL EP low-latency": {0.10, 0.25}}
	errs := map[string][]float64{}
	for _, p := range model.Measurements() {
		got, err := simulate.Published(context.Background(), &p)
		if err != nil {
			t.Fatal(err)
		}
		off := got/p.Value - 1
		t.Logf("%s, %d nodes, %s: published %v %s, simulated %.1f (%+.1f %%), fitted: %s", p.System, p.Nodes, p.Op, p.Value, p.Figure, got, 100*off, p.Fitted)
		if p.Fitted == "" {
			errs[p.System] = append(errs[p.System], math.Abs(off))
		}
	}
	for system, limit := range within {
		e := errs[system]
		slices.Sort(e)
		if len(e) < 5 || e[len(e)/2] > limit.median || e[len(e)-1] > limit.worst {
			t.Errorf("%s: %v, want a median of %v and at worst %v", system, e, limit.median, limit.worst)
		}
	}
}
