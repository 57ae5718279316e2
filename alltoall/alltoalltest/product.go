package alltoalltest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/transport/driver"
)

// Topology is a cluster and what is asked of its gate.
type Topology struct {
	Nodes, GPUs, Experts, TopK, Groups int
}

func (t Topology) String() string {
	return fmt.Sprintf("%dx%d-e%d-k%d-g%d", t.Nodes, t.GPUs, t.Experts, t.TopK, t.Groups)
}

// Topologies: one rank, one node, one rank a node, odd shapes, a node of more
// than 8 ranks, as many experts as ranks, more choices than a rank has experts.
var Topologies = []Topology{
	{1, 1, 8, 3, 0},
	{1, 8, 64, 6, 0},
	{2, 1, 4, 2, 0},
	{2, 10, 40, 8, 1},
	{3, 5, 45, 3, 2},
	{3, 1, 3, 1, 0},
	{8, 2, 64, 8, 4},
}

// Workload is routing and the shape of the data.
type Workload struct {
	Name       string
	Routing    string
	Tokens     int
	Hidden     int
	Masked     float64
	Ragged     bool
	EmptyRanks int
	Channels   int
	Chunk      int
	Exchange   int64 // bytes of alltoall's buffers, so that it needs several rounds; 0 is one round
}

// Workloads: even and skewed, masked, ragged, empty, and none at all; hidden
// sizes that are no multiple of a scale block or of 8; more channels than
// tokens; chunks of one token and larger than any stream.
var Workloads = []Workload{
	{Name: "uniform", Routing: "uniform", Tokens: 33, Hidden: 256, Channels: 3, Chunk: 4, Exchange: 50_000},
	{Name: "grouped-odd-hidden", Tokens: 17, Hidden: 131, Channels: 2, Chunk: 1},
	{Name: "zipf-masked", Routing: "zipf:1.1", Tokens: 29, Hidden: 128, Masked: 0.4, Channels: 5, Chunk: 64},
	{Name: "lognormal-ragged", Routing: "lognormal:1", Tokens: 40, Hidden: 64, Ragged: true, Channels: 1, Chunk: 3, Exchange: 10_000},
	{Name: "balanced-empty", Routing: "balanced", Tokens: 16, Hidden: 136, EmptyRanks: 1, Channels: 4, Chunk: 2},
	{Name: "all-at-once", Routing: "zipf:0.7", Tokens: 25, Hidden: 72, Masked: 0.2, Ragged: true, EmptyRanks: 1, Channels: 40, Chunk: 7},
	{Name: "all-masked", Routing: "uniform", Tokens: 5, Hidden: 32, Masked: 1, Channels: 2, Chunk: 2},
	{Name: "one-token", Routing: "uniform", Tokens: 1, Hidden: 1, Channels: 3, Chunk: 8},
	{Name: "no-token", Routing: "uniform", Tokens: 0, Hidden: 16, Channels: 2, Chunk: 8},
}

// ops are those that each combination is run with.
var ops = []string{record.Roundtrip, record.Dispatch, record.Combine}

// timeout is far more than a run takes.
const timeout = 20 * time.Second

// combination is what each of the ops is run with.
type combination struct {
	algorithm plan.Algorithm
	topology  Topology
	workload  Workload
	dtype     plan.DType
}

func (c combination) String() string {
	return fmt.Sprintf("%s/%v/%s/%v", c.algorithm, c.topology, c.workload.Name, c.dtype)
}

func (c combination) config(op string) bench.Config {
	return Config(c.algorithm, c.topology, c.workload, c.dtype, op)
}

// combinations are all that there are, in an order that does not change.
func combinations() (all []combination) {
	for _, alg := range plan.Algorithms {
		for _, topology := range Topologies {
			for _, w := range Workloads {
				for _, dtype := range []plan.DType{plan.FP8, plan.BF16} {
					all = append(all, combination{alg, topology, w, dtype})
				}
			}
		}
	}
	return all
}

// Drivers makes fresh drivers for the two domains of a run.
type Drivers func() (scaleUp, scaleOut driver.Driver)

// Run checks every algorithm over the drivers in all topologies and workloads,
// FP8 and BF16: a round trip whose experts work on the bytes that dispatch
// brought, a dispatch with an aligned expanded layout, and a combine with two
// bias rows. It takes one combination of every so many; in short mode one of
// eleven times as many.
func Run(t *testing.T, drivers Drivers, every int) {
	if testing.Short() {
		every *= 11
	}
	for i, combined := range combinations() {
		if (i+1)%every != 0 {
			continue
		}
		t.Run(combined.String(), func(t *testing.T) {
			for _, op := range ops {
				c := combined.config(op)
				c.ScaleUp, c.ScaleOut = drivers()
				check(t, t.Context(), c)
			}
		})
	}
}

// Config is the benchmark of one combination.
func Config(alg plan.Algorithm, t Topology, w Workload, dtype plan.DType, op string) bench.Config {
	c := bench.Config{
		Op: op, Algorithm: alg, Nodes: t.Nodes, GPUsPerNode: t.GPUs, Experts: t.Experts, TopK: t.TopK, TopKGroups: t.Groups,
		Tokens: w.Tokens, Hidden: w.Hidden, DType: dtype, Seed: 7, Routing: w.Routing,
		Masked: w.Masked, Ragged: w.Ragged, EmptyRanks: w.EmptyRanks,
		Channels: w.Channels, Chunk: w.Chunk, ExchangeBytes: w.Exchange, Workers: 3, Warmup: 1, Iterations: 2,
		Timeout: timeout, Check: bench.CheckAll, LimitTime: -1,
	}
	switch op {
	case record.Dispatch:
		c.Expand, c.Alignment = true, 16
	case record.Combine:
		c.Bias = 2
	}
	return c
}

func check(t *testing.T, ctx context.Context, c bench.Config) bench.Result {
	t.Helper()
	result, err := bench.Run(ctx, c)
	for _, r := range result.Records {
		if r.Wrong != nil && *r.Wrong != 0 {
			t.Errorf("%s: %d wrong: %v", r.Op, *r.Wrong, r.Warnings)
		}
		if r.Wrong == nil && r.Op != record.Roundtrip {
			t.Errorf("%s was not checked", r.Op)
		}
	}
	if err != nil {
		t.Fatalf("%s: %v", c.Op, err)
	}
	if len(result.Records) == 0 {
		t.Fatalf("%s: no record", c.Op)
	}
	return result
}
