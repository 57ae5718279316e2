package bench_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/transport/mem"
)

// TestPredictions holds what is predicted to what a run moves, and the matrix of
// pairs to the sums over hops.
func TestPredictions(t *testing.T) {
	base := bench.Config{Nodes: 3, GPUsPerNode: 2, Experts: 12, TopK: 4, Tokens: 37, Hidden: 128, Seed: 5, Channels: 3, Chunk: 4,
		Masked: 0.2, Ragged: true, EmptyRanks: 1}
	oneNode, oneRankNodes := base, base
	oneNode.Nodes, oneNode.GPUsPerNode = 1, 4
	oneRankNodes.Nodes, oneRankNodes.GPUsPerNode = 4, 1
	for _, c := range []bench.Config{base, oneNode, oneRankNodes} {
		var dispatched *bench.Prediction
		for _, c.Op = range []string{record.Dispatch, record.Combine} {
			p, err := bench.Predict(context.Background(), c, plan.Algorithms...)
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range p.Forecasts {
				run := c
				run.Algorithm, run.Iterations = f.Algorithm, 1
				run.ScaleUp = mem.New()
				run.ScaleOut = run.ScaleUp
				result, err := bench.Run(context.Background(), run)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(result.Records[0].Traffic, f.Traffic); diff != "" {
					t.Errorf("%v %s by %s: the run moved something else:\n%s", p.Place, c.Op, f.Algorithm, diff)
				}
				var out, up int64
				for from, row := range f.Rows {
					for to, n := range row {
						switch {
						case p.Place.Node(from) != p.Place.Node(to):
							out += n
						case from != to:
							up += n
						}
						if dispatched != nil && f.Algorithm != plan.AlgPXN && n != dispatched.Forecasts[i].Rows[to][from] {
							t.Errorf("%v combine by %s: %d rows from %d to %d, but the dispatch has %d back", p.Place, f.Algorithm, n, from, to, dispatched.Forecasts[i].Rows[to][from])
						}
					}
				}
				if out != *f.Traffic.ScaleOutWire || up != *f.Traffic.ScaleUpWire {
					t.Errorf("%v %s by %s: the matrix has %d and %d rows, the ledgers %d and %d", p.Place, c.Op, f.Algorithm,
						out, up, *f.Traffic.ScaleOutWire, *f.Traffic.ScaleUpWire)
				}
				if n := f.MatrixRow(); n%16 != 0 || n < int64(f.Row.Size()) || n >= int64(f.Row.Size())+16 {
					t.Errorf("a row of %d bytes is %d in the matrix", f.Row.Size(), n)
				}
			}
			dispatched = p
		}
	}
}

func TestPredictRefuses(t *testing.T) {
	good := bench.Config{Op: record.Dispatch, Nodes: 2, GPUsPerNode: 2, Experts: 8, TopK: 2, Tokens: 8, Hidden: 128}
	var input *bench.InputError
	for name, spoil := range map[string]func(*bench.Config){
		"a round trip":         func(c *bench.Config) { c.Op = record.Roundtrip },
		"plans beyond memory":  func(c *bench.Config) { c.Memory = 1 << 10 },
		"an unknown algorithm": func(c *bench.Config) { c.Algorithm = "three-hop" },
	} {
		c := good
		spoil(&c)
		if _, err := bench.Predict(context.Background(), c, plan.AlgAllToAll); !errors.As(err, &input) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := bench.Predict(ctx, good, plan.AlgDirect); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
