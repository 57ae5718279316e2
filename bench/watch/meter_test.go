package watch

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/commbench/commbench/nvml/answer"
)

func TestGrowth(t *testing.T) {
	const kib, words = 1 << 42, 1 << 34
	tests := map[string]struct {
		last, now uint64
		most      float64
		want      float64
		ok        bool
	}{
		"grows":                           {5, 12, 1e9, 7, true},
		"stands still":                    {5, 5, 1e9, 0, true},
		"however much":                    {0, math.MaxUint64, 1, math.MaxUint64, true},
		"wraps at 32 bits":                {1<<32 - 10, 20, 1e9, 30, true},
		"wraps at 32 bits of words":       {words - 4, 8, 1e9, 12, true},
		"wraps at 32 bits of KiB":         {kib - 1024, 2048, 1e9, 3072, true},
		"wraps at 64 bits":                {math.MaxUint64, 4, 1e9, 5, true},
		"wraps at 64 bits, words of 4":    {math.MaxUint64 - 3, 96, 1e9, 100, true},
		"to 0":                            {1<<32 - 1, 0, 1e9, 1, true},
		"more than a quarter of a span":   {3<<30 - 1, 0, 1e12, 0, false},
		"a quarter of a span":             {3 << 30, 0, 1e12, 1 << 30, true},
		"more than could pass":            {1<<32 - 10, 20, 29, 0, false},
		"restarts":                        {1e9, 0, 1e12, 0, false},
		"restarts and has grown":          {1e9, 1e8, 1e12, 0, false},
		"restarts below a span of others": {4.32e12, 0, 3e10, 0, false},
		"nothing could pass":              {1<<32 - 10, 20, 0, 0, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got, ok := growth(test.last, test.now, test.most); got != test.want || ok != test.ok {
				t.Errorf("from %d to %d it is %v, %v, expected %v, %v", test.last, test.now, got, ok, test.want, test.ok)
			}
		})
	}
}

// Whatever two readings there are, growth is what leads from one to the other in a counter of
// some width, and could have passed; of a counter that grows it is the difference.
func FuzzGrowth(f *testing.F) {
	f.Add(uint64(5), uint64(12), 1e9)
	f.Add(uint64(1<<32-1), uint64(0), 1e9)
	f.Add(uint64(math.MaxUint64), uint64(0), 4e11)
	f.Add(uint64(1<<42-1), uint64(1<<40), -1.0)
	f.Fuzz(func(t *testing.T, last, now uint64, most float64) {
		d, ok := growth(last, now, most)
		switch {
		case !ok && (d != 0 || now >= last):
			t.Errorf("growth(%d, %d, %v) = %v, not known", last, now, most, d)
		case ok && now >= last && d != float64(now-last):
			t.Errorf("growth(%d, %d, %v) = %v", last, now, most, d)
		case ok && now < last:
			leads := false
			for _, bits := range []uint{32, 34, 42, 64} {
				leads = leads || d == float64((now-last)&(1<<bits-1))
			}
			if !leads || !(d <= most) || d < 0 {
				t.Errorf("growth(%d, %d, %v) = %v: it does not lead from one to the other", last, now, most, d)
			}
		}
	})
}

// step is a reading of a counter.
type step struct {
	at   float64 // seconds
	v    answer.Of[uint64]
	rate float64 // that is expected; NaN is not known
}

func TestMeter(t *testing.T) {
	is, nan := answer.Is[uint64], math.NaN()
	gone, never := answer.Unknown[uint64]("it fell off the bus"), answer.None[uint64]("no such counter")
	tests := map[string]struct {
		steps []step
		total float64 // negative is none
		why   string
	}{
		"one reading":            {[]step{{0, is(5), nan}}, -1, ""},
		"grows":                  {[]step{{0, is(5), nan}, {1, is(15), 10}, {3, is(45), 15}}, 40, ""},
		"stands still":           {[]step{{0, is(5), nan}, {1, is(5), 0}}, 0, ""},
		"is never there":         {[]step{{0, never, nan}, {1, never, nan}}, -1, ""},
		"comes late":             {[]step{{0, never, nan}, {1, is(5), nan}, {2, is(7), 2}}, 2, ""},
		"wraps":                  {[]step{{0, is(1<<32 - 10), nan}, {1, is(20), 30}, {2, is(25), 5}}, 35, ""},
		"restarts":               {[]step{{0, is(5000), nan}, {1, is(6000), 1000}, {2, is(10), nan}, {3, is(30), 20}}, 1020, "went backwards"},
		"vanishes":               {[]step{{0, is(5), nan}, {1, is(15), 10}, {2, gone, nan}}, 10, "it vanished: it fell off the bus"},
		"vanishes and returns":   {[]step{{0, is(5), nan}, {1, is(15), 10}, {2, gone, nan}, {3, is(100), nan}, {4, is(101), 1}}, 11, "it vanished"},
		"vanishes, then wraps":   {[]step{{0, is(1<<32 - 10), nan}, {1, gone, nan}, {2, is(20), nan}}, -1, "it vanished"},
		"the first reason stays": {[]step{{0, is(500), nan}, {1, is(1), nan}, {2, gone, nan}}, -1, "went backwards"},
		"time stands still":      {[]step{{0, is(5), nan}, {0, is(9), nan}, {1, is(15), 10}}, 10, ""},
		"time goes back":         {[]step{{1, is(5), nan}, {0, is(9), nan}, {2, is(15), 10}}, 10, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m, start := meter{most: 1e9}, time.Unix(1e9, 0)
			for i, s := range test.steps {
				got := m.add(s.v, start.Add(time.Duration(s.at*1e9)), false)
				if got != s.rate && !(math.IsNaN(got) && math.IsNaN(s.rate)) {
					t.Errorf("step %d is %v a second, expected %v", i, got, s.rate)
				}
			}
			total := -1.0
			if sum := m.sum(); sum != nil {
				total = *sum
			}
			if total != test.total {
				t.Errorf("in all it is %v, expected %v", total, test.total)
			}
			if !strings.Contains(m.why, test.why) || (m.why == "") != (test.why == "") {
				t.Errorf("why is %q, expected %q", m.why, test.why)
			}
		})
	}
}

// What a counter cannot do in the time is no wrap, whatever counter it is.
func TestMeterLimits(t *testing.T) {
	g := newGPUSource(&sampler{}, 0, nil)
	for name, test := range map[string]struct {
		m    *meter
		last uint64 // just below a span, but for what could have been counted in 100 ms
	}{
		"NVLink": {&g.linkSent, 1<<64 - 1e12}, "PCIe": {&g.busReceived, 4.32e12}, "energy": {&g.energy, 4e9}, "clocked": {&g.clocked, 3.9e9},
	} {
		start := time.Unix(1e9, 0)
		test.m.add(answer.Is(test.last), start, false)
		if got := test.m.add(answer.Is(uint64(0)), start.Add(100*time.Millisecond), false); !math.IsNaN(got) || !strings.Contains(test.m.why, "went backwards") {
			t.Errorf("%s: from %d to 0 it grew by %v a second: %q", name, test.last, got, test.m.why)
		}
	}
}
