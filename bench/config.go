package bench

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/commbench/commbench/alltoall/exec"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/watch"
	"github.com/commbench/commbench/transport/driver"
)

// Check says which iterations are compared with the reference.
type Check string

// The checks.
const (
	CheckNone Check = "none" // no iteration
	CheckLast Check = "last" // the last one of each algorithm
	CheckAll  Check = "all"  // every one, warm-up included
)

// Config is a benchmark. Where a default is named the zero value stands for it.
type Config struct {
	Op        string         // record.Dispatch, record.Combine or record.Roundtrip
	Algorithm plan.Algorithm // default two-hop
	Baseline  plan.Algorithm // "" is none
	Preset    string         // where the workload came from; recorded only

	Nodes       int
	GPUsPerNode int
	Experts     int
	TopK        int
	TopKGroups  int // nodes that a token may reach; 0 is no limit
	Tokens      int // of each rank; -1: 1024, or all that a trace has
	Hidden      int
	DType       plan.DType // of dispatch; combine is BF16
	Seed        uint64
	Routing     string // see routing.Open; "" is grouped where the group limit binds, else uniform
	Masked      float64
	Ragged      bool
	EmptyRanks  int
	Bias        int  // addends of a combine, 0 to 2
	Expand      bool // dispatch lays received tokens out by expert as well
	Alignment   int  // of an expert's rows in layouts by expert

	ScaleUp, ScaleOut driver.Driver
	// Peers are the other processes that have ranks; nil if this one has all. Each of
	// them calls Run with the same benchmark.
	Peers exec.Peers
	// OnHost is how many processes of the run share this host's cores and memory; 0 is 1.
	OnHost     int
	Channels   int
	Chunk      int
	Workers    int  // of this process; default: its share of the cores that may be used
	Pin        bool // tie workers to cores, and memory to their memory nodes
	Warmup     int
	Iterations int
	Cached     bool // dispatch with the first iteration's handle: no layout, no notify
	Timeout    time.Duration
	Check      Check
	Version    string

	// LimitTime is how long one sample of a limit takes; 0 is 5 ms, less than 0 none.
	LimitTime time.Duration
	// ExchangeBytes bounds the buffers of alltoall; see DefaultExchangeBytes.
	ExchangeBytes int64
	// Memory is what the run may use, in bytes; 0 is what the machine has free.
	Memory int64
	// Watch, if set, looks at this host beside the run, which ends it. One process of each host has one.
	Watch *watch.Watch
	// Progress, if set, is called from the running goroutine as the run goes on.
	Progress func(Progress)
}

// Progress says how far a run has come.
type Progress struct {
	Stage     string // in words: "making the workload", "two-hop dispatch", ...
	Done, All int    // steps; All is 0 while unknown
}

// Values of options that are not given.
const (
	DefaultTokens     = 1024
	DefaultChannels   = 10 // as many as DeepSeek-V3 uses: 20 SMs, two for each channel
	DefaultChunk      = 2  // measured over shm: with 8, as DeepEP has for 32 and 64 ranks, rings leave the cores' caches
	DefaultWarmup     = 1
	DefaultIterations = 8
	DefaultTimeout    = 30 * time.Second
)

// Bounds that turn a mistyped number into an error.
const (
	maxHidden     = 1 << 20
	maxTopK       = 1024
	maxChannels   = 1 << 10
	maxChunk      = 1 << 16
	maxWorkers    = 1 << 12
	maxIterations = 1 << 20
	maxTokens     = 1 << 28
	maxAlignment  = 1 << 16
)

// InputError is a benchmark that cannot be run as it was asked for: the command
// line or an input file is wrong (exit code 2).
type InputError struct{ Err error }

func (e *InputError) Error() string { return e.Err.Error() }
func (e *InputError) Unwrap() error { return e.Err }

func inputf(format string, args ...any) error { return &InputError{fmt.Errorf(format, args...)} }

// ErrWrong: some tokens differ from the reference (exit code 3). The records
// say how many.
var ErrWrong = errors.New("data were wrong")

// defaults returns c with everything filled in that has a default.
func (c Config) defaults() Config {
	or := func(v *int, def int) {
		if *v == 0 {
			*v = def
		}
	}
	or(&c.Channels, DefaultChannels)
	or(&c.Chunk, DefaultChunk)
	or(&c.OnHost, 1)
	or(&c.Workers, max(1, runtime.GOMAXPROCS(0)/c.OnHost))
	or(&c.Alignment, 1)
	if c.Algorithm == "" {
		c.Algorithm = plan.AlgTwoHop
	}
	if c.Peers == nil {
		c.Peers = exec.Alone{}
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.LimitTime == 0 {
		c.LimitTime = defaultLimitTime
	}
	if c.ExchangeBytes == 0 {
		c.ExchangeBytes = DefaultExchangeBytes
	}
	if c.Check == "" {
		c.Check = CheckLast
	}
	if c.Baseline == c.Algorithm {
		c.Baseline = ""
	}
	return c
}

// check says what no workload could make right.
func (c *Config) check() error {
	within := func(name string, v, lo, hi int) error {
		if v < lo || v > hi {
			return inputf("%s %d: want a number from %d to %d", name, v, lo, hi)
		}
		return nil
	}
	for _, err := range []error{
		within("hidden", c.Hidden, 1, maxHidden),
		within("tokens", c.Tokens, 0, maxTokens),
		within("channels", c.Channels, 1, maxChannels),
		within("chunk", c.Chunk, 1, maxChunk),
		within("workers", c.Workers, 1, maxWorkers),
		within("warmup", c.Warmup, 0, maxIterations),
		within("iters", c.Iterations, 1, maxIterations),
		within("bias", c.Bias, 0, 2),
		within("expert alignment", c.Alignment, 1, maxAlignment),
		within("topk", c.TopK, 1, maxTopK),
	} {
		if err != nil {
			return err
		}
	}
	if !slices.Contains(plan.Algorithms, c.Algorithm) {
		return inputf("algorithm %q: want one of %v", c.Algorithm, plan.Algorithms)
	}
	if c.Baseline != "" && !slices.Contains(plan.Algorithms, c.Baseline) {
		return inputf("baseline %q: want one of %v, or none", c.Baseline, plan.Algorithms)
	}
	if !slices.Contains([]Check{CheckNone, CheckLast, CheckAll}, c.Check) {
		return inputf("check %q: want none, last or all", c.Check)
	}
	if !slices.Contains([]string{record.Dispatch, record.Combine, record.Roundtrip}, c.Op) {
		return inputf("operation %q: want dispatch, combine or roundtrip", c.Op)
	}
	if c.Expand && c.Op != record.Dispatch {
		return inputf("an expanded layout is made by dispatch; %s takes the rows as they were received", c.Op)
	}
	if c.Timeout < 0 {
		return inputf("timeout %v: want a positive duration", c.Timeout)
	}
	if c.ScaleUp == nil || c.ScaleOut == nil {
		return inputf("no transport")
	}
	return nil
}

// algorithms are those to run, the baseline last.
func (c *Config) algorithms() []plan.Algorithm {
	if c.Baseline == "" {
		return []plan.Algorithm{c.Algorithm}
	}
	return []plan.Algorithm{c.Algorithm, c.Baseline}
}

func (c *Config) dispatches() bool { return c.Op != record.Combine }
func (c *Config) combines() bool   { return c.Op != record.Dispatch }
