package bench_test

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/ref"
	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/alltoall/topo"
	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/transport/isa"
)

func sum(counts []int64) (n int64) {
	for _, v := range counts {
		n += v
	}
	return n
}

// Logical counts are the routing's, wire counts what was moved. Where both can be
// said in closed form they are compared here.
func TestTrafficIsTheRoutings(t *testing.T) {
	for _, op := range []string{record.Dispatch, record.Combine} {
		for _, alg := range plan.Algorithms {
			t.Run(fmt.Sprintf("%s/%s", op, alg), func(t *testing.T) {
				c := config(op, alg)
				c.Nodes, c.GPUsPerNode, c.Experts, c.TopK, c.Masked, c.Ragged = 3, 2, 12, 4, 0.2, true
				place, all := tables(t, c)
				n := ref.Count(place, all)
				traffic := find(t, run(t, c), op, alg).Traffic
				want := record.Traffic{
					Counts: record.Counts{ScaleOutLogical: new(sum(n.Nodes)), ScaleUpLogical: new(sum(n.Rows)), ScaleUpWire: traffic.ScaleUpWire},
					MaxRank: record.Counts{
						ScaleOutLogical: new(slices.Max(n.Nodes)), ScaleUpLogical: new(slices.Max(n.Rows)),
						ScaleOutWire: traffic.MaxRank.ScaleOutWire, ScaleUpWire: traffic.MaxRank.ScaleUpWire,
					},
					ScaleOutSignals: traffic.ScaleOutSignals, ScaleUpSignals: traffic.ScaleUpSignals,
				}
				wire := map[plan.Algorithm][]int64{plan.AlgTwoHop: n.NodesWire, plan.AlgDirect: n.RanksRemote, plan.AlgAllToAll: n.CopiesWire, plan.AlgLowLatency: n.CopiesWire, plan.AlgPXN: n.RanksRemote}[alg]
				want.ScaleOutWire = new(sum(wire))
				passed := passedOn(place, all, alg)
				if op == record.Dispatch && alg != plan.AlgPXN {
					want.MaxRank.ScaleOutWire = new(slices.Max(wire))
				}
				row := alg.DispatchRow(plan.FP8, 256, 4)
				if op == record.Combine {
					row = alg.CombineRow(256, 4)
				}
				want.BytesPerToken, want.MetadataBytesPerToken = new(int64(row.Bytes())), new(float64(row.Meta))
				want.CopiedBytes = new(int64(row.Bytes()) * (rowsWritten(op, alg, n, all) + passed))
				if op == record.Combine {
					read := map[plan.Algorithm]int64{plan.AlgTwoHop: sum(n.Rows) + sum(n.NodesWire), plan.AlgDirect: sum(n.Rows), plan.AlgAllToAll: sum(n.Copies), plan.AlgLowLatency: sum(n.Copies), plan.AlgPXN: sum(n.Rows)}
					want.ReducedBytes = new(int64(row.Payload) * read[alg])
				}
				if diff := cmp.Diff(want, traffic); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				// What stays within nodes leaves its rank for another, or does not leave at all.
				self := selfRows(all, func(r, e int) bool { return place.RankOf(e) == r }, alg.ByExpert())
				up := map[plan.Algorithm]int64{plan.AlgDirect: sum(n.Rows) - self - sum(n.RanksRemote), plan.AlgAllToAll: sum(n.Copies) - self - sum(n.CopiesWire), plan.AlgLowLatency: sum(n.Copies) - self - sum(n.CopiesWire), plan.AlgPXN: sum(n.Rows) - self - sum(n.RanksRemote) + passed}
				if want, ok := up[alg]; ok && *traffic.ScaleUpWire != want {
					t.Errorf("%d tokens on scale-up wires, want %d", *traffic.ScaleUpWire, want)
				}
				if *traffic.MaxRank.ScaleOutWire > *traffic.ScaleOutWire || *traffic.MaxRank.ScaleUpWire > *traffic.ScaleUpWire || *traffic.ScaleOutSignals == 0 || *traffic.ScaleUpSignals == 0 {
					t.Errorf("traffic %+v", traffic)
				}
			})
		}
	}
}

// passedOn is how many rows pxn has passed on within the node that sends them: those for another
// node and another rail.
func passedOn(p topo.Placement, all []routing.Table, alg plan.Algorithm) (n int64) {
	for src := range all {
		for token := range all[src].Tokens {
			ids, _ := all[src].Row(token)
			for _, to := range ref.Targets(p, ids) {
				if alg == plan.AlgPXN && p.Node(to) != p.Node(src) && p.Index(to) != p.Index(src) {
					n++
				}
			}
		}
	}
	return n
}

// rowsWritten is how many rows all ranks write.
func rowsWritten(op string, alg plan.Algorithm, n ref.Counts, all []routing.Table) int64 {
	tokens, active := int64(0), int64(0) // active: that make a choice
	for i := range all {
		tokens += int64(all[i].Tokens)
		for token := range all[i].Tokens {
			if ids, _ := all[i].Row(token); slices.Max(ids) >= 0 {
				active++
			}
		}
	}
	if op == record.Dispatch {
		return map[plan.Algorithm]int64{plan.AlgTwoHop: sum(n.NodesWire) + sum(n.Rows), plan.AlgDirect: sum(n.Rows), plan.AlgPXN: sum(n.Rows), plan.AlgAllToAll: 3 * sum(n.Copies), plan.AlgLowLatency: active + 2*sum(n.Copies)}[alg]
	}
	return tokens + map[plan.Algorithm]int64{plan.AlgTwoHop: 2 * sum(n.NodesWire), plan.AlgDirect: sum(n.RanksRemote), plan.AlgPXN: sum(n.RanksRemote), plan.AlgAllToAll: 2 * sum(n.Copies), plan.AlgLowLatency: sum(n.Copies)}[alg]
}

// selfRows is how many copies stay on their rank.
func selfRows(all []routing.Table, own func(rank, expert int) bool, byExpert bool) (n int64) {
	for r := range all {
		for i := range all[r].Tokens {
			ids, _ := all[r].Row(i)
			for _, e := range ids {
				if e >= 0 && own(r, int(e)) {
					n++
					if !byExpert {
						break
					}
				}
			}
		}
	}
	return n
}

// Everything in a record that does not depend on time, for each operation.
func TestRecordsSayWhatWasRun(t *testing.T) {
	for _, op := range ops {
		c := config(op, plan.AlgTwoHop)
		c.Baseline, c.Preset, c.Masked, c.Bias = plan.AlgAllToAll, "v3", 0.1, 1
		before := time.Now()
		result := run(t, c)
		kinds := []string{op}
		if op == record.Roundtrip {
			kinds = []string{record.Dispatch, record.Combine, record.Roundtrip}
		}
		if len(result.Records) != 2*len(kinds) {
			t.Fatalf("%s: %d records", op, len(result.Records))
		}
		for i, rec := range result.Records {
			kind, alg := kinds[i/2], []plan.Algorithm{plan.AlgTwoHop, plan.AlgAllToAll}[i%2]
			want := record.Record{
				Schema: record.Schema, Version: "test", Source: record.Measured, Op: kind, Algorithm: string(alg),
				Transport: record.Transport{ScaleUp: new("mem"), ScaleOut: new("mem")},
				Cluster:   record.Cluster{Nodes: 2, GPUsPerNode: 2, Ranks: 4},
				Workload: record.Workload{Tokens: 13, Hidden: 256, Experts: 8, TopK: 3, Routing: "uniform", Seed: new(uint64(3)), Masked: new(0.1),
					Ragged: new(false), EmptyRanks: new(0), Preset: new("v3"), Dtype: map[string]string{"dispatch": "fp8", "combine": "bf16", "roundtrip": "fp8+bf16"}[kind]},
				Exec: record.Exec{Processes: new(1), Channels: new(2), Chunk: new(2), Workers: new(2), Pinned: new(false), HugeBytes: rec.Exec.HugeBytes, ISA: new(isa.Best().String()), Warmup: new(1), Iterations: new(3), CachedHandle: new(kind == record.Combine), Check: new(true)},
			}
			if op != record.Dispatch {
				want.Workload.Bias = new(1)
			}
			got := record.Record{Schema: rec.Schema, Version: rec.Version, Source: rec.Source, Op: rec.Op, Algorithm: rec.Algorithm,
				Transport: rec.Transport, Cluster: rec.Cluster, Workload: rec.Workload, Exec: rec.Exec}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, record %d (-want +got):\n%s", op, i, diff)
			}
			if rec.Time.Before(before) || rec.Time.After(time.Now()) || rec.Interrupted || rec.Host.Go == nil {
				t.Errorf("%s, record %d: time %v, interrupted %v, host %+v", op, i, rec.Time, rec.Interrupted, rec.Host)
			}
			if wrong := rec.Wrong; wrong == nil || *wrong != 0 {
				t.Errorf("%s, record %d: wrong is %v", op, i, wrong)
			}
			if (rec.Baseline != nil) != (i%2 == 0) {
				t.Errorf("%s, record %d: baseline %v", op, i, rec.Baseline)
			}
		}
	}
}

// Times are of what happened: three samples, whose phases add up.
func TestTimes(t *testing.T) {
	for _, test := range []struct {
		name                     string
		op                       string
		alg                      plan.Algorithm
		change                   func(*bench.Config)
		layout, notify, epilogue bool
	}{
		{"dispatch", record.Dispatch, plan.AlgTwoHop, func(*bench.Config) {}, true, true, false},
		{"cached dispatch", record.Dispatch, plan.AlgDirect, func(c *bench.Config) { c.Cached = true }, false, false, false},
		{"the notes of a cached handle belong to no iteration", record.Dispatch, plan.AlgTwoHop, func(c *bench.Config) { c.Cached, c.Warmup = true, 0 }, false, false, false},
		{"expanded dispatch", record.Dispatch, plan.AlgTwoHop, func(c *bench.Config) { c.Expand = true }, true, true, true},
		{"alltoall is expanded by itself", record.Dispatch, plan.AlgAllToAll, func(c *bench.Config) { c.Expand = true }, true, true, false},
		{"combine", record.Combine, plan.AlgTwoHop, func(*bench.Config) {}, false, false, false},
		{"roundtrip", record.Roundtrip, plan.AlgTwoHop, func(*bench.Config) {}, true, true, false},
		{"cached roundtrip", record.Roundtrip, plan.AlgAllToAll, func(c *bench.Config) { c.Cached = true }, false, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config(test.op, test.alg)
			test.change(&c)
			rec := find(t, run(t, c), test.op, test.alg)
			u := rec.TimeUS
			if len(rec.SamplesUS) != 3 || *u.Min <= 0 || !slices.Contains(rec.SamplesUS, *u.P50) || *u.P50 != *u.TransferP50 {
				t.Errorf("samples %v, times %+v", rec.SamplesUS, u)
			}
			if *u.FastestRankP50 <= 0 || *u.FastestRankP50 > *u.P50 {
				t.Errorf("the fastest rank takes %v, the slowest %v", *u.FastestRankP50, *u.P50)
			}
			total := *u.TransferP50
			for name, phase := range map[string]struct {
				us   *float64
				want bool
			}{"layout": {u.LayoutP50, test.layout}, "notify": {u.NotifyP50, test.notify}, "epilogue": {u.EpilogueP50, test.epilogue}} {
				if (phase.us != nil) != phase.want {
					t.Errorf("%s takes %v; want a time: %v", name, phase.us, phase.want)
				}
				if phase.us != nil {
					total += *phase.us
				}
			}
			if math.Abs(total-*u.TotalP50) > 1e-6 {
				t.Errorf("phases add up to %v, total is %v", total, *u.TotalP50)
			}
			if got, want := *rec.Exec.CachedHandle, c.Cached || test.op == record.Combine; got != want {
				t.Errorf("cached is %v, want %v", got, want)
			}
		})
	}
}

// Bandwidths follow from the record itself.
func TestBandwidths(t *testing.T) {
	for _, op := range []string{record.Dispatch, record.Combine} {
		for _, alg := range plan.Algorithms {
			c := config(op, alg)
			place, all := tables(t, c)
			rec := find(t, run(t, c), op, alg)
			of := func(tokens int64) float64 {
				return float64(tokens*(*rec.Traffic.BytesPerToken)) / 4 / (*rec.TimeUS.P50 * 1e-6) / 1e9
			}
			b, n := rec.Bandwidth, rec.Traffic
			want := []float64{of(*n.ScaleOutLogical), of(*n.ScaleOutWire), of(*n.ScaleUpLogical), of(*n.ScaleUpWire)}
			got := []float64{*b.ScaleOutLogical, *b.ScaleOutWire, *b.ScaleUpLogical, *b.ScaleUpWire}
			if alg == plan.AlgAllToAll {
				// nccl-tests' definitions: all copies that a rank sends, its own included.
				algbw := of(sum(ref.Count(place, all).Copies))
				want, got = append(want, algbw, algbw*3/4), append(got, *b.AlgBW, *b.BusBW)
			} else if b.AlgBW != nil || b.BusBW != nil {
				t.Errorf("%s %s has an algbw", op, alg)
			}
			for i := range want {
				if math.Abs(got[i]-want[i]) > 1e-9*want[i] {
					t.Errorf("%s %s: bandwidths %v, want %v", op, alg, got, want)
					break
				}
			}
		}
	}
}

// A round trip is the sum of its dispatch and its combine, iteration by
// iteration, and no rate: its rows are of two kinds.
func TestRoundtripIsTheSum(t *testing.T) {
	for _, baseline := range []plan.Algorithm{"", plan.AlgDirect} {
		c := config(record.Roundtrip, plan.AlgTwoHop)
		c.Baseline, c.Iterations = baseline, 5
		result := run(t, c)
		d, m, r := find(t, result, record.Dispatch, plan.AlgTwoHop), find(t, result, record.Combine, plan.AlgTwoHop), find(t, result, record.Roundtrip, plan.AlgTwoHop)
		if len(r.SamplesUS) != 5 {
			t.Fatalf("%d samples", len(r.SamplesUS))
		}
		for i, us := range r.SamplesUS {
			if us != d.SamplesUS[i]+m.SamplesUS[i] {
				t.Errorf("iteration %d takes %v, its parts %v and %v", i, us, d.SamplesUS[i], m.SamplesUS[i])
			}
		}
		if diff := cmp.Diff(record.Traffic{}, r.Traffic); diff != "" {
			t.Errorf("traffic (-none +got):\n%s", diff)
		}
		if diff := cmp.Diff(record.Bandwidth{}, r.Bandwidth); diff != "" {
			t.Errorf("bandwidth (-none +got):\n%s", diff)
		}
		if *r.TimeUS.NotifyP50 != *d.TimeUS.NotifyP50 || *r.TimeUS.LayoutP50 != *d.TimeUS.LayoutP50 {
			t.Errorf("phases %+v, the dispatch's are %+v", r.TimeUS, d.TimeUS)
		}
	}
}

// The ratio is the baseline's time over the algorithm's, over paired samples.
func TestBaselineRatio(t *testing.T) {
	for _, op := range ops {
		c := config(op, plan.AlgTwoHop)
		c.Baseline, c.Iterations = plan.AlgAllToAll, 5
		result := run(t, c)
		rec, base := find(t, result, op, plan.AlgTwoHop), find(t, result, op, plan.AlgAllToAll)
		b := rec.Baseline
		if b == nil || b.Algorithm != string(plan.AlgAllToAll) || math.Abs(b.Ratio - *base.TimeUS.P50 / *rec.TimeUS.P50) > 1e-9 {
			t.Fatalf("%s: baseline %+v, medians %v and %v", op, b, *base.TimeUS.P50, *rec.TimeUS.P50)
		}
		low, high := math.Inf(1), 0.0
		for i := range rec.SamplesUS {
			r := base.SamplesUS[i] / rec.SamplesUS[i]
			low, high = min(low, r), max(high, r)
		}
		if *b.RatioMin != low || *b.RatioMax != high {
			t.Errorf("%s: from %v to %v, want %v to %v", op, *b.RatioMin, *b.RatioMax, low, high)
		}
	}
}

// Groups are recorded only where they limit a token's nodes.
func TestGroupsAreNullWhereTheyDoNotBind(t *testing.T) {
	for _, test := range []struct {
		routing string
		groups  int
		want    *int
		becomes string
	}{
		{"", 0, nil, "uniform"},
		{"", 1, new(1), "grouped"},
		{"", 2, nil, "uniform"}, // as many as nodes
		{"", 5, nil, "uniform"},
		{"grouped", 1, new(1), "grouped"},
		{"grouped", 2, nil, "grouped"},
		{"uniform", 1, nil, "uniform"}, // which has no groups
		{"zipf:1", 1, new(1), "zipf:1"},
		{"balanced", 1, new(1), "balanced"},
		{"hot:1.2", 1, new(1), "hot:1.2"},
	} {
		c := config(record.Dispatch, plan.AlgTwoHop)
		c.Routing, c.TopKGroups = test.routing, test.groups
		w := run(t, c).Records[0].Workload
		if diff := cmp.Diff(test.want, w.TopKGroups); diff != "" || w.Routing != test.becomes {
			t.Errorf("routing %q, %d groups: recorded as %q (-want +got):\n%s", test.routing, test.groups, w.Routing, diff)
		}
	}
}

// The routing of DeepSeek-V3's size, without a group limit, reaches as many nodes
// and ranks as the closed form says.
func TestUniformSkewIsTheExpectedOne(t *testing.T) {
	c := config(record.Dispatch, plan.AlgTwoHop)
	c.Nodes, c.GPUsPerNode, c.Experts, c.TopK, c.Tokens, c.Hidden, c.Channels, c.Check = 4, 8, 256, 8, 128, 1, 1, bench.CheckLast
	rec := run(t, c).Records[0]
	tokens := float64(c.Nodes * c.GPUsPerNode * c.Tokens)
	for name, v := range map[string]struct{ got, want, deviation float64 }{
		// A token's nodes lie between 1 and 4, its ranks between 1 and 8: their standard
		// deviations are far below 1 and 2.
		"nodes": {*rec.Skew.NodesPerToken, routing.Expected(256, 8, 4), 1},
		"ranks": {*rec.Skew.RanksPerToken, routing.Expected(256, 8, 32), 2},
	} {
		if off := math.Abs(v.got - v.want); off > 4*v.deviation/math.Sqrt(tokens) {
			t.Errorf("%s a token: %v, want %v", name, v.got, v.want)
		}
	}
	if got, want := float64(*rec.Traffic.ScaleOutLogical)/tokens, *rec.Skew.NodesPerToken; math.Abs(got-want) > 1e-9 {
		t.Errorf("%v logical scale-out tokens a token, nodes %v", got, want)
	}
	if *rec.Skew.HottestRank < 1 || *rec.Skew.HottestExpert < *rec.Skew.HottestRank {
		t.Errorf("skew %+v", rec.Skew)
	}
}

// What two-hop saves over a flat algorithm is counted, and is what the routing
// implies.
func TestScaleOutNote(t *testing.T) {
	pattern := regexp.MustCompile(`^scale-out wire bytes .*, of (\S+) .*: (\S+)x fewer; the routing implies (\S+)x fewer$`)
	for _, op := range ops {
		for _, baseline := range []plan.Algorithm{plan.AlgDirect, plan.AlgAllToAll} {
			c := config(op, plan.AlgTwoHop)
			c.Baseline, c.Tokens = baseline, 50
			for _, rec := range run(t, c).Records {
				var notes []string
				for _, n := range rec.Notes {
					if strings.HasPrefix(n, "scale-out wire bytes") {
						notes = append(notes, n)
					}
				}
				if rec.Op == record.Roundtrip || rec.Algorithm != record.TwoHop {
					if len(notes) > 0 {
						t.Errorf("%s by %s has notes %q", rec.Op, rec.Algorithm, notes)
					}
					continue
				}
				if len(notes) != 1 {
					t.Fatalf("%s against %s: notes %q", rec.Op, baseline, rec.Notes)
				}
				m := pattern.FindStringSubmatch(notes[0])
				if m == nil || m[1] != string(baseline) || m[2] != m[3] {
					t.Errorf("%q, want two equal factors against %s, as in %v", notes[0], baseline, pattern)
				}
			}
		}
	}
	// Where nothing crosses there is nothing to compare.
	c := config(record.Dispatch, plan.AlgTwoHop)
	c.Nodes, c.GPUsPerNode, c.Baseline = 1, 4, plan.AlgDirect
	if notes := run(t, c).Records[0].Notes; strings.Contains(strings.Join(notes, ""), "scale-out wire") {
		t.Errorf("notes of one node: %q", notes)
	}
}

// One seed is one workload: the same traffic and no wrong token, however it is
// run; another seed is another.
func TestSeedRulesTheTraffic(t *testing.T) {
	for _, alg := range plan.Algorithms {
		c := config(record.Roundtrip, alg)
		first, again := run(t, c), run(t, c)
		c.Workers, c.Iterations, c.Warmup = 1, 1, 0
		other := run(t, c)
		c.Seed++
		changed := run(t, c)
		for i := range first.Records {
			for _, r := range []bench.Result{again, other} {
				if diff := cmp.Diff(first.Records[i].Traffic, r.Records[i].Traffic); diff != "" {
					t.Errorf("%s, %s: traffic (-first +again):\n%s", alg, first.Records[i].Op, diff)
				}
				if diff := cmp.Diff(first.Records[i].Skew, r.Records[i].Skew); diff != "" {
					t.Errorf("%s, %s: skew (-first +again):\n%s", alg, first.Records[i].Op, diff)
				}
			}
		}
		if cmp.Equal(first.Records[0].Skew, changed.Records[0].Skew) {
			t.Errorf("%s: another seed has the same skew", alg)
		}
	}
}

// The limit was sampled once for each iteration that counts, and efficiency is
// what its definition says.
func TestEfficiency(t *testing.T) {
	for _, op := range ops {
		c := config(op, plan.AlgTwoHop)
		c.Bias = 1
		for _, rec := range run(t, c).Records {
			if op == record.Roundtrip && rec.Op == record.Roundtrip {
				if rec.Limit != nil || rec.Efficiency != nil {
					t.Error("a round trip moves two types of row, and has no one limit")
				}
				continue
			}
			l := rec.Limit
			if l == nil || rec.Efficiency == nil {
				t.Fatalf("%s: no limit", rec.Op)
			}
			bytes := rec.Traffic.CopiedBytes
			if rec.Op == record.Combine {
				bytes = rec.Traffic.ReducedBytes
			}
			if want := float64(*bytes) / *rec.TimeUS.P50 / 1e3 / l.GBps; math.Abs(*rec.Efficiency-want) > 1e-9*want {
				t.Errorf("%s: efficiency %v, want %v", rec.Op, *rec.Efficiency, want)
			}
			if n := len(l.SamplesGBps); n != c.Iterations || *l.Workers != c.Workers || *l.BlockBytes != int64(rowOf(c, rec.Op).Bytes()) {
				t.Errorf("%s: %d samples with %d workers of %d bytes", rec.Op, n, *l.Workers, *l.BlockBytes)
			}
		}
	}
}

func rowOf(c bench.Config, op string) plan.Row {
	if op == record.Combine {
		return plan.CombineRow(c.Hidden, c.TopK)
	}
	return plan.DispatchRow(c.DType, c.Hidden, c.TopK)
}

// A run in which no token goes anywhere is a run.
func TestNothingToMove(t *testing.T) {
	for name, change := range map[string]func(*bench.Config){
		"no tokens":  func(c *bench.Config) { c.Tokens = 0 },
		"all masked": func(c *bench.Config) { c.Masked = 1 },
		"all empty":  func(c *bench.Config) { c.EmptyRanks = 4 },
	} {
		for _, op := range ops {
			t.Run(name+"/"+op, func(t *testing.T) {
				c := config(op, plan.AlgTwoHop)
				c.Baseline = plan.AlgAllToAll
				change(&c)
				result := run(t, c)
				if len(result.Records) == 0 {
					t.Fatal("no records")
				}
				for _, rec := range result.Records {
					if rec.Skew != (record.Skew{}) {
						t.Errorf("%s by %s: skew of nothing is %+v", rec.Op, rec.Algorithm, rec.Skew)
					}
					if n := rec.Traffic.ScaleUpLogical; rec.Op != record.Roundtrip && *n != 0 {
						t.Errorf("%s by %s: %d rows", rec.Op, rec.Algorithm, *n)
					}
				}
				if !strings.Contains(strings.Join(result.Meaning, "\n"), "no token goes anywhere") {
					t.Errorf("it means %q", result.Meaning)
				}
			})
		}
	}
}

// What the figures mean is said for each operation: what bounds it, and how it
// compares with the baseline.
func TestMeaning(t *testing.T) {
	const (
		copies = `^dispatch: .* runs at .*x the limit, .* GB/s for this host copying such rows between random places \((ordinary|streaming) stores\)`
		adds   = `^combine: .* runs at .*x the limit, .* GB/s for this host adding up \d+ random rows at a time`
	)
	for _, test := range []struct {
		op       string
		alg      plan.Algorithm
		baseline plan.Algorithm
		nodes    int
		want     []string
	}{
		{record.Dispatch, plan.AlgTwoHop, "", 2, []string{`^dispatch: both hops are memory copies here; the scale-up hop bounds two-hop, .*$`, copies}},
		{record.Dispatch, plan.AlgTwoHop, "", 1, []string{`^dispatch: two-hop copies .*, all within nodes: the scale-up hop bounds it$`, copies}},
		{record.Dispatch, plan.AlgAllToAll, "", 2, []string{`^dispatch: alltoall copies .*, each row three times`, copies}},
		{record.Combine, plan.AlgTwoHop, plan.AlgDirect, 2, []string{
			`^combine: two-hop adds up .* and writes .*: reading bounds it here; .* % of the rows come over the scale-up hop$`, adds,
			`^combine: two-hop is .*x (faster|slower) than direct, which copies .*; over a slow scale-out link its wire bytes would decide, .*x fewer$`}},
		{record.Roundtrip, plan.AlgTwoHop, plan.AlgAllToAll, 2, []string{
			`^dispatch: both hops`, copies, `^dispatch: .* than alltoall`, `^combine: two-hop adds up`, adds, `^combine: .* than alltoall`}},
	} {
		c := config(test.op, test.alg)
		c.Baseline, c.Nodes, c.GPUsPerNode = test.baseline, test.nodes, 4/test.nodes
		got := run(t, c).Meaning
		if len(got) != len(test.want) {
			t.Errorf("%s by %s: %q", test.op, test.alg, got)
			continue
		}
		for i, want := range test.want {
			if !regexp.MustCompile(want).MatchString(got[i]) {
				t.Errorf("%q, want what matches %q", got[i], want)
			}
		}
	}
}
