package watch

import (
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/nvml"
)

// However long a run is, a sampler keeps a bounded number of looks, evenly spread, and sums all.
func TestStoreIsBounded(t *testing.T) {
	s := newSampler(machineOf(nil), machineOf(nil).Read())
	s.start = time.Unix(1e9, 0)
	const looks = 5*maxLooks + 3
	for i := range looks {
		s.cpu.busy.now, s.cpu.steal.now = float64(i), math.NaN()
		s.store(s.start.Add(time.Duration(i) * time.Millisecond))
		if len(s.at) > maxLooks || len(s.cpu.busy.values) != len(s.at) || len(s.cpu.steal.values) != len(s.at) {
			t.Fatalf("after %d looks %d are kept, with %d and %d values", i+1, len(s.at), len(s.cpu.busy.values), len(s.cpu.steal.values))
		}
	}
	if s.keep != 8 || len(s.at) != (looks+7)/8 {
		t.Errorf("of %d looks each %d. is kept, %d in all", looks, s.keep, len(s.at))
	}
	for i, at := range s.at {
		if want := float64(i * s.keep); at != want || s.cpu.busy.values[i] != want {
			t.Fatalf("look %d is of %v ms with %v, expected %v", i, at, s.cpu.busy.values[i], want)
		}
	}
	if s.looks != looks || s.cpu.busy.n != looks || s.cpu.busy.sum != looks*(looks-1)/2 || s.cpu.busy.most != looks-1 || s.cpu.steal.n != 0 {
		t.Errorf("%d looks, %+v", s.looks, s.cpu.busy)
	}
	s.interval = time.Millisecond
	r := s.record()
	if r.Looks != looks || len(r.AtMS) != len(s.at) || len(r.Series) != 1 || len(r.Series[0].Values) != len(s.at) {
		t.Errorf("the record has %d looks, %d times and %d series", r.Looks, len(r.AtMS), len(r.Series))
	}
}

func TestHalf(t *testing.T) {
	for _, test := range []struct{ all, want []float64 }{
		{nil, nil}, {[]float64{0}, []float64{0}}, {[]float64{0, 1}, []float64{0}}, {[]float64{0, 1, 2, 3, 4}, []float64{0, 2, 4}},
	} {
		if got := half(slices.Clone(test.all)); !slices.Equal(got, test.want) {
			t.Errorf("half of %v is %v, expected %v", test.all, got, test.want)
		}
	}
}

// A GPU that has the same event again and again fills no memory.
func TestEventsAreBounded(t *testing.T) {
	storm := &stormy{stub{gpus: []nvml.Device{&stubGPU{}}}}
	s := newSampler(machineOf(storm), machineOf(nil).Read())
	var mu sync.Mutex
	for range 50 {
		s.look(&mu, 0)
	}
	var seen judge.Seen
	if s.seen(&seen); len(seen.Events) != maxEvents {
		t.Errorf("%d events are kept, expected %d", len(seen.Events), maxEvents)
	}
}

// stormy has three events at each call.
type stormy struct{ stub }

func (s *stormy) Events() ([]nvml.Event, error) { return make([]nvml.Event, 3), nil }

// Looks that come late are counted, and the last one, which comes when the run ends, is not.
func TestLate(t *testing.T) {
	for name, test := range map[string]struct {
		slow        time.Duration
		looks, late int
	}{
		"in time":   {0, 12, 0},
		"slow":      {150 * time.Millisecond, 8, 1}, // the first look is over after 1.5 intervals, the next tick comes another later
		"very slow": {350 * time.Millisecond, 4, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSampler(machineOf(&stub{gpus: []nvml.Device{&stubGPU{slow: test.slow}}}), machineOf(nil).Read())
				end := make(chan struct{})
				time.AfterFunc(1050*time.Millisecond, func() { close(end) })
				var mu sync.Mutex
				s.run(100*time.Millisecond, make(chan struct{}), end, &mu)
				if s.looks != test.looks || s.late != test.late {
					t.Errorf("%d looks, %d of them late, at %v ms; expected %d and %d", s.looks, s.late, s.at, test.looks, test.late)
				}
			})
		})
	}
}

// Without an interval there are two looks: a GPU's counters say what was between.
func TestRunWithoutInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := probe.Fake("h100x2,throttle:1")
		if err != nil {
			t.Fatal(err)
		}
		s := newSampler(m, m.Read())
		end := make(chan struct{})
		time.AfterFunc(3*time.Second, func() { close(end) })
		var mu sync.Mutex
		s.run(0, make(chan struct{}), end, &mu)
		var seen judge.Seen
		if s.seen(&seen); seen.Looks != 0 || !seen.Clocked || math.Abs(seen.Seconds[1]-3) > 1e-6 || len(seen.Seconds) != 1 {
			t.Errorf("seen %+v", seen)
		}
		if got := s.last.Sub(s.start); s.looks != 2 || got != 3*time.Second {
			t.Errorf("%d looks in %v", s.looks, got)
		}
	})
}

// One look, at as many sources as a large machine has. What the driver takes for its answers comes on top.
func BenchmarkLook(b *testing.B) {
	m, err := probe.Fake("h100x8")
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	page := m.Read()
	all := page.Fabric
	m.Fabric = func() fabric.Fabric { return all } // the NICs' answers are not made up at each look
	benchmark(b, m, page)
}

// One look at this machine.
func BenchmarkLookHere(b *testing.B) {
	m := probe.Here()
	defer m.Close()
	benchmark(b, m, m.Read())
}

func benchmark(b *testing.B, m *probe.Machine, page *probe.Page) {
	s := newSampler(m, page)
	var mu sync.Mutex
	b.ReportAllocs()
	for b.Loop() {
		s.look(&mu, time.Second)
	}
	b.ReportMetric(float64(len(s.columns)), "figures")
}
