package watch

import (
	"context"
	"encoding/json"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/nvml"
)

// Tests run in bubbles of synctest: seconds pass at once, and all of them are the test's.

func machine(t *testing.T, spec string) *probe.Machine {
	t.Helper()
	m, err := probe.Fake(spec)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// beside looks at a machine beside a run of so long.
func beside(t *testing.T, m *probe.Machine, interval, run time.Duration) Report {
	t.Helper()
	w := Start(m, interval, 3)
	w.Begin(t.Context())
	time.Sleep(run)
	return w.End(judge.Use{Private: true, Share: true})
}

const (
	interval = 100 * time.Millisecond
	long     = 3050 * time.Millisecond // with a last look that is none of the interval's
)

// find is the verdict of a name.
func find(t *testing.T, r *Report, name string) record.Verdict {
	t.Helper()
	i := slices.IndexFunc(r.Verdicts, func(v record.Verdict) bool { return v.Name == name })
	if i < 0 {
		t.Fatalf("no verdict %s among %v", name, r.Verdicts)
	}
	return r.Verdicts[i]
}

// whole checks what holds of all reports: nothing that was seen is lost.
func whole(t *testing.T, r *Report) {
	t.Helper()
	s := r.Sampling
	if r.Page == nil || s == nil {
		t.Fatalf("page %v, sampling %v", r.Page, s)
	}
	if len(r.Verdicts) < 5 || s.Process != 3 || s.IntervalMS != 100 || len(s.AtMS) != s.Looks || s.Late != 0 {
		t.Errorf("%d verdicts, and %d times of %v", len(r.Verdicts), len(s.AtMS), s)
	}
	for _, of := range s.Series {
		if len(of.Values) != len(s.AtMS) {
			t.Errorf("%s %s has %d values at %d times", of.Source, of.Figure, len(of.Values), len(s.AtMS))
		}
		if slices.ContainsFunc(of.Values[2:], math.IsNaN) && s.Missing[of.Source+" "+of.Figure] == "" && of.Source != "host" { // whose ticks are slow
			t.Errorf("%s %s has gaps for no reason: %v", of.Source, of.Figure, of.Values)
		}
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back record.Sampling
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, &back, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("read back (-written +read):\n%s", diff)
	}
}

func TestWithoutInterval(t *testing.T) {
	tests := map[string]struct {
		machine       func(t *testing.T) *probe.Machine
		clocks, state string
	}{
		"counted":   {func(t *testing.T) *probe.Machine { return machine(t, "h100x2") }, "the driver held no GPU down, by its own count", record.Good},
		"throttled": {func(t *testing.T) *probe.Machine { return machine(t, "h100x2,throttle:1") }, "GPU 1 was held down for 3.05 s by power cap", record.Bad},
		"uncounted": {func(*testing.T) *probe.Machine {
			return machineOf(&stub{gpus: []nvml.Device{&stubGPU{readings: readings(func(int, *nvml.Reading) {})}}})
		}, "give --sample", record.Unknown},
		"no GPU": {func(*testing.T) *probe.Machine { return machineOf(nil) }, "no GPU", record.None},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := beside(t, test.machine(t), 0, long)
				if got := find(t, &r, judge.Clocks); r.Sampling != nil || got.State != test.state || !strings.Contains(got.Why, test.clocks) {
					t.Errorf("sampling %v, %v, expected %s: %s", r.Sampling, got, test.state, test.clocks)
				}
			})
		})
	}
}

func TestWithoutGPU(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := beside(t, machineOf(nil), interval, long)
		whole(t, &r)
		for _, name := range []string{judge.Clocks, judge.Faults, judge.Links} {
			if v := find(t, &r, name); v.State != record.None {
				t.Error(v)
			}
		}
		if s := r.Sampling; s.Looks != 32 || s.PowerW != nil || s.EnergyJ != nil || s.ThrottledS != nil || s.NICTxBytes != nil || r.Host.GPUs != nil {
			t.Errorf("sampling %+v, host %+v", s, r.Host)
		}
	})
}

// A run may be over before the machine was looked at once, and is looked at twice all the same.
func TestShortRun(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, ctx := range map[string]context.Context{"in time": t.Context(), "interrupted": ended} {
		t.Run(name, func(t *testing.T) {
			for range 20 { // whoever comes first
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					w := Start(machine(t, "h100x2"), interval, 3)
					w.Begin(ctx)
					r := w.End(judge.Use{})
					if waited := time.Since(start); waited > 0 || r.Sampling == nil || r.Sampling.Looks != 2 {
						t.Fatalf("after %v: %v", waited, r.Sampling)
					}
					if v := find(t, &r, judge.Faults); v.State != record.Good {
						t.Fatal(v)
					}
					w.Stop()
				})
			}
		})
	}
}

// Begin waits for the first look, so that the samples cover the run, but not for long.
func TestBeginWaitsForTheFirstLook(t *testing.T) {
	// A page of the machine takes a reading too, and comes before.
	for look, waits := range map[time.Duration]time.Duration{0: 0, time.Second: 2 * time.Second, 10 * time.Second: patienceBefore, time.Minute: patienceBefore} {
		t.Run(look.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				w := Start(machineOf(&stub{gpus: []nvml.Device{&stubGPU{slow: look}}}), interval, 0)
				w.Begin(t.Context())
				if waited := time.Since(start); waited != waits {
					t.Errorf("waited for %v, expected %v", waited, waits)
				}
				w.Stop()
				<-w.done
			})
		})
	}
}

// Begin does not wait for a machine that hangs if it was interrupted.
func TestBeginIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := machine(t, "h100x2,hang")
		lib, start := m.GPUs, time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w := Start(m, interval, 0)
		w.Begin(ctx)
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("waited for %v", waited)
		}
		w.Stop()
		if err := lib.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Whenever it is stopped, nothing is left: a bubble does not end with goroutines in it.
func TestStop(t *testing.T) {
	for name, do := range map[string]func(*Watch){
		"at once": func(w *Watch) { w.Stop() },
		"twice":   func(w *Watch) { w.Stop(); w.Stop() },
		"before Begin": func(w *Watch) {
			time.Sleep(time.Second)
			w.Stop()
			start := time.Now()
			if w.Begin(context.Background()); time.Since(start) > 0 {
				panic("Begin waited for a look that will not come")
			}
		},
		"meanwhile":   func(w *Watch) { w.Begin(context.Background()); time.Sleep(long); w.Stop() },
		"before End":  func(w *Watch) { w.Begin(context.Background()); w.Stop(); w.End(judge.Use{}) },
		"after End":   func(w *Watch) { w.Begin(context.Background()); w.End(judge.Use{}); w.Stop() },
		"without run": func(w *Watch) { w.End(judge.Use{}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := machine(t, "h100x2")
				lib := m.GPUs
				do(Start(m, interval, 0))
				synctest.Wait()
				if _, err := lib.Events(); err == nil {
					t.Error("NVML was not closed")
				}
			})
		})
	}
	var none *Watch
	none.Stop()
}

// This machine has CPUs, and whatever else it has does no harm. Time is the real one.
func TestThisMachine(t *testing.T) {
	w := Start(probe.Here(), 10*time.Millisecond, 3)
	w.Begin(t.Context())
	time.Sleep(100 * time.Millisecond)
	r := w.End(judge.Use{})
	<-w.done
	if r.Page == nil || r.Sampling == nil || r.Sampling.Looks < 2 || len(r.Sampling.AtMS) != r.Sampling.Looks || r.Sampling.Seconds < 0.1 {
		t.Fatalf("got %+v", r.Sampling)
	}
	if runtime.GOOS == "linux" && (r.Sampling.CPUShare == nil || *r.Sampling.CPUShare < 0) {
		t.Errorf("the cost is %v", r.Sampling.CPUShare)
	}
}

// What a sampled record takes in a file, of a large machine.
func TestSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := beside(t, machine(t, "h100x8"), interval, time.Minute-interval/2)
		text, err := json.Marshal(r.Sampling)
		if err != nil {
			t.Fatal(err)
		}
		each := len(text) / r.Sampling.Looks
		t.Logf("%d looks of 8 GPUs and 8 NICs, %d series: %d bytes in JSON, %d a look", r.Sampling.Looks, len(r.Sampling.Series), len(text), each)
		if r.Sampling.Looks != 601 || each > 2000 {
			t.Errorf("%d looks, of %d bytes each", r.Sampling.Looks, each)
		}
	})
}
