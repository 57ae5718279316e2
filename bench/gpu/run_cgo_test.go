//go:build cgo && linux

package gpu_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/bench/gpu"
	"github.com/commbench/commbench/nvml/cuda"
	"github.com/commbench/commbench/nvml/cuda/cudatest"
)

func Example() {
	result, err := gpu.Run(context.Background(), gpu.Config{Library: "/nowhere/libcuda.so.1"})
	fmt.Println(err)
	fmt.Println(len(result.GPUs), errors.Is(err, errors.ErrUnsupported))
	// Output:
	// cuda: /nowhere/libcuda.so.1 is not here: no NVIDIA driver
	// 0 true
}

// small is a measurement that takes the tests' driver milliseconds.
func small(t *testing.T, lib, told string) gpu.Config {
	t.Setenv(cudatest.Env, told)
	return gpu.Config{Library: lib, Bytes: 1 << 20, Repeats: 3}
}

func near(got, want float64) bool { return math.Abs(got/want-1) < 0.05 }

// The tests' driver moves 20 GB/s an SM and 200 in all; what a launch and an event take is
// little of it.
func TestRun(t *testing.T) {
	lib := cudatest.Library(t)
	cfg := small(t, lib, "devices=2")
	cfg.Bytes = 4 << 20
	var stages []string
	var ready []*gpu.GPU
	cfg.Ready = func(gpus []*gpu.GPU) {
		if ready = append(ready, gpus...); len(stages) > 0 || gpus[0].PCI == "" {
			t.Errorf("ready after %d figures: %+v", len(stages), gpus[0])
		}
	}
	cfg.Progress = func(stage string, done, all int) {
		if done != len(stages) || all != 2*(4*8+2+4)+2 {
			t.Errorf("%s: %d of %d", stage, done, all)
		}
		stages = append(stages, stage)
	}
	r, err := gpu.Run(context.Background(), cfg)
	if err != nil || r.Interrupted || len(r.Wrong)+len(r.Warnings) > 0 || len(r.GPUs) != 2 || r.CUDA != "12.8" || r.Repeats != 3 {
		t.Fatalf("%+v (%v)", r, err)
	}
	if !slices.Equal(ready, r.GPUs) {
		t.Errorf("ready were %v", ready)
	}
	if len(stages) != 2*(4*8+2+4)+2 || stages[0] != "GPU 0: read on 1 SM" || stages[len(stages)-1] != "GPU 1: copy to GPU 0" {
		t.Errorf("%d stages: %q to %q", len(stages), stages[0], stages[len(stages)-1])
	}
	for i, g := range r.GPUs {
		if g.Number != i || g.SMs != 16 || g.Capability != "9.0" || g.PCI != []string{"0000:1b:00.0", "0000:43:00.0"}[i] || g.Bytes != 4128768 || len(g.Curve) != 8 {
			t.Errorf("%+v", g)
		}
		for _, p := range g.Curve {
			rate := min(20*float64(p.SMs), 200)
			if !near(p.Read.GBps, rate) || !near(p.Write.GBps, rate) || !near(p.Copy.GBps, rate) || !near(p.Reduce.GBps, rate*8/9) {
				t.Errorf("%d SMs: %v %v %v %v", p.SMs, *p.Read, *p.Write, *p.Copy, *p.Reduce)
			}
			if p.Copy.Min > p.Copy.GBps || p.Copy.Max < p.Copy.GBps {
				t.Errorf("%d SMs: %v", p.SMs, *p.Copy)
			}
		}
		if g.KneeSMs == nil || *g.KneeSMs != 12 {
			t.Errorf("knee %v", g.KneeSMs)
		}
		if !near(g.ToDevice.GBps, 25) || !near(g.ToHost.GBps, 20) || !near(g.Launch.US, 0.2) || !near(g.Events.US, 0.05) || g.LaunchWait.US <= 0 || g.EventWait.US <= 0 {
			t.Errorf("%v %v %v %v %v %v", *g.ToDevice, *g.ToHost, *g.Launch, *g.Events, *g.LaunchWait, *g.EventWait)
		}
	}
	for i, p := range r.Peers {
		if p.From != i || p.To != 1-i || !p.Direct || !near(p.GBps, 100) || p.Wrong != 0 {
			t.Errorf("%+v", p)
		}
	}
}

func TestChoice(t *testing.T) {
	lib := cudatest.Library(t)
	for name, test := range map[string]struct {
		told string
		cfg  gpu.Config
		gpus []int
		err  string
		is   error
	}{
		"one of two":       {"devices=2", gpu.Config{Devices: []int{1}}, []int{1}, "", nil},
		"in that order":    {"devices=2 access=0", gpu.Config{Devices: []int{1, 0}}, []int{1, 0}, "", nil},
		"no such GPU":      {"devices=2", gpu.Config{Devices: []int{2}}, nil, "GPUs [2] cannot be measured: want different ones of 0 to 1", gpu.ErrConfig},
		"twice":            {"devices=2", gpu.Config{Devices: []int{1, 1}}, nil, "want different ones", gpu.ErrConfig},
		"too often":        {"", gpu.Config{Repeats: 1001}, nil, "want 1 to 1000", gpu.ErrConfig},
		"never":            {"", gpu.Config{Repeats: -1}, nil, "want 1 to 1000", gpu.ErrConfig},
		"less than 0":      {"", gpu.Config{Bytes: -1}, nil, "-1 bytes cannot be measured", gpu.ErrConfig},
		"more than it has": {"mib=64", gpu.Config{Bytes: 1 << 40}, nil, "GPU 0 (Host that stands in for a GPU): 1.10 TB cannot be measured: they are needed twice", gpu.ErrConfig},
		"too old":          {"devices=2 capability=75", gpu.Config{}, nil, "compute capability 7.5 is too old", errors.ErrUnsupported},
		"too old, one":     {"capability=75", gpu.Config{Devices: []int{0}}, nil, "compute capability 7.5 is too old", errors.ErrUnsupported},
		"no GPU":           {"devices=0", gpu.Config{}, nil, "no NVIDIA GPU", errors.ErrUnsupported},
		"exclusive":        {"devices=2 fail=cuDevicePrimaryCtxRetain:46@2", gpu.Config{}, []int{0}, "", nil},
		"full":             {"devices=2 fail=cuMemAlloc_v2:2@6", gpu.Config{}, []int{0}, "", nil},
		"full from before": {"devices=2 fail=cuDevicePrimaryCtxRetain:2@2", gpu.Config{}, []int{0}, "", nil},
		"that one full":    {"devices=2 fail=cuMemAlloc_v2:2@2", gpu.Config{Devices: []int{1}}, nil, "GPU 1 (Host that stands in for a GPU): 1032192 bytes: cuda: cuMemAlloc_v2", cuda.ErrTaken},
		"that one":         {"devices=2 fail=cuDevicePrimaryCtxRetain:46@1", gpu.Config{Devices: []int{1}}, nil, "GPU 1 (Host that stands in for a GPU): cuda: cuDevicePrimaryCtxRetain", cuda.ErrTaken},
		"too many":         {"devices=2 fail=cuCtxEnablePeerAccess:711@1", gpu.Config{}, []int{0, 1}, "", nil},
		"by default":       {"mib=8", gpu.Config{}, []int{0}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := small(t, lib, test.told)
			cfg.Devices = test.cfg.Devices
			if name != "by default" && test.cfg.Bytes == 0 {
				test.cfg.Bytes = cfg.Bytes
			}
			cfg.Bytes = test.cfg.Bytes
			if test.cfg.Repeats != 0 {
				cfg.Repeats = test.cfg.Repeats
			}
			r, err := gpu.Run(context.Background(), cfg)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) || test.is != nil && !errors.Is(err, test.is) || len(r.GPUs) > 0 {
					t.Errorf("%v, want %q", err, test.err)
				}
				return
			}
			var gpus []int
			for _, g := range r.GPUs {
				gpus = append(gpus, g.Number)
			}
			if diff := cmp.Diff(test.gpus, gpus); err != nil || diff != "" || len(r.Peers) != len(gpus)*(len(gpus)-1) || len(r.Wrong) > 0 {
				t.Errorf("%v, %d pairs, %q: %s", err, len(r.Peers), r.Wrong, diff)
			}
			for _, p := range r.Peers {
				if p.Direct || strings.Contains(test.told, "access=0") && !near(p.GBps, 10) {
					t.Errorf("%+v", p)
				}
			}
		})
	}
}

// One bit that is wrong is found, whatever got it wrong.
func TestWrongBytes(t *testing.T) {
	lib := cudatest.Library(t)
	for flip, want := range map[string][]string{
		"read_words":           {"GPU 0: read on 1 SM: 1 wrong word", "GPU 0: read on 2 SMs: 1 wrong word"},
		"copy_words":           {"GPU 0: copy on 1 SM: 1 wrong word", "GPU 0: copy on 2 SMs: 1 wrong word"},
		"reduce_rows":          {"GPU 0: reduce on 1 SM: 1 wrong word", "GPU 0: reduce on 2 SMs: 1 wrong word"},
		"cuMemcpyHtoDAsync_v2": {"GPU 0: host to device: 1 wrong word", "GPU 1: host to device: 1 wrong word"},
		"cuMemcpyPeerAsync":    {"GPU 0: copy to GPU 1: 1 wrong word", "GPU 1: copy to GPU 0: 1 wrong word"},
	} {
		r, err := gpu.Run(context.Background(), small(t, lib, "devices=2 sms=2 flip="+flip))
		var got []string
		for _, w := range r.Wrong {
			if strings.HasPrefix(w, "GPU 0") || len(r.Wrong) == 2 {
				got = append(got, w)
			}
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", flip, err, diff)
		}
	}
	// What writes the data for all others, and what brings all results back, spoil more.
	for _, flip := range []string{"write_words", "cuMemcpyDtoHAsync_v2", "count_wrong"} {
		r, err := gpu.Run(context.Background(), small(t, lib, "sms=2 flip="+flip))
		if err != nil || len(r.Wrong) < 2 {
			t.Errorf("%s: %q (%v)", flip, r.Wrong, err)
		}
	}
	r, err := gpu.Run(context.Background(), small(t, lib, "sms=1 flip=copy_words"))
	if err != nil || r.GPUs[0].Curve[0].Copy.Wrong != 1 || r.GPUs[0].Curve[0].Read.Wrong != 0 {
		t.Errorf("%+v (%v)", r.GPUs[0].Curve, err)
	}
}

// A rate of n SMs is only that where n SMs worked.
func TestTwoBlocksOnAnSM(t *testing.T) {
	lib := cudatest.Library(t)
	r, err := gpu.Run(context.Background(), small(t, lib, "crowd=1 sms=4"))
	if err != nil || len(r.GPUs[0].Curve) != 1 || r.GPUs[0].Curve[0].SMs != 1 {
		t.Errorf("%+v (%v)", r.GPUs[0].Curve, err)
	}
	if len(r.Warnings) != 3*4 || !strings.HasPrefix(r.Warnings[0], "GPU 0: read on 2 SMs ran on 1, and is left out: something else holds SMs of this GPU") || r.GPUs[0].KneeSMs != nil || r.GPUs[0].Whole() {
		t.Errorf("%q", r.Warnings)
	}
}

// What ends a run leaves what was measured before it.
func TestEnds(t *testing.T) {
	lib := cudatest.Library(t)
	for name, test := range map[string]struct {
		told  string
		stop  int // figures before an interrupt
		is    error
		err   string
		sms   int // of the last point that is there
		whole bool
	}{
		"interrupt at once":   {"", 0, context.Canceled, "read on 1 SM", 0, false},
		"interrupt later":     {"", 10, context.Canceled, "copy on 3 SMs", 3, false},
		"interrupt of peers":  {"devices=2", 2*38 + 1, context.Canceled, "copy to GPU 0", 16, true},
		"a launch that fails": {"fail=cuLaunchKernel:700@84", -1, nil, "GPU 0 (Host that stands in for a GPU): reduce on 2 SMs: reduce_rows in 2 blocks of 1024 threads: cuda: cuLaunchKernel: unknown (700)", 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := small(t, lib, test.told)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			cfg.Progress = func(_ string, done, _ int) {
				if done == test.stop {
					cancel()
				}
			}
			r, err := gpu.Run(ctx, cfg)
			if err == nil || !strings.Contains(err.Error(), test.err) || test.is != nil && !errors.Is(err, test.is) || r.Interrupted != (test.is != nil) {
				t.Errorf("%v, interrupted %v, want %q", err, r.Interrupted, test.err)
			}
			last := 0
			for _, p := range r.GPUs[0].Curve {
				last = p.SMs
			}
			if last != test.sms || (r.GPUs[0].KneeSMs != nil) != test.whole {
				t.Errorf("up to %d SMs, want %d; knee %v", last, test.sms, r.GPUs[0].KneeSMs)
			}
		})
	}
}
