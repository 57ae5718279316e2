package bench_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/watch"
	"github.com/commbench/commbench/nvml/fake"
	"github.com/commbench/commbench/transport/shm"
	"github.com/commbench/commbench/transport/tcp"
)

// beside is a watch of a machine that is not there.
func beside(t *testing.T, spec string, interval time.Duration) *watch.Watch {
	t.Helper()
	m, err := probe.Fake(spec)
	if err != nil {
		t.Fatal(err)
	}
	return watch.Start(m, interval, 0)
}

func states(r *record.Record) map[string]string {
	all := map[string]string{}
	for _, v := range r.Verdicts {
		all[v.Name] = v.State
	}
	return all
}

func TestEveryRecordHasVerdicts(t *testing.T) {
	for _, op := range ops {
		c := config(op, "two-hop")
		c.Baseline, c.Watch = "alltoall", beside(t, "h100x4", 0)
		for i, r := range run(t, c).Records {
			got := states(&r)
			for _, name := range judge.Names {
				if _, ok := got[name]; !ok && (r.Op != record.Roundtrip || name != judge.LineRate && name != judge.NICBytes) {
					t.Errorf("%s, record %d (%s): no verdict %s in %v", op, i, r.Op, name, got)
				}
			}
			if r.Sampling != nil || r.Counted != nil || len(r.Host.GPUs) != 4 {
				t.Errorf("%s: sampling %v, counted %v, %d GPUs", op, r.Sampling, r.Counted, len(r.Host.GPUs))
			}
		}
	}
}

func TestNobodyLooked(t *testing.T) {
	r := run(t, config(record.Dispatch, "two-hop")).Records[0]
	if r.Verdicts != nil || r.Sampling != nil || r.Host.Cores == nil || r.Environment == nil {
		t.Errorf("verdicts %v, sampling %v, host %+v", r.Verdicts, r.Sampling, r.Host)
	}
}

func TestBytesOverLoopbackAreCounted(t *testing.T) {
	c := over(config(record.Combine, "direct"), tcp.New(tcp.Config{}))
	c.Baseline, c.Tokens, c.Hidden, c.Watch = "alltoall", 200, 4096, beside(t, "h100x1", 0)
	for _, r := range run(t, c).Records {
		n := r.Counted
		if n == nil || n.Interface != "lo" || n.Iterations < c.Iterations || n.Ratio == nil {
			t.Fatalf("%s: counted %+v", r.Algorithm, n)
		}
		// Other tests of this machine cross loopback meanwhile: nothing is said of how much more.
		if float64(n.Bytes) < 0.95*float64(n.LedgerBytes) || n.MostBytes < n.LedgerBytes {
			t.Errorf("%s: the interface counted %d bytes, the ledger %d to %d", r.Algorithm, n.Bytes, n.LedgerBytes, n.MostBytes)
		}
		if s := states(&r); s[judge.NICBytes] == record.None || s[judge.LineRate] != record.None || s[judge.NearestNIC] != record.None {
			t.Errorf("%s: %v", r.Algorithm, r.Verdicts)
		}
	}
}

func TestSeriesAreInTheFirstRecord(t *testing.T) {
	c := config(record.Dispatch, "two-hop")
	c.Baseline, c.Iterations, c.Watch = "direct", 20, beside(t, "h100x2,throttle:1", 10*time.Millisecond)
	recs := run(t, c).Records
	for i, r := range recs {
		s := r.Sampling
		switch {
		case s == nil || s.Looks < 2 || s.PowerW == nil || s.ThrottledS == nil || s.IntervalMS != 10:
			t.Errorf("record %d: sampling %+v", i, s)
		case (len(s.Series) > 0) != (i == 0) || (s.AtMS != nil) != (i == 0):
			t.Errorf("record %d has %d series", i, len(s.Series))
		}
		if states(&r)[judge.Clocks] != record.Bad || len(judge.Broken(recs)) == 0 {
			t.Errorf("record %d: %v", i, r.Verdicts)
		}
	}
}

func TestMachineInTroubleLosesNoResult(t *testing.T) {
	for spec, want := range map[string]struct{ name, state, says string }{
		"h100x2,lost:1":        {judge.Faults, record.Bad, "GPU 1"},
		"h100x2,vanish:0":      {judge.Faults, record.Good, ""}, // counters of bytes are no faults
		"h100x2,backwards:0":   {judge.Faults, record.Good, ""},
		"h100x2,wrap:0":        {judge.Faults, record.Good, ""},
		"h100x2,xid:1:79":      {judge.Faults, record.Bad, "Xid 79"},
		"h100x2,hang:1:1":      {judge.Faults, record.Unknown, "GPU 1"},
		"h100x2,no-permission": {judge.Faults, record.Unknown, "permission"},
	} {
		t.Run(spec, func(t *testing.T) {
			m, err := probe.Fake(spec)
			if err != nil {
				t.Fatal(err)
			}
			gpus := m.GPUs.(*fake.Machine)
			defer func() { _ = gpus.Close() }() // who hangs
			start, broken := time.Now(), atomic.Bool{}
			gpus.Clock = func() time.Time {
				if broken.Load() {
					return start.Add(time.Minute)
				}
				return start
			}
			c := config(record.Dispatch, "two-hop")
			c.Watch = watch.Start(m, 10*time.Millisecond, 0)
			c.Progress = func(p bench.Progress) { broken.Store(broken.Load() || strings.HasSuffix(p.Stage, "dispatch")) }
			r := run(t, c).Records[0]
			if len(r.SamplesUS) != c.Iterations || r.Wrong == nil || *r.Wrong != 0 || len(r.Host.GPUs) != 2 {
				t.Errorf("%d iterations, wrong %v, %d GPUs", len(r.SamplesUS), r.Wrong, len(r.Host.GPUs))
			}
			for _, v := range r.Verdicts {
				if v.Name == want.name && (v.State != want.state || !strings.Contains(v.Why, want.says)) {
					t.Errorf("%v, expected %s: %s", v, want.state, want.says)
				}
			}
		})
	}
}

func TestWatchEndsWithARunThatFails(t *testing.T) {
	c := config(record.Dispatch, "two-hop")
	c.Watch, c.Nodes = beside(t, "h100x1", 10*time.Millisecond), 0
	var input *bench.InputError
	if _, err := bench.Run(ctx, c); !errors.As(err, &input) {
		t.Errorf("error %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	c = over(config(record.Dispatch, "two-hop"), shm.New())
	c.Watch = beside(t, "h100x1", 10*time.Millisecond)
	if _, err := bench.Run(ended, c); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	// goleak sees to it that nobody goes on looking.
}

func TestSweepIsWatched(t *testing.T) {
	c := config(record.Dispatch, "two-hop")
	c.Check, c.Watch = bench.CheckLast, beside(t, "h100x1", 10*time.Millisecond)
	result, err := bench.Sweep(ctx, c, bench.SweepOptions{Workers: []int{1, 4096}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range result.Records {
		r := &result.Records[i]
		got := states(r) // more workers than cores are what is asked for
		if got[judge.Workers] != "" || got[judge.Noise] == "" || r.Sampling == nil || (len(r.Sampling.Series) > 0) != (i == 0) {
			t.Errorf("%d workers: %v, sampling %+v", *r.Exec.Workers, got, r.Sampling)
		}
	}
}
