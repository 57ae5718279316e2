package reports_test

import (
	"math"
	"time"

	"github.com/commbench/commbench/bench/record"
)

// The fixtures are made-up figures of plausible size, fixed for ever.

// least is a record in which all that may be unknown is.
func least() record.Record {
	return record.Record{
		Schema:    record.Schema,
		Time:      time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC),
		Version:   "v0.1.0",
		Source:    record.Measured,
		Op:        record.Dispatch,
		Algorithm: record.TwoHop,
		Cluster:   record.Cluster{Nodes: 4, GPUsPerNode: 8, Ranks: 32},
		Workload:  record.Workload{Tokens: 1024, Hidden: 7168, Experts: 256, TopK: 8, Dtype: "fp8", Routing: "uniform"},
	}
}

var times = map[string][]float64{
	record.TwoHop:   {29480.2, 29502.9, 28466.1, 29490.5, 33620.4, 29475.8, 29488.3, 28979.6, 30510.7, 29484.1},
	record.AllToAll: {47304.5, 47290.3, 46311.8, 47287.2, 51399.6, 47301.4, 47295.9, 46315.1, 47288.7, 47296.2},
}

// run is a finished and checked run of 10 iterations.
func run(op, algorithm string) record.Record {
	r := least()
	r.Op, r.Algorithm = op, algorithm
	r.Transport = record.Transport{ScaleUp: new("shm"), ScaleOut: new("shm")}
	r.Workload.Seed = new(uint64(1))
	r.Workload.Ragged, r.Workload.Masked, r.Workload.EmptyRanks, r.Workload.Bias = new(false), new(0.0), new(0), new(0)
	r.Skew = record.Skew{NodesPerToken: new(3.6099), RanksPerToken: new(7.2701), HottestRank: new(1.0301), HottestExpert: new(1.1695)}
	r.Exec = record.Exec{Channels: new(10), Chunk: new(8), Workers: new(2), Warmup: new(2), Iterations: new(10),
		CachedHandle: new(false), Check: new(true)}
	r.Traffic = record.Traffic{BytesPerToken: new(int64(7392)), CopiedBytes: new(int64(3_517_000_000))}
	r.TimeUS.NotifyP50 = new(1204.6)
	if op == record.Combine { // which uses the handle of a dispatch
		r.TimeUS.NotifyP50 = nil
		r.Workload.Dtype, r.Traffic.BytesPerToken = "bf16", new(int64(14336))
		r.TimeUS.EpilogueP50 = new(812.4)
	}
	r.Traffic.ScaleOutLogical, r.Traffic.ScaleOutWire = new(int64(118_292)), new(int64(85_524))
	r.Traffic.ScaleUpLogical, r.Traffic.ScaleUpWire = new(int64(238_223)), new(int64(230_778))
	r.Traffic.MaxRank.ScaleUpLogical = new(int64(7_668))
	must(r.SetSamples(times[algorithm]))
	r.Bandwidth = record.Bandwidths(r.Traffic, r.Cluster.Ranks, *r.TimeUS.P50)
	if algorithm == record.AllToAll {
		r.Traffic.CopiedBytes = new(int64(1_761_000_000))
		alg := record.AlgBW(238_223*7392/32, *r.TimeUS.P50)
		r.Bandwidth.AlgBW, r.Bandwidth.BusBW = &alg, new(record.BusBW(alg, 32))
	} else {
		must(r.SetBaseline(record.AllToAll, times[record.AllToAll]))
	}
	r.Wrong = new(int64(0))
	r.Host = record.HostInfo{CPU: new("Example CPU 9000"), Cores: new(2), MemoryBytes: new(int64(24 << 30)),
		OS: new("linux"), Arch: new("amd64"), Kernel: new("6.1.0"), Go: new("go1.26.0")}
	return r
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func usual() []record.Record {
	r := run(record.Dispatch, record.TwoHop)
	r.Exec.ISA, r.Exec.Pinned, r.Exec.MemoryNodes, r.Exec.HugeBytes = new("avx512"), new(true), new(2), new(int64(2<<30))
	r.Limit = &record.Limit{Kind: record.LimitCopy, GBps: 104.2, SamplesGBps: []float64{103.5, 104.2, 105}, BlockBytes: new(int64(7392)), Workers: new(2), Stores: new("streaming")}
	r.Efficiency = new(1.1447)
	r.Notes = []string{"over the scale-out wire went 2.7 of 7.3 copies a token: 632 MB instead of 1,280 MB for alltoall"}
	return []record.Record{r, run(record.Dispatch, record.AllToAll)}
}

var meaning = []string{"Two-hop finished dispatch 1.6 times as fast as the flat alltoall on this host."}

// cases are what every format is shown.
func cases() map[string][]record.Record {
	wrong := run(record.Dispatch, record.TwoHop)
	wrong.Wrong = new(int64(12_345))

	interrupted := run(record.Dispatch, record.TwoHop)
	interrupted.Interrupted, interrupted.Warnings, interrupted.Baseline = true, nil, nil
	must(interrupted.SetSamples(times[record.TwoHop][:3]))

	path := run(record.Dispatch, record.TwoHop)
	path.Workload.Routing = "träce/経路 50%/\"a,b\"\n\x1b[31m.csv"
	path.Workload.Preset, path.Workload.TopKGroups, path.Workload.Seed = new("deepseek-v3"), new(4), nil
	path.Workload.Masked, path.Workload.Ragged, path.Workload.EmptyRanks, path.Workload.Bias = new(0.1), new(true), new(2), new(1)
	path.Exec.CachedHandle, path.Exec.ExpandAlignment = new(true), new(128)

	huge := run(record.Dispatch, record.TwoHop)
	huge.Cluster = record.Cluster{Nodes: 8192, GPUsPerNode: 8, Ranks: 65536}
	huge.Workload.Seed = new(uint64(math.MaxUint64))
	huge.Traffic.CopiedBytes = new(int64(math.MaxInt64))
	huge.Wrong = new(int64(math.MaxInt64))
	huge.Warnings, huge.Baseline = nil, nil
	must(huge.SetSamples([]float64{1.5e9, 1e300}))
	tiny := huge
	tiny.Wrong, tiny.Warnings = new(int64(1)), nil
	must(tiny.SetSamples([]float64{0.0312, math.SmallestNonzeroFloat64}))
	tiny.Bandwidth = record.Bandwidth{ScaleOutLogical: new(1.5e-9), ScaleOutWire: new(0.0), ScaleUpLogical: new(1e12), ScaleUpWire: new(math.MaxFloat64 / 1e10)}

	var sweep []record.Record
	for _, channels := range []int{2, 4, 10} {
		r := run(record.Dispatch, record.TwoHop)
		r.Exec.Channels, r.Exec.CachedHandle = new(channels), new(channels == 10)
		sweep = append(sweep, r)
	}
	// differ has in common with the usual record only the operation.
	differ := path
	differ.Workload.Routing, differ.Workload.Tokens, differ.Workload.Hidden = "zipf:1.2", 128, 2048
	differ.Workload.Experts, differ.Workload.TopK, differ.Workload.Dtype = 64, 6, "bf16"
	differ.Cluster = record.Cluster{Nodes: 1, GPUsPerNode: 1, Ranks: 1}
	differ.Transport = record.Transport{ScaleUp: new("mem")}
	differ.Skew = record.Skew{NodesPerToken: new(1.0), HottestExpert: new(12.5)}
	differ.Exec.Channels, differ.Exec.Chunk, differ.Exec.Workers = new(1), new(1), new(1)
	differ.Exec.Warmup, differ.Exec.Iterations = nil, new(1)
	differ.Notes = []string{"one", "two", "one"}
	differ.Interrupted, differ.Baseline = true, &record.Baseline{Algorithm: record.Direct, Ratio: 0.98}
	least1 := least()
	least1.Interrupted, least1.Workload.Ragged = true, nil

	simulated := least()
	simulated.Source, simulated.TimeUS.P50 = record.Simulated, new(812.5)

	network := run(record.Dispatch, record.TwoHop)
	network.Exec.Processes, network.Exec.Workers = new(4), new(1)
	network.Transport.ScaleOut = new("tcp")
	network.Transport.Network = &record.Network{Interface: new("eth0"), Streams: new(4), Congestion: new("cubic"), NoDelay: new(true),
		SendBuffer: new(2626560), ReceiveBuffer: new(131072), Sockets: new(25)}
	network.Limit = &record.Limit{Kind: record.LimitLoopback, GBps: 8.7, SamplesGBps: []float64{8.5, 8.7, 8.8}, Connections: new(2)}
	network.Efficiency = new(0.87)
	coalescing := network
	coalescing.Transport.Network = &record.Network{Interface: new("eth0"), Streams: new(4), Congestion: new("cubic"), NoDelay: new(false)}
	local := run(record.Dispatch, record.AllToAll)
	local.Exec.Processes = new(1)

	watched := network
	watched.Verdicts = []record.Verdict{
		{Name: "nic-bytes", State: record.Bad, Why: "eth0 counted 9.60 GB, the ledger has 7.60 GB (7.90 GB with signals and headers)"},
		{Name: "links", State: record.Good, Why: "all are up"}, {Name: "clocks", State: record.Bad, Why: "GPU 3 was held down for 1.5 s by power cap"},
		{Name: "governor", State: record.None, Why: "no governor"},
	}
	watched.Counted = &record.Counted{Interface: "eth0", Iterations: 12, Bytes: 9_600_000_000, LedgerBytes: 7_600_000_000, Ratio: new(9.6 / 7.6), MostBytes: 7_900_000_000}
	watched.Sampling = &record.Sampling{IntervalMS: 100, Seconds: 12.3, Looks: 124, Late: 2, CPUShare: new(0.0034), CPUBusy: new(0.914), CPUSteal: new(0.003),
		PowerW: new(4512.6), SMMHz: new(1932.4), ThrottledS: new(1.5), ThrottledBy: []string{"power cap"},
		AtMS: []float64{0, 100}, Series: []record.Series{{Source: "gpu0", Figure: "power", Unit: "W", Values: record.Values{565.2, math.NaN()}}}}
	beside := watched
	beside.Algorithm, beside.Baseline, beside.Counted = record.AllToAll, nil, nil
	beside.Verdicts = watched.Verdicts[2:3]
	other := watched
	other.Sampling = &record.Sampling{IntervalMS: 100, Looks: 60, CPUBusy: new(0.5)}

	return map[string][]record.Record{
		"watched":     {watched, beside},
		"watched-by":  {watched, other, network},
		"network":     {network},
		"networks":    {network, local},
		"coalescing":  {coalescing},
		"usual":       usual(),
		"none":        nil,
		"combine":     {run(record.Combine, record.TwoHop), run(record.Combine, record.AllToAll)},
		"least":       {least()},
		"roundtrip":   {run(record.Dispatch, record.TwoHop), run(record.Combine, record.TwoHop), run(record.Roundtrip, record.TwoHop)},
		"wrong":       {wrong, run(record.Dispatch, record.AllToAll)},
		"interrupted": {interrupted},
		"path":        {path},
		"extremes":    {huge, tiny},
		"sweep":       sweep,
		"differ":      {run(record.Dispatch, record.TwoHop), differ, least1},
		"sources":     {run(record.Dispatch, record.TwoHop), simulated, run(record.Dispatch, record.AllToAll)},
	}
}
