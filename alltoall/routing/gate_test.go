package routing

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/commbench/commbench/alltoall/counter"
)

// obvious is the gate with everything sorted: the reference for partial choice.
func obvious(spec Spec, limit int, p []float64, rank, token int) (ids []int32, weights []float32) {
	draw := spec.drawsOf(rank, token, streamGate)
	all := make([]candidate, len(p))
	for e := range all {
		all[e] = candidate{float64(-ln(unit(draw.Uint64())) * (1 / p[e])), int32(e)}
	}
	falling := func(a, b candidate) int { return cmp.Or(cmp.Compare(a.cost, b.cost), cmp.Compare(a.id, b.id)) }
	if limit > 0 {
		var nodes []candidate
		for n := range spec.Placement.Nodes {
			best := slices.SortedFunc(slices.Values(all[n*spec.Placement.PerNode():(n+1)*spec.Placement.PerNode()]), falling)
			score := 0.0
			for _, x := range best[:max(1, spec.TopK/limit)] {
				score += 1 / (1 + x.cost)
			}
			nodes = append(nodes, candidate{-score, int32(n)})
		}
		slices.SortFunc(nodes, falling)
		all = slices.DeleteFunc(all, func(x candidate) bool {
			return !slices.ContainsFunc(nodes[:limit], func(n candidate) bool { return int(n.id) == spec.Placement.NodeOf(int(x.id)) })
		})
	}
	slices.SortFunc(all, falling)
	sum := 0.0
	for _, x := range all[:spec.TopK] {
		sum += 1 / (1 + x.cost)
	}
	for _, x := range all[:spec.TopK] {
		ids = append(ids, x.id)
		weights = append(weights, float32(1/(1+x.cost)/sum))
	}
	return ids, weights
}

func TestGateAgreesWithTheObviousOne(t *testing.T) {
	for _, text := range []string{"uniform", "grouped", "zipf:1.2", "lognormal:2"} {
		for _, shape := range shapes {
			spec := Spec{
				Placement: placed(t, shape.nodes, shape.gpus, shape.experts),
				Tokens:    20, TopK: shape.topK, Groups: shape.groups, Seed: 9,
			}
			g := mustOpen(t, text).pattern.(gate)
			p := slices.Repeat([]float64{1}, shape.experts)
			if g.weigh != nil {
				var err error
				if p, err = g.weigh(spec); err != nil {
					t.Fatal(err)
				}
				toMeanOne(p)
			}
			for rank, table := range mustGenerate(t, text, spec) {
				for i := range table.Tokens {
					ids, weights := table.Row(i)
					wantIDs, wantWeights := obvious(spec, g.limit(spec), p, rank, i)
					if !slices.Equal(ids, wantIDs) || !slices.Equal(weights, wantWeights) {
						t.Fatalf("%s on %v: rank %d, token %d:\n%v %v, want\n%v %v", text, shape, rank, i, ids, weights, wantIDs, wantWeights)
					}
				}
			}
		}
	}
}

// The first choice falls on each expert in proportion to its popularity.
func TestChoicesFollowPopularity(t *testing.T) {
	for _, text := range []string{"uniform", "zipf:1", "lognormal:1"} {
		spec := Spec{Placement: placed(t, 1, 8, 64), Tokens: 4000, TopK: 6, Seed: 2}
		g := mustOpen(t, text).pattern.(gate)
		p := slices.Repeat([]float64{1}, 64)
		if g.weigh != nil {
			p, _ = g.weigh(spec)
			toMeanOne(p)
		}
		counts := make([]float64, 64)
		n := 0.0
		for _, table := range mustGenerate(t, text, spec) {
			for i := range table.Tokens {
				ids, _ := table.Row(i)
				counts[ids[0]]++
				n++
			}
		}
		chi2 := 0.0
		for e, got := range counts {
			want := n * p[e] / 64
			chi2 += (got - want) * (got - want) / want
		}
		// 63 degrees of freedom: mean 63, standard deviation sqrt(126).
		if chi2 > 63+5*math.Sqrt(126) {
			t.Errorf("%s: chi-squared %.1f with 63 degrees of freedom", text, chi2)
		}
	}
}

// Uniform routing reaches as many nodes and ranks as the closed form says.
func TestUniformAgreesWithExpected(t *testing.T) {
	spec := Spec{Placement: placed(t, 8, 8, 256), Tokens: 1000, TopK: 8, Seed: 1}
	tables := mustGenerate(t, "uniform", spec)
	s := Measure(spec.Placement, tables)
	check := func(what string, got float64, groups int) {
		// The variance of the groups of a token: each group is reached with
		// chance a, each pair of groups with chance b.
		missed := func(m int) float64 {
			x := 1.0
			for i := range 8 {
				x *= float64(256-m*256/groups-i) / float64(256-i)
			}
			return x
		}
		g := float64(groups)
		a, b := 1-missed(1), 1-2*missed(1)+missed(2)
		stderr := math.Sqrt((g*a + g*(g-1)*b - g*a*g*a) / float64(s.Active))
		want := Expected(256, 8, groups)
		t.Logf("%s for a token: %.4f, expected %.4f, standard error %.4f", what, got, want, stderr)
		if math.Abs(got-want) > 4*stderr {
			t.Errorf("%s for a token: %.4f, want %.4f within 4 standard errors of %.4f", what, got, want, stderr)
		}
	}
	check("nodes", s.NodesPerToken, 8)
	check("ranks", s.RanksPerToken, 64)
}

func TestNormalIsNormal(t *testing.T) {
	const n = 1 << 18
	draw := counter.New(1, 0, 0, 0)
	sum, squares, beyond := 0.0, 0.0, 0
	for range n {
		z := normal(&draw)
		sum += z
		squares += z * z
		if z > 1.959964 {
			beyond++
		}
	}
	if math.Abs(sum/n) > 4/math.Sqrt(n) || math.Abs(squares/n-1) > 4*math.Sqrt(2.0/n) {
		t.Errorf("mean %v, variance %v", sum/n, squares/n)
	}
	if off := math.Abs(float64(beyond)/n - 0.025); off > 4*math.Sqrt(0.025*0.975/n) {
		t.Errorf("%d of %d above 1.96", beyond, n)
	}
}

func TestCheapest(t *testing.T) {
	got := cheapest(nil, 3, []float64{5, 1, 5, 3, 1, math.Inf(1)}, 10)
	got = cheapest(got, 3, []float64{1, 0.5}, 20)
	if want := []candidate{{0.5, 21}, {1, 11}, {1, 14}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	// Fewer candidates than asked for, and costs without an end.
	got = cheapest(nil, 3, []float64{math.Inf(1), 2}, 0)
	if want := []candidate{{2, 1}, {math.Inf(1), 0}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
