package sim_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/alltoall/exec"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/transport/mem"
)

// loads are odd on purpose: ragged, masked, empty ranks, no tokens at all, many ranks a node.
var loads = []load{
	{nodes: 1, gpus: 1, experts: 4, topK: 2, tokens: 9, routing: "uniform"},
	{nodes: 1, gpus: 8, experts: 32, topK: 6, tokens: 33, routing: "zipf:1.2", masked: 0.4},
	{nodes: 2, gpus: 1, experts: 4, topK: 2, tokens: 40, routing: "lognormal:1", ragged: true, empty: 1},
	{nodes: 2, gpus: 4, experts: 40, topK: 8, groups: 1, tokens: 33, routing: "grouped"},
	{nodes: 3, gpus: 5, experts: 45, topK: 3, groups: 2, tokens: 50, routing: "hot:2"},
	{nodes: 3, gpus: 2, experts: 12, topK: 4, tokens: 20, routing: "uniform", masked: 1},
	{nodes: 2, gpus: 2, experts: 8, topK: 2, tokens: 0, routing: "uniform"},
	{nodes: 9, gpus: 2, experts: 36, topK: 5, groups: 4, tokens: 64, routing: "grouped", ragged: true},
}

// splits are channels, chunk, rounds and ring.
var splits = [][4]int{{1, 1, 1, 1}, {3, 4, 3, 8}, {10, 8, 1, 0}, {35, 2, 2, 3}}

// What a simulation has moved is what exec moves, link by link, for every algorithm, cluster,
// routing and split, whatever the kernels: the plans predict both, and exec's own test
// holds it to the same prediction.
func TestLedgersAreThoseOfExec(t *testing.T) {
	for _, alg := range plan.Algorithms {
		for i, l := range loads {
			for j, s := range splits {
				if testing.Short() && (i+j)%4 != 0 {
					continue // for the sake of time
				}
				for _, kernels := range kernelsFor(alg) {
					for _, combine := range []bool{false, true} {
						for _, mirrored := range []bool{false, true} {
							what := fmt.Sprintf("%s/%v/%v/%s/combine=%v/mirrored=%v", alg, l, s, kernels, combine, mirrored)
							h, k := open(t, "h800", kernels)
							k.Least.Value, k.Step.Value, h.ScaleUp.GPUs.Value = 1, 1, 64
							tables := l.tables(t)
							c := config(t, alg, l, "h800", kernels, combine, s[0]*(1+map[string]int{"v1": 1}[kernels]))
							c.Hardware, c.Kernels, c.Ring = h, k, s[3]
							c.Plan.Chunk, c.Plan.Rounds, c.Plan.Mirrored = max(s[1], map[bool]int{true: c.Chunk()}[combine && kernels == "v1"]), s[2], mirrored
							if c.Ring > 0 {
								c.Ring = max(c.Ring, 2*c.Plan.Chunk)
							}
							if mirrored { // messages keep their order, whatever the jitter is
								c.Jitter, c.Seed = 10, uint64(i+j)
							}
							plans := build(t, alg, c, tables)
							r := run(t, c, plans)
							if most := 40 * int64(len(plans)) * int64(1+l.tokens*l.topK*s[2]+s[0]*len(plans)*s[2]); r.Events > most {
								t.Errorf("%s: %d events, want at most %d", what, r.Events, most)
							}
							for rank, p := range plans {
								want := plan.NewLedger(c.Plan)
								if combine {
									p.Combine(want, c.Row)
								} else {
									p.Dispatch(want, c.Row)
								}
								if diff := cmp.Diff(want, r.Ledgers[rank]); diff != "" {
									t.Fatalf("%s: rank %d (-planned +simulated):\n%s", what, rank, diff)
								}
							}
						}
					}
				}
			}
		}
	}
}

// The same once more without a prediction in between: exec runs, and its ledgers are compared.
func TestLedgersOfARun(t *testing.T) {
	for _, alg := range plan.Algorithms {
		for _, l := range loads {
			tables := l.tables(t)
			d := mem.New()
			e := exec.Config{Place: l.place(t), Algorithms: []plan.Algorithm{alg}, Dispatch: true, Combine: true, TopK: l.topK, Hidden: 64,
				MaxTokens: l.tokens, DType: plan.FP8, Channels: 3, Chunk: 4, Rounds: 2, ScaleUp: d, ScaleOut: d, Workers: 2, Timeout: 20 * time.Second}
			if _, err := e.Size(tables); err != nil {
				t.Fatal(err)
			}
			g, err := exec.Open(ctx, e)
			if err != nil {
				t.Fatal(err)
			}
			handle, err := g.NewHandle(alg)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := g.Notify(ctx, handle, tables); err != nil {
				t.Fatal(err)
			}
			for _, combine := range []bool{false, true} {
				move, row := g.Dispatch, alg.DispatchRow(plan.FP8, 64, l.topK)
				if combine {
					move, row = g.Combine, alg.CombineRow(64, l.topK)
				}
				if _, err := move(ctx, handle); err != nil {
					t.Fatal(err)
				}
				c := config(t, alg, l, "h800", kernelsFor(alg)[len(kernelsFor(alg))-1], combine, 4)
				c.Kernels.Least.Value, c.Kernels.Step.Value, c.SMs, c.Row = 1, 1, 3, row
				c.Plan.Channels, c.Plan.Chunk, c.Plan.Rounds, c.Plan.Mirrored = 3, 4, 2, false
				c.Ring = 8
				r := run(t, c, build(t, alg, c, tables))
				if diff := cmp.Diff(g.Ledgers(), r.Ledgers); diff != "" {
					t.Errorf("%s, %v, combine %v (-moved +simulated):\n%s", alg, l, combine, diff)
				}
			}
			if err := g.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The same config and plans give the same result; jitter is drawn by the seed.
func TestDeterministic(t *testing.T) {
	l := loads[4]
	for _, alg := range plan.Algorithms {
		for _, combine := range []bool{false, true} {
			c := config(t, alg, l, "h100", kernelsFor(alg)[0], combine, 8)
			c.Jitter, c.Ring = 0.3, 2*c.Plan.Chunk
			plans := build(t, alg, c, l.tables(t))
			a, b := run(t, c, plans), run(t, c, plans)
			if diff := cmp.Diff(a, b); diff != "" {
				t.Errorf("%s: two runs differ:\n%s", alg, diff)
			}
			c.Seed++
			other := run(t, c, plans)
			if other.US == a.US || !cmp.Equal(other.Ledgers, a.Ledgers) {
				t.Errorf("%s: with another seed %v us, with the first %v", alg, other.US, a.US)
			}
			c.Jitter = 0
			if steady := run(t, c, plans); steady.US >= a.US || steady.US*1.3 < a.US-1 {
				t.Errorf("%s: %v us without jitter, %v with up to 30 %%", alg, steady.US, a.US)
			}
		}
	}
}
