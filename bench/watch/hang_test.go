package watch

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commbench/commbench/bench/host"
	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/record"
)

// A GPU that never answers holds nobody up for long, is named, and hides nothing that was seen before.
func TestHang(t *testing.T) {
	tests := map[string]struct {
		spec   string
		waits  time.Duration // for Begin and End, beside the run
		looks  int           // 0 is that nobody looked beside the run
		faults string
	}{
		"during the run": {"h100x2,hang:1:2", patienceAfter, 20, "no answer for 10s from GPU 1"},
		"at once":        {"h100x2,hang:1", patienceBefore + patienceAfter, 0, "no answer for 10s from GPU 1"},
		"all of them":    {"h100x8,hang", patienceBefore + patienceAfter, 0, "no answer for 10s from GPU 0"},
		"at the end":     {"h100x2,hang:0:3.02", patienceAfter, 31, "no answer for 10s from GPU 0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := machine(t, test.spec)
				lib, start := m.GPUs, time.Now()
				r := beside(t, m, interval, long)
				if waited := time.Since(start) - long; waited != test.waits {
					t.Errorf("waited for %v, expected %v", waited, test.waits)
				}
				// What hung ends now, and goes on while the report is read.
				if err := lib.Close(); err != nil {
					t.Error(err)
				}
				if got := find(t, &r, judge.Faults); got.State != record.Unknown || !strings.Contains(got.Why, test.faults) {
					t.Errorf("%v, expected that it says %q", got, test.faults)
				}
				if r.Host.CPU == nil || len(r.Host.NICs) == 0 || r.Page == nil {
					t.Errorf("the host is %+v", r.Host)
				}
				if (r.Sampling == nil) != (test.looks == 0) {
					t.Fatalf("sampling is %v", r.Sampling)
				}
				if r.Sampling != nil {
					whole(t, &r)
					if r.Sampling.Looks != test.looks || r.Sampling.EnergyJ == nil {
						t.Errorf("%d looks, %v J, expected %d", r.Sampling.Looks, r.Sampling.EnergyJ, test.looks)
					}
				}
				synctest.Wait()
			})
		})
	}
}

// Nor does a host that does not answer.
func TestHostHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, answers := machine(t, "h100x2"), make(chan struct{})
		m.Host = func() host.Host { <-answers; return host.Host{} }
		r := beside(t, m, interval, time.Second)
		if r.Page != nil || r.Sampling != nil || len(r.Verdicts) == 0 {
			t.Errorf("got %+v", r)
		}
		for _, v := range r.Verdicts {
			if v.State != record.Unknown || !strings.Contains(v.Why, "no answer for 10s from the machine") {
				t.Error(v)
			}
		}
		close(answers)
	})
}
