package watch

import (
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
)

// sampled looks at 0, 1, 3 and 4 s.
func sampled(t *testing.T, s *sampler) *record.Sampling {
	var mu sync.Mutex
	for _, wait := range []time.Duration{0, 1, 2, 1} {
		time.Sleep(wait * time.Second)
		s.look(&mu, time.Second)
	}
	s.interval = time.Second
	return s.record()
}

// readings are four, of which change makes each.
func readings(change func(i int, r *nvml.Reading)) []nvml.Reading {
	all := make([]nvml.Reading, 4)
	for i := range all {
		all[i] = nvml.Reading{Throttle: answer.Is(nvml.Idle)}
		change(i, &all[i])
	}
	return all
}

// By hand: two GPUs, of which the second counts no throttled time, has no NVLinks and does
// not answer once, and ports of which one does not.
func TestSummary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := readings(func(i int, r *nvml.Reading) {
			r.PowerW, r.SMMHz, r.MemoryMHz = answer.Is([]float64{100, 200, 300, 400}[i]), answer.Is(1000), answer.Is(2619)
			r.EnergyJ, r.TemperatureC = answer.Is([]float64{1000, 1100, 1400, 1500.5}[i]), answer.Is([]int{60, 71, 70, 65}[i])
			r.Clocked = answer.Is(nvml.Clocked{PowerNS: []uint64{5e9, 5.5e9, 5.5e9, 5.5e9}[i], ThermalNS: []uint64{0, 0, 0.25e9, 0.25e9}[i]})
			r.Throttle = answer.Is([]nvml.Reasons{0, nvml.PowerCap, nvml.SetClocks, 0}[i])
			r.NVLink.TxBytes, r.PCIe.TxBytes = answer.Is([]uint64{7, 1007, 4007, 4007}[i]), answer.Is([]uint64{0, 10, 30, 40}[i])
			r.NVLink.RxBytes = answer.Is(uint64(0))
		})
		second := readings(func(i int, r *nvml.Reading) {
			if i == 1 {
				*r = nvml.Reading{} // no answer
				return
			}
			r.PowerW, r.SMMHz = answer.Is([]float64{10, 0, 20, 30}[i]), answer.Is([]int{2000, 0, 500, 500}[i])
			r.EnergyJ = answer.Is([]float64{5, 0, 45, 50}[i])
			r.Clocked = answer.None[nvml.Clocked]("it does not count it")
			r.Throttle = answer.Is([]nvml.Reasons{0, 0, nvml.HardwareHeat, nvml.SoftwareHeat}[i])
			r.TemperatureC = answer.Is([]int{75, 0, 80, 79}[i])
			r.NVLink.TxBytes, r.NVLink.RxBytes = answer.None[uint64]("no NVLinks"), answer.None[uint64]("no NVLinks")
			r.NVLinkRaw = r.NVLink
		})
		s := newSampler(machineOf(&stub{gpus: []nvml.Device{&stubGPU{readings: first}, &stubGPU{readings: second}}}), machineOf(nil).Read())
		is, gone := answer.Is[uint64], answer.Unknown[uint64]("no such device")
		for _, m := range []struct {
			name  string
			local bool
			all   []answer.Of[uint64]
		}{
			{"a/1", false, []answer.Of[uint64]{is(100), is(300), gone, is(900)}},
			{"b/1", false, []answer.Of[uint64]{is(0), is(1), is(3), is(4)}},
			{"c/1", false, []answer.Of[uint64]{gone}},
			{"lo", true, []answer.Of[uint64]{is(0), is(1e9), is(2e9), is(3e9)}},
		} {
			s.nics = append(s.nics, newNICSource(s, port(m.name, m.local, m.all...)))
		}
		got := sampled(t, s)
		want := &record.Sampling{IntervalMS: 1000, Seconds: 4, Looks: 4,
			PowerW:    new(250.0 + 20), // means, of three looks of the second
			EnergyJ:   new(500.5 + 5),  // the second's from 3 s on
			SMMHz:     new(7000.0 / 7), // four looks of 1000, and 2000, 500 and 500
			MemoryMHz: new(2619.0), TemperatureC: new(80.0),
			ThrottledS:    new(0.75 + 3), // its own count, and two looks at the ends of 2 s and 1 s
			ThrottledBy:   []string{"power cap", "heat (software)", "heat (hardware)"},
			NVLinkTxBytes: new(4000.0), PCIeTxBytes: new(40.0),
			NICTxBytes: new(200.0 + 4), NICRxBytes: new(400.0 + 8),
			AtMS: record.Values{0, 1000, 3000, 4000},
		}
		ignored := cmpopts.IgnoreFields(record.Sampling{}, "CPUShare", "CPUBusy", "CPUSteal", "Series", "Missing")
		if diff := cmp.Diff(want, got, ignored, cmpopts.EquateApprox(1e-12, 0)); diff != "" {
			t.Errorf("summary (-want +got):\n%s", diff)
		}

		nan := math.NaN()
		series := map[string]record.Values{}
		for _, of := range got.Series {
			series[of.Source+" "+of.Figure+" "+of.Unit] = of.Values
		}
		delete(series, "host cpu_busy %")
		delete(series, "host cpu_steal %")
		if diff := cmp.Diff(map[string]record.Values{
			"gpu0 sm_clock MHz": {1000, 1000, 1000, 1000}, "gpu0 memory_clock MHz": {2619, 2619, 2619, 2619},
			"gpu0 power W": {100, 200, 300, 400}, "gpu0 temperature C": {60, 71, 70, 65}, "gpu0 throttled bits": {0, 4, 0, 0},
			"gpu0 nvlink_tx B/s": {nan, 1000, 1500, 0}, "gpu0 nvlink_rx B/s": {nan, 0, 0, 0}, "gpu0 pcie_tx B/s": {nan, 10, 10, 10},
			"gpu1 sm_clock MHz": {2000, nan, 500, 500}, "gpu1 power W": {10, nan, 20, 30}, "gpu1 throttled bits": {0, nan, 64, 32}, "gpu1 temperature C": {75, nan, 80, 79},
			"a/1 tx B/s": {nan, 200, nan, nan}, "a/1 rx B/s": {nan, 400, nan, nan},
			"b/1 tx B/s": {nan, 1, 1, 1}, "b/1 rx B/s": {nan, 2, 2, 2},
			"lo tx B/s": {nan, 1e9, 5e8, 1e9}, "lo rx B/s": {nan, 2e9, 1e9, 2e9},
		}, series, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("series (-want +got):\n%s", diff)
		}

		for name, want := range map[string]string{
			"gpu0 pcie_rx": "could not tell: not asked", "gpu0 sm_active": "could not tell: not asked",
			"gpu1 power": "could not tell: not asked", "gpu1 nvlink_tx": "not supported: no NVLinks", "gpu1 memory_clock": "could not tell: not asked",
			"gpu1 energy": "could not tell: it vanished: not asked", "gpu1 throttled_time": "not supported: it does not count it",
			"a/1 tx": "could not tell: it vanished: no such device", "c/1 tx": "could not tell: no such device",
		} {
			if got.Missing[name] != want {
				t.Errorf("%s is missing for %q, expected %q", name, got.Missing[name], want)
			}
		}
		for _, name := range []string{"gpu0 power", "gpu0 energy", "gpu0 throttled_time", "b/1 tx", "lo rx"} {
			if why, ok := got.Missing[name]; ok {
				t.Errorf("%s is missing for %q", name, why)
			}
		}

		var seen judge.Seen
		s.seen(&seen)
		if diff := cmp.Diff(judge.Seen{Looks: 2, Span: 4, Reasons: map[int]nvml.Reasons{0: nvml.PowerCap, 1: nvml.HardwareHeat | nvml.SoftwareHeat},
			Seconds: map[int]float64{0: 0.75, 1: 3}}, seen); diff != "" {
			t.Errorf("seen (-want +got):\n%s", diff)
		}
	})
}

// A count of payload and one with headers are not one counter, even where one stops.
func TestLinksKeepTheirCounter(t *testing.T) {
	const payload, raw = 1_000, 5_000_000
	both := func(payload, raw func(i int) answer.Of[uint64]) []nvml.Reading {
		return readings(func(i int, r *nvml.Reading) {
			r.NVLink, r.NVLinkRaw = nvml.Traffic{TxBytes: payload(i), RxBytes: payload(i)}, nvml.Traffic{TxBytes: raw(i), RxBytes: raw(i)}
		})
	}
	grows := func(by int) func(int) answer.Of[uint64] {
		return func(i int) answer.Of[uint64] { return answer.Is(uint64(by * (i + 1))) }
	}
	none := func(int) answer.Of[uint64] { return answer.None[uint64]("NVLink 5 has one count") }
	stops := func(i int) answer.Of[uint64] {
		if i == 2 {
			return answer.None[uint64]("the counter is gone")
		}
		return grows(payload)(i)
	}
	for name, test := range map[string]struct {
		readings []nvml.Reading
		want     float64
	}{
		"payload":         {both(grows(payload), grows(raw)), 3 * payload},
		"with headers":    {both(none, grows(raw)), 3 * raw},
		"payload stopped": {both(stops, grows(raw)), payload},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSampler(machineOf(&stub{gpus: []nvml.Device{&stubGPU{readings: test.readings}}}), machineOf(nil).Read())
				got := sampled(t, s)
				if got.NVLinkTxBytes == nil || *got.NVLinkTxBytes != test.want {
					t.Errorf("got %v, expected %v", got.NVLinkTxBytes, test.want)
				}
			})
		})
	}
}

// Where one GPU does not count how long it was throttled, somebody has to look.
func TestNotAllCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counts := readings(func(_ int, r *nvml.Reading) { r.Clocked = answer.Is(nvml.Clocked{}) })
		does, not := &stubGPU{readings: counts}, &stubGPU{readings: readings(func(int, *nvml.Reading) {})}
		for _, gpus := range [][]nvml.Device{{does, does}, {does, not}, {not, does}} {
			s := newSampler(machineOf(&stub{gpus: gpus}), machineOf(nil).Read())
			sampled(t, s)
			var seen judge.Seen
			s.seen(&seen)
			if all := !slices.Contains(gpus, nvml.Device(not)); seen.Clocked != all {
				t.Errorf("of %d GPUs that count: %v, expected %v", len(gpus), seen.Clocked, all)
			}
		}
	})
}

// Nothing that is known is nothing, not 0.
func TestEmptySummary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSampler(machineOf(&stub{gpus: []nvml.Device{&stubGPU{}}, events: []error{nil, errors.New("no permission"), errors.New("other")}}),
			machineOf(nil).Read())
		s.cpu.path = t.TempDir() + "/none"
		got := sampled(t, s)
		want := &record.Sampling{IntervalMS: 1000, Seconds: 4, Looks: 4, ThrottledBy: []string{}, AtMS: record.Values{0, 1000, 3000, 4000}}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(record.Sampling{}, "Missing")); diff != "" {
			t.Errorf("summary (-want +got):\n%s", diff)
		}
		for _, c := range s.columns {
			if got.Missing[c.name()] == "" {
				t.Errorf("%s is missing for no reason", c.name())
			}
		}
		var seen judge.Seen
		if s.seen(&seen); seen.Deaf == nil || seen.Deaf.Error() != "no permission" {
			t.Errorf("no events for %v", seen.Deaf)
		}
	})
}

func TestRounded(t *testing.T) {
	got := rounded([]float64{1234.56, 0.000123456, -1.00004, 0, math.NaN(), 1e20 / 3, 45e9})
	want := record.Values{1235, 0.0001235, -1, 0, math.NaN(), 3.333e19, 45e9}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if text, err := got.MarshalJSON(); err != nil || strings.Count(string(text), ",") != 6 || !strings.Contains(string(text), "null") {
		t.Errorf("in JSON %s, %v", text, err)
	}
}
