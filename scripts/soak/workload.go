//go:build linux

package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/transport/tcp"
)

// dice draw for one trial.
type dice struct{ *rand.Rand }

func newDice(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 0x50a4))} }

// from draws a number from lo to hi, both included.
func (d dice) from(lo, hi int) int { return lo + d.IntN(hi-lo+1) }

// spread draws a number from 1 to hi, each order of magnitude alike.
func (d dice) spread(hi float64) float64 { return math.Pow(hi, d.Float64()) }

func (d dice) chance(p float64) bool { return d.Float64() < p }

func pick[T any](d dice, of ...T) T { return of[d.IntN(len(of))] }

// workload is a benchmark, and what it runs over.
type workload struct {
	bench.Config
	up, out string // drivers, by name
	network tcp.Config
	procs   int
}

// workload draws one that is not refused.
func (d dice) workload() workload {
	var w workload
	w.Op = pick(d, record.Dispatch, record.Combine, record.Roundtrip)
	w.Algorithm = pick(d, plan.Algorithms...)
	if w.Baseline = pick(d, plan.Algorithms...); w.Baseline == w.Algorithm {
		w.Baseline = ""
	}
	w.Nodes, w.GPUsPerNode = d.from(1, 4), d.from(1, 4)
	ranks := w.Nodes * w.GPUsPerNode
	w.Experts = ranks * d.from(1, 6)
	w.TopKGroups = d.from(0, w.Nodes)
	within := w.Experts // experts that a token may choose from
	if w.TopKGroups > 0 {
		within = w.Experts / w.Nodes * w.TopKGroups
	}
	w.TopK = d.from(1, min(8, within))
	w.Tokens = pick(d, 0, 1, d.from(2, 20), d.from(2, 60), d.from(2, 200))
	w.Hidden = pick(d, 1, 2*d.from(1, 150)+1, d.from(2, 300), 128*d.from(1, 8))
	w.DType = pick(d, plan.FP8, plan.BF16)
	w.Seed = d.Uint64()
	w.Routing = pick(d, "", "uniform", "grouped", "zipf:1.1", "lognormal:1", "balanced")
	w.Masked = pick(d, 0, 0, 0.3, 1)
	w.Ragged = d.chance(0.3)
	if d.chance(0.2) {
		w.EmptyRanks = d.from(1, ranks)
	}
	w.Channels, w.Chunk, w.Workers = d.from(1, 12), d.from(1, 9), d.from(1, 4)
	w.Warmup, w.Iterations = d.from(0, 2), d.from(1, 4)
	w.Check = bench.CheckAll
	w.Timeout = 30 * time.Second // a busy machine is no failure
	switch w.Op {
	case record.Dispatch:
		w.Expand, w.Alignment = d.chance(0.3), d.from(1, 16)
	default:
		w.Bias = d.from(0, 2)
	}
	w.Cached = w.Op != record.Combine && d.chance(0.3)
	w.Pin = d.chance(0.1)
	d.places(&w)
	return w
}

// places draws processes, and transports that reach them.
func (d dice) places(w *workload) {
	ranks := w.Nodes * w.GPUsPerNode
	w.procs = 1
	if ranks > 1 && d.chance(0.75) {
		for w.procs = d.from(2, ranks); ranks%w.procs != 0; w.procs = d.from(2, ranks) {
		}
	}
	anywhere, here := []string{"shm", "tcp"}, []string{"mem", "shm", "tcp"}
	w.up, w.out = pick(d, here...), pick(d, here...)
	if w.procs > 1 {
		w.out = pick(d, anywhere...)
	}
	if ranks/w.procs%w.GPUsPerNode != 0 { // a node's ranks are in several
		w.up = pick(d, anywhere...)
	}
	w.network.Streams = d.from(1, 6)
	w.network.Buffer = pick(d, 0, 0, 16<<10, 64<<10, 1<<20) // with less than a packet the kernel waits for timers
	w.network.Congestion = pick(d, "", "reno")              // which every system has
	w.network.Coalesce = d.chance(0.05)
}

// flags are the workload's on the command line, without those of processes.
func (w *workload) flags() []string {
	baseline, groups := string(w.Baseline), strconv.Itoa(w.TopKGroups)
	if baseline == "" {
		baseline = "none"
	}
	f := []string{w.Op, "--algorithm", string(w.Algorithm), "--baseline", baseline, "--topk-groups", groups, "--dtype", w.DType.String(),
		"--seed", strconv.FormatUint(w.Seed, 10), "--check", string(w.Check), "--timeout", w.Timeout.String(),
		"--scale-up", w.up, "--scale-out", w.out}
	for _, n := range []struct {
		name  string
		value int
		given bool
	}{
		{"nodes", w.Nodes, true}, {"gpus-per-node", w.GPUsPerNode, true}, {"experts", w.Experts, true}, {"topk", w.TopK, true},
		{"tokens", w.Tokens, true}, {"hidden", w.Hidden, true}, {"channels", w.Channels, true}, {"chunk", w.Chunk, true},
		{"workers", w.Workers, true}, {"warmup", w.Warmup, true}, {"iters", w.Iterations, true},
		{"empty-ranks", w.EmptyRanks, w.EmptyRanks > 0}, {"bias", w.Bias, w.Bias > 0}, {"expert-alignment", w.Alignment, w.Alignment > 1},
		{"tcp-streams", w.network.Streams, w.network.Streams > 0}, {"tcp-buffer", w.network.Buffer, w.network.Buffer > 0},
	} {
		if n.given {
			f = append(f, "--"+n.name, strconv.Itoa(n.value))
		}
	}
	for _, s := range []struct{ name, value string }{{"routing", w.Routing}, {"tcp-congestion", w.network.Congestion}} {
		if s.value != "" {
			f = append(f, "--"+s.name, s.value)
		}
	}
	if w.Masked > 0 {
		f = append(f, "--masked", strconv.FormatFloat(w.Masked, 'g', -1, 64))
	}
	for _, b := range []struct {
		name  string
		given bool
	}{{"ragged", w.Ragged}, {"expand", w.Expand}, {"cached", w.Cached}, {"pin", w.Pin}, {"tcp-coalesce", w.network.Coalesce}} {
		if b.given {
			f = append(f, "--"+b.name)
		}
	}
	return slices.Clip(f)
}
