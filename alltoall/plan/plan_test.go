package plan_test

import (
	"fmt"
	"testing"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/alltoall/topo"
)

// shape is a cluster and what is asked of its gate.
type shape struct{ nodes, gpus, experts, topK, groups int }

// shapes: one rank, one node, one rank a node, more than 8 ranks of a node, odd
// numbers, and exactly one word of the token-in-rank bitmap.
var shapes = []shape{
	{1, 1, 4, 2, 0},
	{1, 8, 32, 6, 0},
	{2, 1, 4, 2, 0},
	{2, 10, 40, 8, 1},
	{3, 5, 45, 3, 2},
	{8, 8, 128, 8, 4},
}

// load is what the shapes have to carry.
type load struct {
	name    string
	routing string
	tokens  int
	masked  float64
	ragged  bool
	empty   bool
}

var loads = []load{
	{"uniform", "uniform", 33, 0, false, false},
	{"grouped", "grouped", 16, 0, false, false},
	{"zipf-masked", "zipf:1.2", 29, 0.4, false, false},
	{"ragged-empty", "lognormal:1", 40, 0, true, true},
	{"all-masked", "uniform", 5, 1, false, false},
	{"one-token", "balanced", 1, 0, false, false},
	{"no-token", "uniform", 0, 0, false, false},
	{"everything", "hot:1.5", 21, 0.2, true, true},
}

// split is how the work is cut up, which must not change where a row lies.
type split struct{ channels, chunk, rounds, alignment int }

var splits = []split{
	{1, 1, 1, 1},
	{3, 4, 2, 8},
	{10, 8, 3, 0},
	{35, 100, 1, 3}, // more channels than tokens, chunks larger than any stream
}

func place(t testing.TB, s shape) topo.Placement {
	t.Helper()
	c, err := topo.New(s.nodes, s.gpus)
	if err != nil {
		t.Fatal(err)
	}
	p, err := topo.Place(c, s.experts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func generate(t testing.TB, s shape, l load) []routing.Table {
	t.Helper()
	src, err := routing.Open(l.routing)
	if err != nil {
		t.Fatal(err)
	}
	p := place(t, s)
	spec := routing.Spec{Placement: p, Tokens: l.tokens, TopK: s.topK, Groups: s.groups, Seed: 3, Masked: l.masked, Ragged: l.ragged}
	if l.empty {
		spec.EmptyRanks = (p.Ranks() + 1) / 2
	}
	tables, err := src.Generate(spec)
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

func config(t testing.TB, s shape, l load, sp split) plan.Config {
	return plan.Config{Place: place(t, s), TopK: s.topK, MaxTokens: l.tokens,
		Channels: sp.channels, Chunk: sp.chunk, Rounds: sp.rounds, Alignment: sp.alignment}
}

func build(t testing.TB, alg plan.Algorithm, c plan.Config, tables []routing.Table) []plan.Plan {
	t.Helper()
	plans, err := plan.Build(alg, c, tables)
	if err != nil {
		t.Fatal(err)
	}
	return plans
}

// product calls f as a subtest for every algorithm, shape, load and split.
func product(t *testing.T, f func(t *testing.T, alg plan.Algorithm, c plan.Config, tables []routing.Table)) {
	for _, s := range shapes {
		for _, l := range loads {
			tables := generate(t, s, l)
			for i, sp := range splits {
				if s.nodes*s.gpus > 32 && i%2 == 0 {
					continue // for the sake of time
				}
				for _, alg := range plan.Algorithms {
					c := config(t, s, l, sp)
					t.Run(fmt.Sprintf("%s/%dx%d/%s/%+v", alg, s.nodes, s.gpus, l.name, sp), func(t *testing.T) {
						f(t, alg, c, tables)
					})
				}
			}
		}
	}
}

// each calls f with every choice that is made.
func each(tables []routing.Table, f func(rank, token, choice, expert int)) {
	for r, t := range tables {
		for i := range t.Tokens {
			ids, _ := t.Row(i)
			for j, e := range ids {
				if e != routing.Masked {
					f(r, i, j, int(e))
				}
			}
		}
	}
}
