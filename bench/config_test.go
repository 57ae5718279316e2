package bench_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/transport/driver"
)

// Every field that cannot be run is an *InputError that says what was wrong.
func TestBadInput(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*bench.Config)
		want   string
	}{
		"no operation":            {func(c *bench.Config) { c.Op = "" }, `operation ""`},
		"unknown operation":       {func(c *bench.Config) { c.Op = "scatter" }, `operation "scatter"`},
		"unknown algorithm":       {func(c *bench.Config) { c.Algorithm = "ring" }, `algorithm "ring"`},
		"unknown baseline":        {func(c *bench.Config) { c.Baseline = "ring" }, `baseline "ring"`},
		"no node":                 {func(c *bench.Config) { c.Nodes = 0 }, "0 nodes"},
		"negative nodes":          {func(c *bench.Config) { c.Nodes = -1 }, "-1 nodes"},
		"no GPU":                  {func(c *bench.Config) { c.GPUsPerNode = 0 }, "0 GPUs"},
		"too many ranks":          {func(c *bench.Config) { c.Nodes, c.GPUsPerNode = 1<<16, 2 }, "more than"},
		"no experts":              {func(c *bench.Config) { c.Experts = 0 }, "0 experts"},
		"experts do not divide":   {func(c *bench.Config) { c.Experts = 9 }, "8 or 12 would do"},
		"no choice":               {func(c *bench.Config) { c.TopK = 0 }, "topk 0"},
		"too many choices":        {func(c *bench.Config) { c.TopK = 2000 }, "topk 2000"},
		"more choices than":       {func(c *bench.Config) { c.TopK = 9 }, "top-9 of 8 experts"},
		"negative groups":         {func(c *bench.Config) { c.TopKGroups = -1 }, "-1 groups"},
		"groups too small":        {func(c *bench.Config) { c.TopKGroups, c.TopK, c.Routing = 1, 5, "grouped" }, "top-5"},
		"negative tokens":         {func(c *bench.Config) { c.Tokens = -2 }, "tokens -2"},
		"too many tokens":         {func(c *bench.Config) { c.Tokens = 1 << 40 }, "tokens 1099511627776"},
		"no hidden":               {func(c *bench.Config) { c.Hidden = 0 }, "hidden 0"},
		"huge hidden":             {func(c *bench.Config) { c.Hidden = 1 << 40 }, "hidden 1099511627776"},
		"masked below 0":          {func(c *bench.Config) { c.Masked = -0.1 }, "masked -0.1"},
		"masked above 1":          {func(c *bench.Config) { c.Masked = 1.1 }, "masked 1.1"},
		"masked not a number":     {func(c *bench.Config) { c.Masked = math.NaN() }, "masked NaN"},
		"negative empty ranks":    {func(c *bench.Config) { c.EmptyRanks = -1 }, "-1 empty ranks"},
		"more empty ranks":        {func(c *bench.Config) { c.EmptyRanks = 5 }, "5 empty ranks of 4"},
		"unknown routing":         {func(c *bench.Config) { c.Routing = "nearest" }, `"nearest"`},
		"routing out of range":    {func(c *bench.Config) { c.Routing = "zipf:-1" }, `"zipf:-1"`},
		"trace that is not":       {func(c *bench.Config) { c.Routing = "trace:/no/such/file" }, "/no/such/file"},
		"negative bias":           {func(c *bench.Config) { c.Bias = -1 }, "bias -1"},
		"three biases":            {func(c *bench.Config) { c.Bias = 3 }, "bias 3"},
		"expand without dispatch": {func(c *bench.Config) { c.Op, c.Expand = record.Combine, true }, "expanded"},
		"expand and combine":      {func(c *bench.Config) { c.Op, c.Expand = record.Roundtrip, true }, "expanded"},
		"negative alignment":      {func(c *bench.Config) { c.Alignment = -1 }, "alignment -1"},
		"huge alignment":          {func(c *bench.Config) { c.Alignment = 1 << 20 }, "alignment 1048576"},
		"negative channels":       {func(c *bench.Config) { c.Channels = -1 }, "channels -1"},
		"too many channels":       {func(c *bench.Config) { c.Channels = 5000 }, "channels 5000"},
		"negative chunk":          {func(c *bench.Config) { c.Chunk = -1 }, "chunk -1"},
		"huge chunk":              {func(c *bench.Config) { c.Chunk = 1 << 20 }, "chunk 1048576"},
		"negative workers":        {func(c *bench.Config) { c.Workers = -1 }, "workers -1"},
		"too many workers":        {func(c *bench.Config) { c.Workers = 5000 }, "workers 5000"},
		"negative warm-up":        {func(c *bench.Config) { c.Warmup = -1 }, "warmup -1"},
		"no iteration":            {func(c *bench.Config) { c.Iterations = 0 }, "iters 0"},
		"negative iterations":     {func(c *bench.Config) { c.Iterations = -1 }, "iters -1"},
		"too many iterations":     {func(c *bench.Config) { c.Iterations = 1 << 30 }, "iters 1073741824"},
		"negative timeout":        {func(c *bench.Config) { c.Timeout = -time.Second }, "timeout -1s"},
		"unknown check":           {func(c *bench.Config) { c.Check = "some" }, `check "some"`},
		"no scale-up":             {func(c *bench.Config) { c.ScaleUp = nil }, "no transport"},
		"no scale-out":            {func(c *bench.Config) { c.ScaleOut = nil }, "no transport"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(record.Dispatch, plan.AlgTwoHop)
			c.change(&cfg)
			result, err := bench.Run(ctx, cfg)
			input := (*bench.InputError)(nil)
			if !errors.As(err, &input) {
				t.Fatalf("%v, want an *InputError", err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q does not say %q", err, c.want)
			}
			if len(result.Records) != 0 {
				t.Errorf("%d records of nothing", len(result.Records))
			}
		})
	}
}

// allocated is the bytes that f takes from the heap.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// What does not fit into memory is refused before anything large is made, with
// the two sizes that do not go together.
func TestMemoryRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*bench.Config)
		want   []string
	}{
		"tokens alone do not fit": {func(c *bench.Config) { c.Tokens, c.Hidden, c.Memory = 100_000, 7168, 1<<30 },
			[]string{"4 ranks x 100000 tokens", " GB of memory", "1.07 GB that may be used", "--tokens"}},
		"received rows do not fit": {func(c *bench.Config) {
			c.GPUsPerNode, c.Experts, c.TopK, c.Tokens, c.Hidden, c.Memory = 8, 32, 8, 100, 7168, 30e6
		}, []string{"this workload needs", " MB of memory", "30.0 MB that may be used", "--tokens"}},
		"outputs do not fit": {func(c *bench.Config) { c.Op, c.Tokens, c.Hidden, c.Memory = record.Combine, 500, 7168, 20e6 },
			[]string{"this workload needs", "20.0 MB that may be used"}},
		"a mistyped number of tokens": {func(c *bench.Config) { c.Tokens = 1 << 28 },
			[]string{"268435456 tokens", "1.07 GB that may be used"}},
		"connections do not fit": {func(c *bench.Config) {
			c.Nodes, c.GPUsPerNode, c.Experts, c.Algorithm, c.Tokens = 512, 8, 4096, plan.AlgDirect, 1
		},
			[]string{"4096 ranks", "1.07 GB that may be used"}},
		"more than 64 bits can count": {func(c *bench.Config) {
			c.Nodes, c.GPUsPerNode, c.Experts, c.Hidden, c.Tokens, c.DType = 8192, 8, 65536, 1<<20, 1<<28, plan.BF16
		}, []string{"65536 ranks"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(record.Dispatch, plan.AlgTwoHop)
			c.change(&cfg)
			var err error
			if n := allocated(func() { _, err = bench.Run(ctx, cfg) }); n > 64<<20 {
				t.Errorf("%d bytes were allocated before it was refused", n)
			}
			input := (*bench.InputError)(nil)
			if !errors.As(err, &input) {
				t.Fatalf("%v, want an *InputError", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

// A driver that fails is no fault of the input.
func TestDriverThatFails(t *testing.T) {
	for name, d := range map[string]driver.Driver{"no memory": broken{newTamper(0, nil), "alloc"}, "no endpoint": broken{newTamper(0, nil), "listen"}} {
		t.Run(name, func(t *testing.T) {
			result, err := bench.Run(ctx, over(config(record.Roundtrip, plan.AlgTwoHop), d))
			if input := (*bench.InputError)(nil); !errors.Is(err, errBroken) || errors.As(err, &input) {
				t.Errorf("%v, want %v", err, errBroken)
			}
			if len(result.Records) != 0 {
				t.Errorf("%d records", len(result.Records))
			}
		})
	}
}

var errBroken = errors.New("the card is not plugged in")

type broken struct {
	driver.Driver
	how string
}

func (b broken) Alloc(size int) (driver.Memory, error) {
	if b.how == "alloc" {
		return nil, errBroken
	}
	return b.Driver.Alloc(size)
}

func (b broken) Listen(driver.Place, driver.Options) (driver.Endpoint, error) {
	return nil, errBroken
}

// An interrupt ends the run, with what was measured until then.
func TestInterrupted(t *testing.T) {
	for _, test := range []struct {
		op       string
		baseline plan.Algorithm
		stage    string // which is interrupted
		done     int    // when it begins for the so-manieth time
		want     map[string]int
	}{
		// A warm-up and two more were finished when the fourth began.
		{record.Dispatch, "", "two-hop dispatch", 4, map[string]int{"dispatch two-hop": 2}},
		// Sides take turns: two-hop's third and direct's third.
		{record.Dispatch, plan.AlgDirect, "direct dispatch", 3, map[string]int{"dispatch two-hop": 2, "dispatch direct": 1}},
		{record.Combine, "", "two-hop combine", 3, map[string]int{"combine two-hop": 1}},
		{record.Roundtrip, "", "two-hop combine", 3, map[string]int{"dispatch two-hop": 3, "combine two-hop": 1, "roundtrip two-hop": 1}},
		// Nothing was measured yet.
		{record.Dispatch, "", "two-hop dispatch", 2, nil},
		{record.Combine, "", "two-hop: expert outputs", 1, nil},
	} {
		t.Run(fmt.Sprintf("%s/%s/%d", test.op, test.stage, test.done), func(t *testing.T) {
			c := config(test.op, plan.AlgTwoHop)
			c.Baseline = test.baseline
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			seen := 0
			c.Progress = func(p bench.Progress) {
				if p.Stage == test.stage {
					if seen++; seen == test.done {
						cancel()
					}
				}
			}
			result, err := bench.Run(ctx, c)
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("%v, want %v", err, context.Canceled)
			}
			got := map[string]int{}
			for i := range result.Records {
				rec := &result.Records[i]
				if err := rec.Validate(); err != nil {
					t.Error(err)
				}
				if !rec.Interrupted || *rec.Exec.Iterations != 3 {
					t.Errorf("%s by %s: interrupted is %v of %d iterations", rec.Op, rec.Algorithm, rec.Interrupted, *rec.Exec.Iterations)
				}
				got[rec.Op+" "+rec.Algorithm] = len(rec.SamplesUS)
			}
			if len(got) != len(test.want) || fmt.Sprint(got) != fmt.Sprint(test.want) && len(got) > 0 {
				t.Errorf("samples %v, want %v", got, test.want)
			}
		})
	}
}

// Progress goes up to its end and does not run past it.
func TestProgress(t *testing.T) {
	for _, op := range ops {
		c := config(op, plan.AlgTwoHop)
		c.Baseline = plan.AlgDirect
		last, stages := bench.Progress{}, map[string]bool{}
		c.Progress = func(p bench.Progress) {
			if p.All > 0 && (p.Done < last.Done || p.Done > p.All) {
				t.Errorf("%s: %+v after %+v", op, p, last)
			}
			if p.All > 0 {
				last = p
			}
			stages[p.Stage] = true
		}
		run(t, c)
		if last.Done != last.All || last.All == 0 {
			t.Errorf("%s: it ends at %+v", op, last)
		}
		for _, want := range []string{"making the workload", "setting up 2 nodes x 2 GPUs = 4 ranks", "filling buffers"} {
			if !stages[want] {
				t.Errorf("%s: no stage %q among %v", op, want, stages)
			}
		}
	}
}

// A trace rules experts and top-k, and how many tokens there are unless they are
// given.
func TestTraceRules(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"num_experts": 12}` + "\n")
	for i := range 10 {
		fmt.Fprintf(&b, `{"experts": [%d, %d], "weights": [0.75, 0.25]}`+"\n", i, i+2)
	}
	file := filepath.Join(t.TempDir(), "choices.jsonl")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ tokens, want int }{{-1, 3}, {5, 5}, {0, 0}} { // 10 tokens over 4 ranks
		c := config(record.Dispatch, plan.AlgTwoHop)
		c.Routing, c.Experts, c.TopK, c.TopKGroups, c.Tokens = "trace:"+file, 64, 8, 1, test.tokens
		result := run(t, c)
		rec := result.Records[0]
		w := rec.Workload
		if w.Experts != 12 || w.TopK != 2 || w.Tokens != test.want || w.TopKGroups != nil || w.Routing != c.Routing {
			t.Errorf("%d tokens: the workload is %+v", test.tokens, w)
		}
		if want := int64(4 * test.want * 2); test.want > 0 && *rec.Traffic.ScaleUpLogical > want {
			t.Errorf("%d tokens: %d rows, at most %d chosen", test.tokens, *rec.Traffic.ScaleUpLogical, want)
		}
		if *rec.Wrong != 0 {
			t.Errorf("%d wrong", *rec.Wrong)
		}
		if notes := strings.Join(rec.Notes, "\n"); !strings.Contains(notes, "trace choices.jsonl: 12 experts (as the file states) and top-2 rule over the flags") ||
			!strings.Contains(notes, "the group limit does not apply") {
			t.Errorf("notes %q", notes)
		}
	}
	c := config(record.Dispatch, plan.AlgTwoHop)
	c.Routing, c.GPUsPerNode = "trace:"+file, 4 // 12 experts over 8 ranks
	if _, err := bench.Run(ctx, c); err == nil || !strings.Contains(err.Error(), "12 experts") {
		t.Errorf("%v, want an error about the trace's 12 experts", err)
	}
}

func TestDefaultTokens(t *testing.T) {
	c := config(record.Dispatch, plan.AlgTwoHop)
	c.Tokens, c.Hidden, c.Check = -1, 1, bench.CheckLast
	if got := run(t, c).Records[0].Workload.Tokens; got != bench.DefaultTokens {
		t.Errorf("%d tokens, want %d", got, bench.DefaultTokens)
	}
}
