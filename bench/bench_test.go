package bench_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/alltoall/topo"
	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/mem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

var ops = []string{record.Dispatch, record.Combine, record.Roundtrip}

// config is a small benchmark of 2 nodes of 2 ranks over mem. Tests change what
// they are about. A row has many more bytes than any note.
func config(op string, alg plan.Algorithm) bench.Config {
	d := mem.New()
	return bench.Config{
		Op: op, Algorithm: alg, Nodes: 2, GPUsPerNode: 2, Experts: 8, TopK: 3, Tokens: 13, Hidden: 256, DType: plan.FP8, Seed: 3,
		Routing: "uniform", ScaleUp: d, ScaleOut: d, Channels: 2, Chunk: 2, Workers: 2, Warmup: 1, Iterations: 3,
		Timeout: 20 * time.Second, Check: bench.CheckAll, Version: "test", Memory: 1 << 30,
	}
}

func over(c bench.Config, d driver.Driver) bench.Config {
	c.ScaleUp, c.ScaleOut = d, d
	return c
}

func run(t testing.TB, c bench.Config) bench.Result {
	t.Helper()
	result, err := bench.Run(ctx, c)
	if err != nil {
		t.Fatalf("%v; records %+v", err, result.Records)
	}
	for i := range result.Records {
		if err := result.Records[i].Validate(); err != nil {
			t.Errorf("record %d: %v", i, err)
		}
	}
	return result
}

// tables is the routing of the config.
func tables(t testing.TB, c bench.Config) (topo.Placement, []routing.Table) {
	t.Helper()
	cluster, err := topo.New(c.Nodes, c.GPUsPerNode)
	if err != nil {
		t.Fatal(err)
	}
	p, err := topo.Place(cluster, c.Experts)
	if err != nil {
		t.Fatal(err)
	}
	src, err := routing.Open(c.Routing)
	if err != nil {
		t.Fatal(err)
	}
	all, err := src.Generate(routing.Spec{Placement: p, Tokens: c.Tokens, TopK: c.TopK, Groups: c.TopKGroups, Seed: c.Seed,
		Masked: c.Masked, Ragged: c.Ragged, EmptyRanks: c.EmptyRanks})
	if err != nil {
		t.Fatal(err)
	}
	return p, all
}

// find is the record of an operation and algorithm.
func find(t testing.TB, r bench.Result, op string, alg plan.Algorithm) record.Record {
	t.Helper()
	for _, rec := range r.Records {
		if rec.Op == op && rec.Algorithm == string(alg) {
			return rec
		}
	}
	t.Fatalf("no record of a %s by %s", op, alg)
	return record.Record{}
}
