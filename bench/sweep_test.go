package bench_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/record"
)

// Each number of workers has its record, with a sample and a sample of the limit
// for each round.
func TestSweep(t *testing.T) {
	for _, op := range []string{record.Dispatch, record.Combine} {
		for _, alg := range plan.Algorithms {
			for _, warmup := range []int{0, 1} {
				c := config(op, alg)
				c.Warmup, c.Bias, c.Check = warmup, 1, bench.CheckLast
				c.Baseline, c.Workers = plan.AlgDirect, 99 // which are not looked at
				last := bench.Progress{}
				c.Progress = func(p bench.Progress) { last = p }
				result, err := bench.Sweep(ctx, c, bench.SweepOptions{Workers: []int{4, 1, 3, 1}})
				if err != nil {
					t.Fatalf("%s by %s: %v", op, alg, err)
				}
				if want := warmup + 3*3; last.Done != want || last.All != want {
					t.Errorf("%s by %s: progress ends at %d of %d, want %d", op, alg, last.Done, last.All, want)
				}
				if len(result.Records) != 3 || len(result.GBps) != 3 || result.Knee < 0 || result.Knee > 2 || len(result.Meaning) != 3 {
					t.Fatalf("%s by %s: %+v", op, alg, result)
				}
				for i, n := range []int{1, 3, 4} {
					r := &result.Records[i]
					if err := r.Validate(); err != nil {
						t.Error(err)
					}
					if r.Op != op || r.Algorithm != string(alg) || *r.Exec.Workers != n || r.Baseline != nil || r.Interrupted {
						t.Errorf("record %d is %+v, want of %d workers", i, r, n)
					}
					if len(r.SamplesUS) != 3 || len(r.Limit.SamplesGBps) != 3 || *r.Limit.Workers != n || *r.Exec.Warmup != warmup {
						t.Errorf("%d workers: samples %v, limit %+v", n, r.SamplesUS, r.Limit)
					}
					if r.Wrong == nil || *r.Wrong != 0 {
						t.Errorf("%d workers: wrong is %v", n, r.Wrong)
					}
					if got, want := *result.GBps[i], *r.Efficiency*r.Limit.GBps; got < 0.999*want || got > 1.001*want {
						t.Errorf("%d workers: %v GB/s, the efficiency says %v", n, got, want)
					}
					if *r.Elapsed.Timed != *result.Records[0].Elapsed.Timed || *r.Elapsed.Timed > *r.Elapsed.Total {
						t.Errorf("%d workers: elapsed %+v, which is of the whole run", n, r.Elapsed)
					}
				}
			}
		}
	}
}

func TestSweepOfOneNumber(t *testing.T) {
	c := config(record.Dispatch, plan.AlgTwoHop)
	c.Check = bench.CheckNone
	result, err := bench.Sweep(ctx, c, bench.SweepOptions{Workers: []int{2}})
	if err != nil || len(result.Records) != 1 || result.Knee != 0 || result.Records[0].Wrong != nil {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestSweepGoesBeyondTheCores(t *testing.T) {
	c := config(record.Dispatch, plan.AlgDirect)
	c.Check = bench.CheckLast
	result, err := bench.Sweep(ctx, c, bench.SweepOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cores := runtime.GOMAXPROCS(0)
	var counts []int
	for _, r := range result.Records {
		counts = append(counts, *r.Exec.Workers)
	}
	if counts[0] != 1 || counts[len(counts)-1] != 2*cores || !slices.Contains(counts, cores) || !slices.IsSorted(counts) {
		t.Errorf("%v workers on %d cores", counts, cores)
	}
}

func TestSweepOfNothing(t *testing.T) {
	c := config(record.Dispatch, plan.AlgTwoHop)
	c.Tokens, c.Check = 0, bench.CheckLast
	result, err := bench.Sweep(ctx, c, bench.SweepOptions{Workers: []int{1, 2}})
	if err != nil || len(result.Records) != 2 || result.Knee != -1 || fmt.Sprint(result.Meaning) != "[dispatch: no token goes anywhere]" {
		t.Errorf("%+v, %v", result, err)
	}
}

// An interrupt keeps the samples that were taken.
func TestSweepInterrupted(t *testing.T) {
	for _, test := range []struct {
		op    string
		stage string
		at    int    // step that is interrupted as it begins, from 1
		want  string // samples of 1, 2 and 4 workers
		knee  bool
	}{
		{record.Dispatch, "two-hop dispatch", 1, "[]", false}, // the warm-up
		{record.Dispatch, "two-hop dispatch", 4, "[1 1]", false},
		{record.Dispatch, "two-hop dispatch", 6, "[2 1 1]", true},
		{record.Combine, "two-hop: expert outputs", 0, "[]", false},
		{record.Combine, "two-hop combine", 7, "[2 2 1]", true},
	} {
		t.Run(fmt.Sprintf("%s/%d", test.op, test.at), func(t *testing.T) {
			c := config(test.op, plan.AlgTwoHop)
			c.Check = bench.CheckLast
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			c.Progress = func(p bench.Progress) {
				if p.Stage == test.stage && p.Done == test.at {
					cancel()
				}
			}
			result, err := bench.Sweep(ctx, c, bench.SweepOptions{Workers: []int{1, 2, 4}})
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			samples := []int{}
			for _, r := range result.Records {
				if err := r.Validate(); err != nil {
					t.Error(err)
				}
				if !r.Interrupted || r.Wrong != nil {
					t.Errorf("%d workers: interrupted %v, wrong %v", *r.Exec.Workers, r.Interrupted, r.Wrong)
				}
				samples = append(samples, len(r.SamplesUS))
			}
			if got := fmt.Sprint(samples); got != test.want || (result.Knee >= 0) != test.knee {
				t.Errorf("samples %s, want %s; the knee is %d", got, test.want, result.Knee)
			}
		})
	}
}

func TestSweepFindsWrongData(t *testing.T) {
	c := config(record.Dispatch, plan.AlgDirect)
	c.Check, c.Warmup, c.Iterations = bench.CheckLast, 0, 1
	var second, done atomic.Bool
	c = over(c, newTamper(200, func(_ int64, p put) []byte {
		if !second.Load() || done.Swap(true) {
			return p.src
		}
		changed := slices.Clone(p.src) // a row of the second dispatch, that of 2 workers
		changed[0] ^= 1
		return changed
	}))
	c.Progress = func(p bench.Progress) { second.Store(p.Done == 2) }
	result, err := bench.Sweep(ctx, c, bench.SweepOptions{Workers: []int{1, 2}})
	if !errors.Is(err, bench.ErrWrong) || len(result.Records) != 2 || *result.Records[0].Wrong != 0 || *result.Records[1].Wrong != 1 {
		t.Errorf("%v: %+v", err, result.Records)
	}
}

func TestImpossibleSweeps(t *testing.T) {
	many := make([]int, 65)
	for i := range many {
		many[i] = i + 1
	}
	for _, test := range []struct {
		name   string
		change func(*bench.Config)
		o      bench.SweepOptions
		want   string
	}{
		{"zero", nil, bench.SweepOptions{Workers: []int{2, 0}}, "workers 0: want numbers from 1"},
		{"negative", nil, bench.SweepOptions{Workers: []int{-3}}, "workers -3"},
		{"huge", nil, bench.SweepOptions{Workers: []int{1, 1 << 30}}, "to 4096"},
		{"many", nil, bench.SweepOptions{Workers: many}, "65 numbers of workers: want at most 64"},
		{"negative most", nil, bench.SweepOptions{Max: -1}, "at most -1 workers"},
		{"huge most", nil, bench.SweepOptions{Max: 5000}, "to 4096"},
		{"both", nil, bench.SweepOptions{Workers: []int{1}, Max: 2}, "one of the two"},
		{"round trip", func(c *bench.Config) { c.Op = record.Roundtrip }, bench.SweepOptions{}, "dispatch or of combine"},
		{"check all", func(c *bench.Config) { c.Check = bench.CheckAll }, bench.SweepOptions{}, "last or none"},
		{"no rounds", func(c *bench.Config) { c.Iterations = 0 }, bench.SweepOptions{}, "iters 0"},
		{"algorithm", func(c *bench.Config) { c.Algorithm = "three-hop" }, bench.SweepOptions{}, "two-hop"},
	} {
		c := config(record.Dispatch, plan.AlgTwoHop)
		c.Check = bench.CheckLast
		if test.change != nil {
			test.change(&c)
		}
		result, err := bench.Sweep(ctx, c, test.o)
		var input *bench.InputError
		if !errors.As(err, &input) || !strings.Contains(err.Error(), test.want) || len(result.Records) > 0 || result.Knee != -1 {
			t.Errorf("%s: %v, want an input error with %q", test.name, err, test.want)
		}
	}
}
