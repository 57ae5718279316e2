package sim_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/alltoall/sim"
	"github.com/commbench/commbench/alltoall/topo"
)

var ctx = context.Background()

// load is a cluster and what it has to carry.
type load struct {
	nodes, gpus, experts, topK, groups, tokens int

	routing string
	masked  float64
	ragged  bool
	empty   int
}

func (l load) String() string {
	return fmt.Sprintf("%dx%d-%s-%d", l.nodes, l.gpus, l.routing, l.tokens)
}

func (l load) place(t testing.TB) topo.Placement {
	t.Helper()
	cluster, err := topo.New(l.nodes, l.gpus)
	if err != nil {
		t.Fatal(err)
	}
	p, err := topo.Place(cluster, l.experts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (l load) tables(t testing.TB) []routing.Table {
	t.Helper()
	src, err := routing.Open(l.routing)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := src.Generate(routing.Spec{Placement: l.place(t), Tokens: l.tokens, TopK: l.topK, Groups: l.groups, Seed: 3,
		Masked: l.masked, Ragged: l.ragged, EmptyRanks: l.empty})
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// published is what the published figures moved.
func published(nodes, tokens int) load {
	return load{nodes: nodes, gpus: 8, experts: 256, topK: 8, groups: 4, tokens: tokens, routing: "grouped"}
}

func open(t testing.TB, name, kernels string) (*hardware.Hardware, *hardware.Profile) {
	t.Helper()
	h, err := hardware.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	k, err := hardware.Kernels(kernels)
	if err != nil {
		t.Fatal(err)
	}
	return h, k
}

// config is a simulation of the load with the kernels' own chunk and ring.
func config(t testing.TB, alg plan.Algorithm, l load, hw, kernels string, combine bool, sms int) sim.Config {
	t.Helper()
	h, k := open(t, hw, kernels)
	c := sim.Config{Hardware: h, Kernels: k, Combine: combine, SMs: sms, Ring: int(k.Ring.Value)}
	c.Row = alg.DispatchRow(plan.FP8, 7168, l.topK)
	if combine {
		c.Row = alg.CombineRow(7168, l.topK)
	}
	c.Plan = plan.Config{Place: l.place(t), TopK: l.topK, MaxTokens: l.tokens, Channels: sim.Channels(k, sms), Rounds: 1, Mirrored: true}
	c.Plan.Chunk = c.Chunk()
	return c
}

func build(t testing.TB, alg plan.Algorithm, c sim.Config, tables []routing.Table) []plan.Plan {
	t.Helper()
	plans, err := plan.Build(alg, c.Plan, tables)
	if err != nil {
		t.Fatal(err)
	}
	return plans
}

func run(t testing.TB, c sim.Config, plans []plan.Plan) *sim.Result {
	t.Helper()
	r, err := sim.Run(ctx, c, plans)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// kernelsFor are those that an algorithm is simulated with.
func kernelsFor(alg plan.Algorithm) []string {
	if alg == plan.AlgLowLatency {
		return []string{"ll"}
	}
	return []string{"v1", "v2"}
}
