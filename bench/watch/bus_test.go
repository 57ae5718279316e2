package watch

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
)

// Of a counter whose width is known a wrap is told from a restart by what could have passed, and nothing is said where it
// may have gone round more than once.
func TestNarrowMeter(t *testing.T) {
	const gib = 1 << 30
	for name, test := range map[string]struct {
		last, now uint64
		seconds   float64
		rate      float64
		why       string
	}{
		"grows":              {5, 5 + gib, 0.1, 10 * gib, ""},
		"wraps":              {4*gib - 10, 20, 0.1, 300, ""},
		"wraps, to most":     {2 * gib, gib - 1, 0.1, 10*(3*gib) - 10, ""},
		"more than can pass": {4*gib - 10, 4*gib - 11, 0.1, math.NaN(), "went backwards"},
		"for too long":       {5, 10, 0.2, math.NaN(), "it has 32 bits, and may have wrapped round more than once in 0.200 s"},
	} {
		t.Run(name, func(t *testing.T) {
			m, start := meter{most: 33e9, bits: 32}, time.Unix(1e9, 0)
			m.add(answer.Is(test.last), start, false)
			got := m.add(answer.Is(test.now), start.Add(time.Duration(test.seconds*1e9)), false)
			if math.Abs(got-test.rate) > 1 || math.IsNaN(got) != math.IsNaN(test.rate) || !strings.Contains(m.why, test.why) || (m.why == "") != (test.why == "") {
				t.Errorf("%v a second, %q, expected %v, %q", got, m.why, test.rate, test.why)
			}
			if math.IsNaN(got) == m.seen {
				t.Errorf("in all %v", m.sum())
			}
		})
	}
}

// A counter that fell far enough to have wrapped round has restarted where another of its driver has.
func TestRestartOfAll(t *testing.T) {
	s, start := &sampler{missing: map[string]string{}}, time.Unix(1e9, 0)
	bus, energy, other := meter{most: 1e12}, meter{most: 1e7}, meter{most: 1e9}
	read := func(seconds int, a, b, c uint64) {
		s.follow(start.Add(time.Duration(seconds)*time.Second), count{"bus", &bus, answer.Is(a), nil}, count{"energy", &energy, answer.Is(b), nil}, count{"other", &other, answer.Is(c), nil})
	}
	read(0, 4e9, 3e9, 100)
	read(1, 100, 50, 110)
	for name, want := range map[string]string{"bus": restarted, "energy": restarted, "other": ""} {
		if got := s.missing[name]; !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: %q, expected %q", name, got, want)
		}
	}
	read(2, 200, 60, 120)
	if bus.total != 100 || energy.total != 10 || other.total != 20 {
		t.Errorf("in all %v, %v, %v", bus.total, energy.total, other.total)
	}
}

// At generation 5 a PCIe counter of 32 bits goes round in less than 100 ms: means are taken in its place, where there are any.
func TestNarrowBus(t *testing.T) {
	fast := nvml.PCIe{MaxGeneration: answer.Is(5), MaxWidth: answer.Is(16)}
	slow := nvml.PCIe{MaxGeneration: answer.Is(3), MaxWidth: answer.Is(16)}
	mean := answer.Is(nvml.GPM{Seconds: 0.2, PCIeTxBps: answer.Is(50e9), PCIeRxBps: answer.Is(1e9)})
	early, never := answer.From(nvml.GPM{}, nvml.ErrEarly), answer.None[nvml.GPM]("no GPM")
	for name, test := range map[string]struct {
		at       nvml.PCIe
		interval time.Duration
		gpm      [3]answer.Of[nvml.GPM]
		rate     float64 // at the last of three looks
		total    float64 // 0 is none
		why      string
	}{
		"means":              {fast, 100 * time.Millisecond, [3]answer.Of[nvml.GPM]{early, early, mean}, 50e9, 10e9, ""},
		"of the time before": {fast, 100 * time.Millisecond, [3]answer.Of[nvml.GPM]{mean, early, early}, math.NaN(), 0, ""},
		"no means":           {fast, 100 * time.Millisecond, [3]answer.Of[nvml.GPM]{never, never, never}, math.NaN(), 0, "32 bits"},
		"slow enough":        {slow, 100 * time.Millisecond, [3]answer.Of[nvml.GPM]{early, early, mean}, 1e10, 2e9, ""},
		"without samples":    {slow, 0, [3]answer.Of[nvml.GPM]{early, early, mean}, 50e9, 10e9, ""},
		"of unknown link":    {nvml.PCIe{MaxGeneration: answer.None[int]("no"), MaxWidth: answer.Is(16)}, 10 * time.Millisecond, [3]answer.Of[nvml.GPM]{early, early, mean}, 50e9, 10e9, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sampler{missing: map[string]string{}, interval: test.interval}
			g := newGPUSource(s, 0, nil)
			g.slot(test.at)
			for i, gpm := range test.gpm {
				g.reading = nvml.Reading{PCIe: nvml.Traffic{TxBytes: answer.Is(uint64(i) * 1e9), RxBytes: answer.Is(uint64(0))}, PCIeBits: 32, GPM: gpm}
				g.take(time.Unix(1e9, int64(i)*100e6), s)
				s.looks++
			}
			if got := g.pcieTx.now; got != test.rate && !(math.IsNaN(got) && math.IsNaN(test.rate)) {
				t.Errorf("%v a second, expected %v", got, test.rate)
			}
			if sum := g.busSent.sum(); (sum == nil) != (test.total == 0) || sum != nil && *sum != test.total {
				t.Errorf("in all %v, expected %v", sum, test.total)
			}
			if why := s.missing["gpu0 pcie_tx"]; test.why != "" && !strings.Contains(why, test.why) || test.why == "" && why != "" {
				t.Errorf("missing for %q, expected %q", why, test.why)
			}
			// What is not in the sum is said.
			s.last = time.Unix(1e9, 290e6)
			g.tail(s)
			if why := s.missing["gpu0 pcie_tx"]; strings.Contains(why, "the last 90ms, too short for a mean") != (g.byMean && test.total > 0) {
				t.Errorf("at the end missing for %q", why)
			}
		})
	}
}
