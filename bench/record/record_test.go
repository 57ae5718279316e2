package record_test

import (
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/stats"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with testdata/name, or rewrites it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update rewrites it); got:\n%s", path, got)
	}
}

// least is a valid record in which all that may be unknown is.
func least() record.Record {
	return record.Record{
		Schema:    record.Schema,
		Time:      time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC),
		Version:   "v0.1.0",
		Source:    record.Imported,
		Op:        record.Dispatch,
		Algorithm: record.TwoHop,
		Cluster:   record.Cluster{Nodes: 4, GPUsPerNode: 8, Ranks: 32},
		Workload:  record.Workload{Tokens: 1024, Hidden: 7168, Experts: 256, TopK: 8, Dtype: "fp8", Routing: "uniform"},
	}
}

// full is a record in which something is known in every group.
func full(t testing.TB) record.Record {
	t.Helper()
	r := least()
	r.Source = record.Measured
	r.Transport = record.Transport{ScaleUp: new("shm"), ScaleOut: new("tcp")}
	r.Workload.Seed = new(uint64(math.MaxUint64))
	r.Workload.Routing = "träce/経路 <&>.csv"
	r.Workload.Masked, r.Workload.Ragged = new(0.1), new(true)
	r.Traffic.ScaleOutLogical, r.Traffic.ScaleOutWire = new(int64(118_292)), new(int64(85_524))
	r.Traffic.ScaleUpLogical, r.Traffic.ScaleUpWire = new(int64(238_223)), new(int64(205_455))
	r.Traffic.BytesPerToken = new(int64(7392))
	r.Traffic.MaxRank.ScaleUpLogical = new(int64(7_668))
	if err := r.SetSamples([]float64{1480, 1502, 1466, 1490}); err != nil {
		t.Fatal(err)
	}
	if err := r.SetBaseline(record.AllToAll, []float64{2304, 2290, 2311, 2287}); err != nil {
		t.Fatal(err)
	}
	r.Bandwidth = record.Bandwidths(r.Traffic, r.Cluster.Ranks, *r.TimeUS.P50)
	r.Limit = &record.Limit{Kind: record.LimitCopy, GBps: 18.1, SamplesGBps: []float64{17.9, 18.1, 18.3}, Workers: new(2)}
	r.Efficiency, r.Wrong = new(0.83), new(int64(0))
	r.Notes = []string{"two-hop put 2.1 times fewer bytes on the scale-out wire"}
	r.Verdicts = []record.Verdict{{Name: "noise", State: record.Bad, Why: "iterations differ"}, {Name: "clocks", State: record.None, Why: "no GPU"}}
	r.Counted = &record.Counted{Interface: "eth0", Iterations: 4, Bytes: 1_050, LedgerBytes: 1_000, Ratio: new(1.05), MostBytes: 1_100}
	r.Sampling = &record.Sampling{IntervalMS: 100, Seconds: 0.2, Looks: 3, PowerW: new(5_600.0), ThrottledS: new(0.0),
		AtMS:   record.Values{0, 100.123, 12_345_678.9},
		Series: []record.Series{{Source: "gpu0", Figure: "power", Unit: "W", Values: record.Values{700, math.NaN(), 0.25}}},
		Others: []record.Sampling{{Process: 1, Looks: 3, PowerW: new(5_500.0)}}}
	r.Host.GPUs = []record.GPU{{Name: new("NVIDIA H100 80GB HBM3"), SMs: new(132)}, {}}
	r.Host.NICs = []record.NIC{{Name: "mlx5_0/1", Kind: "infiniband", RateGbps: new(400.0)}}
	r.Environment = map[string]string{"NCCL_IB_HCA": "mlx5", "GOMAXPROCS": "8"}
	return r
}

// The names are the contract of the CSV header and of every path in the docs.
func TestLeaves(t *testing.T) {
	names := func(r record.Record) (names []string) {
		for name := range r.Leaves() {
			names = append(names, name)
		}
		return names
	}
	want := names(least())
	golden(t, "leaves.txt", strings.Join(want, "\n")+"\n")
	if got := names(full(t)); !slices.Equal(got, want) {
		t.Errorf("the names depend on the record: %q", got)
	}
	if sorted := slices.Sorted(slices.Values(want)); len(slices.Compact(sorted)) != len(want) {
		t.Error("two leaves have one name")
	}

	values := map[string]any{}
	r := full(t)
	for name, value := range r.Leaves() {
		values[name] = value
	}
	for name, want := range map[string]any{
		"op": "dispatch", "cluster_ranks": 32, "workload_seed": uint64(math.MaxUint64), "workload_preset": nil,
		"traffic_max_rank_scale_up_tokens_logical": int64(7668), "time_us_p50": 1480.0, "limit_kind": "copy",
		"baseline_ratio_min": 2290.0 / 1502, "interrupted": false, "host_cpu": nil, "wrong": int64(0),
	} {
		if got, ok := values[name]; !ok || got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for name, want := range map[string][]string{
		"verdicts":        {"noise bad: iterations differ", "clocks none: no GPU"},
		"sampling_others": {"process 1: 3 looks, 5,500 W, throttled for - GPU-seconds"},
		"host_gpus":       {"NVIDIA H100 80GB HBM3, 132 SMs", "-"},
		"host_nics":       {"mlx5_0/1 infiniband 400 Gb/s"},
		"environment":     {"GOMAXPROCS=8", "NCCL_IB_HCA=mlx5"},
	} {
		if got, _ := values[name].([]string); !slices.Equal(got, want) {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if _, ok := values["sampling_at_ms"]; ok || values["sampling_looks"] != 3 {
		t.Errorf("of the sampling the leaves have %v", values["sampling_looks"])
	}
	for range r.Leaves() {
		break // a consumer may stop
	}
}

func TestValidate(t *testing.T) {
	for name, r := range map[string]record.Record{"least": least(), "full": full(t)} {
		if err := r.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, c := range map[string]struct {
		change func(*record.Record)
		says   string
	}{
		"source":          {func(r *record.Record) { r.Source = "guessed" }, `source "guessed"`},
		"verdict":         {func(r *record.Record) { r.Verdicts = []record.Verdict{{Name: "noise", State: "fine"}} }, `verdict noise is "fine"`},
		"op":              {func(r *record.Record) { r.Op = "" }, `op ""`},
		"algorithm":       {func(r *record.Record) { r.Algorithm = "" }, "no algorithm"},
		"time":            {func(r *record.Record) { r.Time = time.Time{} }, "time"},
		"year":            {func(r *record.Record) { r.Time = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC) }, "time"},
		"ranks":           {func(r *record.Record) { r.Cluster.Ranks = 31 }, "4 nodes x 8 GPUs are not 31 ranks"},
		"overflow":        {func(r *record.Record) { r.Cluster = record.Cluster{Nodes: 1 << 33, GPUsPerNode: 1 << 33} }, "nodes"},
		"no nodes":        {func(r *record.Record) { r.Cluster = record.Cluster{} }, "nodes"},
		"negative wrong":  {func(r *record.Record) { r.Wrong = new(int64(-1)) }, "wrong is -1"},
		"negative tokens": {func(r *record.Record) { r.Workload.Tokens = -1 }, "workload_tokens is -1"},
		"NaN":             {func(r *record.Record) { r.Efficiency = new(math.NaN()) }, "efficiency is NaN"},
		"negative share":  {func(r *record.Record) { r.Workload.Masked = new(-0.5) }, "workload_masked is -0.5"},
		"infinite limit":  {func(r *record.Record) { r.Limit = &record.Limit{GBps: math.Inf(1)} }, "limit_gbps is +Inf"},
		"infinite sample": {func(r *record.Record) { r.SamplesUS[2] = math.Inf(1) }, "samples_us[2] is +Inf"},
		"percentiles":     {func(r *record.Record) { r.TimeUS.P95 = new(1.0) }, "p95"},
		"ratio":           {func(r *record.Record) { r.Baseline.RatioMax = new(0.1) }, "ratio_max"},
	} {
		r := full(t)
		c.change(&r)
		if err := r.Validate(); !errors.Is(err, record.ErrInvalid) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want ErrInvalid with %q", name, err, c.says)
		}
	}
	r := least()
	r.Schema = "commbench.record/v2"
	if err := r.Validate(); !errors.Is(err, record.ErrSchema) {
		t.Errorf("got %v, want ErrSchema", err)
	}
}

func TestSetSamples(t *testing.T) {
	r := least()
	if err := r.SetSamples(nil); !errors.Is(err, stats.ErrEmpty) || r.TimeUS.P50 != nil {
		t.Errorf("no samples: %v, p50 %v", err, r.TimeUS.P50)
	}
	if err := r.SetBaseline(record.AllToAll, []float64{1}); !errors.Is(err, stats.ErrNotPaired) || r.Baseline != nil {
		t.Errorf("baseline without samples: %v, %v", err, r.Baseline)
	}
	r = full(t)
	if len(r.Warnings) != 2 || *r.TimeUS.P99 != 1502 || *r.TimeUS.TransferP50 != 1480 {
		t.Errorf("warnings %q, p99 %v, transfer %v", r.Warnings, *r.TimeUS.P99, *r.TimeUS.TransferP50)
	}
	if b := r.Baseline; b.Ratio != 2290.0/1480 {
		t.Errorf("ratio %v", b.Ratio)
	}
}

// DeepEP's EP32 arithmetic in small: 2 ranks, 3 tokens over the scale-out in
// sum, 7392 bytes each, in 10 us: 1.1088 GB/s a rank.
func TestBandwidths(t *testing.T) {
	traffic := record.Traffic{BytesPerToken: new(int64(7392))}
	traffic.ScaleOutLogical, traffic.ScaleOutWire = new(int64(3)), new(int64(0))
	b := record.Bandwidths(traffic, 2, 10)
	if *b.ScaleOutLogical != 1.1088 || *b.ScaleOutWire != 0 || b.ScaleUpLogical != nil || b.AlgBW != nil {
		t.Errorf("got %v, %v, %v, %v", *b.ScaleOutLogical, *b.ScaleOutWire, b.ScaleUpLogical, b.AlgBW)
	}
	if b := record.Bandwidths(traffic, 2, 0); b != (record.Bandwidth{}) {
		t.Errorf("no time, but %+v", b)
	}
	if alg := record.AlgBW(8e6, 1000); alg != 8 || record.BusBW(alg, 4) != 6 || record.BusBW(alg, 1) != 0 {
		t.Errorf("algbw %v, busbw %v", alg, record.BusBW(alg, 4))
	}

	r := full(t)
	at := r.BandwidthAt(2 * *r.TimeUS.P50)
	if *at.ScaleUpWire != *r.Bandwidth.ScaleUpWire/2 || at.BusBW != nil {
		t.Errorf("at twice the time: %v of %v", *at.ScaleUpWire, *r.Bandwidth.ScaleUpWire)
	}
	if same := r.BandwidthAt(*r.TimeUS.P50); *same.ScaleOutWire != *r.Bandwidth.ScaleOutWire {
		t.Errorf("at p50: %v, want %v", *same.ScaleOutWire, *r.Bandwidth.ScaleOutWire)
	}
	if b := r.BandwidthAt(0); b != (record.Bandwidth{}) {
		t.Errorf("no time, but %+v", b)
	}
}
