package model

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/alltoall/topo"
)

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

// algorithmsOf are those that kernels are for.
func algorithmsOf(kernels string) []plan.Algorithm {
	if kernels == "ll" {
		return []plan.Algorithm{plan.AlgLowLatency}
	}
	return slices.DeleteFunc(slices.Clone(plan.Algorithms), func(a plan.Algorithm) bool { return a == plan.AlgLowLatency })
}

// cluster is the published workload on so many nodes of 8, without groups.
func cluster(nodes int) Workload {
	return Workload{Op: Dispatch, Algorithm: plan.AlgTwoHop, Nodes: nodes, GPUsPerNode: 8, Experts: 256, TopK: 8, Tokens: 4096, Hidden: 7168}
}

// What DeepEP V2 prints for its published settings, 256 experts and top-8, and the raw
// numbers behind: its README says 12, 6 and 24.
func TestPublishedSMs(t *testing.T) {
	for _, c := range []struct {
		hardware string
		nodes    int
		raw      float64
		sms      int
		bound    Bound
	}{
		{"h100", 2, 8.55, 12, ScaleOut},
		{"h100", 4, 3.38, 6, ScaleOut},
		{"h100", 8, 2.02, 4, ScaleOut},
		{"b200", 1, 18.51, 24, ScaleUp},
	} {
		h, v2 := open(t, c.hardware, "v2")
		got, err := cluster(c.nodes).Budget(h, v2)
		if err != nil || math.Abs(got.Raw-c.raw) > 0.005 || got.SMs != c.sms || got.Bound != c.bound {
			t.Errorf("%s, %d nodes: %+v (%v), want %d of %v, bound by %s", c.hardware, c.nodes, got, err, c.sms, c.raw, c.bound)
		}
		// The curve says the same of what bounds, and reaches its best with the raw number.
		curve, err := cluster(c.nodes).Predict(h, v2)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range curve.Points {
			if bound := float64(p.SMs) < c.raw; bound != (p.Bound == SMs) {
				t.Errorf("%s, %d nodes: %+v, where %v SMs saturate", c.hardware, c.nodes, p, c.raw)
			}
		}
	}
	// A GPU has no more SMs than it has, however many were asked for.
	h, v2 := open(t, "b200", "v2")
	v2.Write.Value = 1
	if got, err := cluster(1).Budget(h, v2); err != nil || got.SMs != h.SMs() || got.Raw < 900 {
		t.Errorf("%+v (%v)", got, err)
	}
}

// How near predictions must be to what was published, where nothing was fitted to it.
func TestMeasurements(t *testing.T) {
	within := map[string]struct{ median, worst float64 }{normal: {0.05, 0.15}, lowLatency: {0.10, 0.25}, nccl: {0.10, 0.25}}
	errs, rows := map[string][]float64{}, map[string]int{}
	for _, p := range Measurements() {
		got, bound, err := p.Predict()
		if err != nil {
			t.Fatal(err)
		}
		off := got/p.Value - 1
		t.Logf("%s, %d nodes, %s: published %v %s, predicted %.1f (%+.1f %%), bound by %s, fitted: %s", p.System, p.Nodes, p.Op, p.Value, p.Figure, got, 100*off, bound, p.Fitted)
		if rows[p.System]++; p.Fitted == "" {
			errs[p.System] = append(errs[p.System], math.Abs(off))
		}
	}
	for system, limit := range within {
		e := errs[system]
		slices.Sort(e)
		if len(e) == 0 || 2*len(e) < rows[system] || e[len(e)/2] > limit.median || e[len(e)-1] > limit.worst {
			t.Errorf("%s: %v of %d rows, want a median of %v and at worst %v", system, e, rows[system], limit.median, limit.worst)
		}
		delete(errs, system)
	}
	if len(errs) != 0 {
		t.Errorf("no limits for %v", errs)
	}
	// What a token reaches under a limit of nodes is what routing draws.
	for _, p := range Measurements() {
		if p.TokenNodes > 0 {
			if drawn := draw(t, p.Workload, 4); math.Abs(drawn.NodesPerToken/p.TokenNodes-1) > 0.005 || math.Abs(drawn.RanksPerToken/p.TokenRanks-1) > 0.005 {
				t.Errorf("%d nodes: %v nodes and %v ranks, drawn %v and %v", p.Nodes, p.TokenNodes, p.TokenRanks, drawn.NodesPerToken, drawn.RanksPerToken)
			}
		}
	}
}

// DeepSeek-V3's report: 20 SMs are enough to saturate both fabrics, on EP32 and EP64.
func TestTwentySMs(t *testing.T) {
	h, v1 := open(t, "h800", "v1")
	for _, nodes := range []int{4, 8} {
		for _, op := range []Op{Dispatch, Combine} {
			w := cluster(nodes)
			w.Op = op
			drawn := draw(t, w, 4)
			w.TokenNodes, w.TokenRanks = drawn.NodesPerToken, drawn.RanksPerToken
			c, err := w.Predict(h, v1)
			if err != nil {
				t.Fatal(err)
			}
			knee := c.Points[c.Knee]
			if knee.SMs > 20 || op == Dispatch && knee.SMs < 16 || knee.Bound != ScaleOut && knee.Bound != SMs {
				t.Errorf("%d nodes, %s: knee %+v", nodes, op, knee)
			}
		}
	}
}

// draw measures what routing draws for a workload, with or without groups.
func draw(t testing.TB, w Workload, groups int) routing.Stats {
	t.Helper()
	cluster, err := topo.New(w.Nodes, w.GPUsPerNode)
	if err != nil {
		t.Fatal(err)
	}
	place, err := topo.Place(cluster, w.Experts)
	if err != nil {
		t.Fatal(err)
	}
	src, err := routing.Open("grouped")
	if err != nil {
		t.Fatal(err)
	}
	tables, err := src.Generate(routing.Spec{Placement: place, Tokens: 40_000 / place.Ranks(), TopK: w.TopK, Groups: groups, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return routing.Measure(place, tables)
}

// What routing draws is what is expected of it.
func TestReach(t *testing.T) {
	for _, nodes := range []int{1, 2, 4, 8} {
		w := cluster(nodes)
		drawn := draw(t, w, 0)
		n, r := w.reach()
		if math.Abs(n/drawn.NodesPerToken-1) > 0.01 || math.Abs(r/drawn.RanksPerToken-1) > 0.01 {
			t.Errorf("%d nodes: expected %v nodes and %v ranks, drawn %v and %v", nodes, n, r, drawn.NodesPerToken, drawn.RanksPerToken)
		}
	}
}

func TestBadWorkloads(t *testing.T) {
	h, v2 := open(t, "h800", "v2")
	for want, change := range map[string]func(*Workload){
		"0 nodes: want 1 to":                  func(w *Workload) { w.Nodes = 0 },
		"1000000000 nodes: want 1 to":         func(w *Workload) { w.Nodes = 1e9 },
		"-8 GPUs a node":                      func(w *Workload) { w.GPUsPerNode = -8 },
		"experts: want 1 to":                  func(w *Workload) { w.Experts = math.MaxInt },
		"0 top-k":                             func(w *Workload) { w.TopK = 0 },
		"0 tokens":                            func(w *Workload) { w.Tokens = 0 },
		"hidden: want 1 to":                   func(w *Workload) { w.Hidden = math.MaxInt },
		"top-65 of 64 experts":                func(w *Workload) { w.TopK, w.Experts = 65, 64 },
		"9 nodes and 9 ranks a token":         func(w *Workload) { w.TokenNodes, w.TokenRanks = 9, 9 },
		"3 nodes and 2 ranks a token":         func(w *Workload) { w.TokenNodes, w.TokenRanks = 3, 2 },
		"NaN nodes and 2 ranks a token":       func(w *Workload) { w.TokenNodes, w.TokenRanks = math.NaN(), 2 },
		"0.5 times the mean":                  func(w *Workload) { w.Hottest = 0.5 },
		"NaN times the mean":                  func(w *Workload) { w.Hottest = math.NaN() },
		"33 times the mean of 32":             func(w *Workload) { w.Hottest = 33 },
		"0 nodes and 2 ranks a token":         func(w *Workload) { w.TokenRanks = 2 },
		"250 experts on 32 ranks":             func(w *Workload) { w.Experts = 250 },
		"a scale-up domain of h800 has 8":     func(w *Workload) { w.GPUsPerNode = 16 },
		"nowhere to go":                       func(w *Workload) { w.Nodes, w.GPUsPerNode = 1, 1 },
		`operation "roundtrip": want`:         func(w *Workload) { w.Op = "roundtrip" },
		`no algorithm "three-hop"; there are`: func(w *Workload) { w.Algorithm = "three-hop" },
	} {
		w := cluster(4)
		change(&w)
		if got, err := w.Predict(h, v2); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %+v, %v, want %q", w, got, err, want)
		}
		if got, err := w.Budget(h, v2); err == nil {
			t.Errorf("%+v: %+v", w, got)
		}
	}
	combine := cluster(4)
	combine.Op = Combine
	if got, err := combine.Budget(h, v2); err == nil {
		t.Errorf("a combine has %+v", got)
	}
	grouped := cluster(8)
	grouped.TokenNodes, grouped.TokenRanks = 4, 7.4
	if got, err := grouped.Budget(h, v2); err == nil || !strings.Contains(err.Error(), "uniform routing") {
		t.Errorf("%+v, %v", got, err)
	}
}

// Whatever is asked for: more SMs, faster links or fewer tokens never take longer, and
// there is a knee.
func TestMonotone(t *testing.T) {
	for _, name := range hardware.Names() {
		for _, kernels := range hardware.Profiles() {
			for _, alg := range algorithmsOf(kernels) {
				for _, op := range []Op{Dispatch, Combine} {
					for _, nodes := range []int{1, 2, 8, 256} {
						h, k := open(t, name, kernels)
						w := cluster(nodes)
						w.Algorithm, w.Op, w.Experts = alg, op, 2048
						what := fmt.Sprintf("%s, %s, %s, %s, %d nodes", name, kernels, alg, op, nodes)
						c, err := w.Predict(h, k)
						if err != nil {
							t.Fatal(what, err)
						}
						if c.Knee < 0 || c.EpilogueUS < 0 || (c.EpilogueUS > 0) != (kernels == "v2" && alg != plan.AlgAllToAll) {
							t.Errorf("%s: knee %d, epilogue %v us", what, c.Knee, c.EpilogueUS)
						}
						h.ScaleOut.Achievable.Value *= 2
						h.ScaleUp.Achievable.Value *= 2
						faster, err := w.Predict(h, k)
						if err != nil {
							t.Fatal(what, err)
						}
						w.Tokens /= 2
						fewer, err := w.Predict(h, k)
						if err != nil {
							t.Fatal(what, err)
						}
						for i, p := range c.Points {
							if i > 0 && p.US > c.Points[i-1].US || faster.Points[i].US > p.US || fewer.Points[i].US >= faster.Points[i].US || !(p.US > 0) || !(p.Out > 0) || p.Up < p.Out {
								t.Errorf("%s: %+v, twice the links %+v, half the tokens %+v", what, p, faster.Points[i], fewer.Points[i])
							}
						}
					}
				}
			}
		}
	}
}

// A GPU with fewer SMs than kernels take at least has one point.
func TestFewSMs(t *testing.T) {
	h, v2 := open(t, "h800", "v2")
	h.GPU.SMs.Value = 1
	if c, err := cluster(4).Predict(h, v2); err != nil || len(c.Points) != 1 || c.Points[0].SMs != 1 || c.Knee != 0 {
		t.Errorf("%+v, %v", c, err)
	}
}

// A rank that receives more takes longer, by at most as much more; and one that receives as
// much as the others takes as long as without skew.
func TestSkew(t *testing.T) {
	for _, kernels := range hardware.Profiles() {
		for _, alg := range algorithmsOf(kernels) {
			for _, op := range []Op{Dispatch, Combine} {
				h, k := open(t, "h800", kernels)
				w := cluster(4)
				w.Algorithm, w.Op = alg, op
				times := []float64{}
				for _, hot := range []float64{0, 1, 1.5, 3} {
					w.Hottest = hot
					c, err := w.Predict(h, k)
					if err != nil {
						t.Fatal(err)
					}
					times = append(times, c.Points[0].US)
				}
				if times[0] != times[1] || times[2] < times[1] || times[3] < times[2] || times[3] > 3*times[0] {
					t.Errorf("%s, %s, %s: %v", kernels, alg, op, times)
				}
			}
		}
	}
	// The hot rank's links are what a two-hop dispatch waits for in the end.
	h, v1 := open(t, "h800", "v1")
	w := cluster(4)
	w.Hottest = 5
	if c, err := w.Predict(h, v1); err != nil || c.Points[len(c.Points)-1].Bound != ScaleUp {
		t.Errorf("%+v (%v)", c, err)
	}
	if _, err := w.Budget(h, v1); err == nil {
		t.Error("there is a closed form with skew")
	}
}

// An engine that does all work takes no SMs, and as long as the links do.
func TestEngine(t *testing.T) {
	h, v1 := open(t, "h800", "v1")
	w := cluster(4)
	base, err := w.Predict(h, v1)
	if err != nil {
		t.Fatal(err)
	}
	v1.Engine = true
	c, err := w.Predict(h, v1)
	if err != nil || len(c.Points) != 1 || c.Knee != 0 || c.Points[0].SMs != 0 || c.Points[0].Bound != ScaleOut || c.Points[0].US != base.Points[len(base.Points)-1].US {
		t.Errorf("%+v (%v)", c, err)
	}
}

// In one domain nothing crosses scale-out, and a token reaches as many ranks as before.
func TestOneDomain(t *testing.T) {
	h, v1 := open(t, "h800", "v1")
	w := cluster(4).OneDomain()
	if _, err := w.Predict(h, v1); err == nil {
		t.Error("32 ranks are in a domain of 8")
	}
	h.ScaleUp.GPUs.Value = 32
	c, err := w.Predict(h, v1)
	if err != nil || c.TokenNodes != 1 || math.Abs(c.TokenRanks-7.267) > 0.001 || c.Points[len(c.Points)-1].Bound != ScaleUp {
		t.Errorf("%+v (%v)", c, err)
	}
}

// A message for each choice takes as many SMs as experts make, and is as long as DeepEP's.
func TestLowLatency(t *testing.T) {
	h, ll := open(t, "h800", "ll")
	for experts, sms := range map[int]int{288: 96, 256: 128, 64: 64, 2048: 128} {
		w := cluster(1)
		w.Algorithm, w.Experts, w.Tokens = plan.AlgLowLatency, experts, 128
		c, err := w.Predict(h, ll)
		if err != nil || len(c.Points) != 1 || c.Points[0].SMs != sms || c.Knee != 0 {
			t.Errorf("%d experts: %+v (%v), want %d SMs", experts, c, err, sms)
		}
	}
	w := cluster(4)
	w.Algorithm = plan.AlgLowLatency
	for _, c := range []struct {
		op    Op
		dtype plan.DType
		size  int
	}{{Dispatch, plan.FP8, 7408}, {Dispatch, plan.BF16, 14352}, {Combine, plan.FP8, 14336}} {
		w.Op, w.DType = c.op, c.dtype
		if row := w.row(); row.Size() != c.size {
			t.Errorf("%s %v: %d bytes, want %d", c.op, c.dtype, row.Size(), c.size)
		}
	}
	for _, alg := range algorithmsOf("v1") {
		w.Algorithm = alg
		if c, err := w.Predict(h, ll); err == nil {
			t.Errorf("%s by low-latency kernels: %+v", alg, c)
		}
	}
	w.Algorithm = plan.AlgLowLatency
	_, v1 := open(t, "h800", "v1")
	if c, err := w.Predict(h, v1); err == nil {
		t.Errorf("low-latency by v1: %+v", c)
	}
}

func BenchmarkPredict(b *testing.B) {
	h, v1 := open(b, "h800", "v1")
	w := cluster(256)
	w.Experts = 2048
	for b.Loop() {
		if _, err := w.Predict(h, v1); err != nil {
			b.Fatal(err)
		}
	}
}
