//go:build cgo && linux

package nvml

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	gonvml "github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/nvml/answer"
)

func TestReading(t *testing.T) {
	m := small()
	got := m.says(m.open(t).Devices()[1]).R
	const mib = 1 << 20
	want := Reading{
		SMMHz: is(1755), MemoryMHz: is(2600), PowerW: is(345.6), EnergyJ: is(7000.25), TemperatureC: is(41),
		Throttle: is(PowerCap | Reliability), UtilizationPct: is(97), MemoryPct: is(31),
		Clocked:   is(Clocked{PowerNS: 100, ThermalNS: 101}),
		NVLink:    Traffic{is(uint64(10 << 10)), is(uint64(11 << 10))},
		NVLinkRaw: Traffic{is(uint64(12 << 10)), is(uint64(13 << 10))},
		PCIe:      Traffic{is(uint64(4000)), is(uint64(5000))}, PCIeBits: 64,
		// The mocks' metrics are their own numbers.
		GPM: is(GPM{Seconds: 1, SMPct: is(2.0), OccupancyPct: is(3.0), DRAMPct: is(10.0), NVLinkTxBps: is(61.0 * mib), NVLinkRxBps: is(60.0 * mib),
			PCIeTxBps: is(20.0 * mib), PCIeRxBps: is(21.0 * mib)}),
	}
	if diff := cmp.Diff(want, got, exact); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReasonsOfOlderDrivers(t *testing.T) {
	m := small()
	m.lacks["nvmlDeviceGetCurrentClocksEventReasons"] = true
	if got := m.open(t).Devices()[0].Reading().Throttle; got != is(HardwareSlow) {
		t.Errorf("%v, expected hardware slowdown", got)
	}
}

// Where a driver has the call, field 269 is another's.
func TestClockedOfOlderDrivers(t *testing.T) {
	m := small()
	refuse(m.gpus[0].Device, "GetViolationStatus", noSupport)
	m.gpus[0].values[field{74, 0}], m.gpus[0].values[field{75, 0}], m.gpus[0].values[field{269, 0}] = uint64(7), uint64(8), uint64(9)
	if got := m.open(t).Devices()[0].Reading().Clocked; got != is(Clocked{7, 8}) {
		t.Errorf("%v, expected 7 and 8 ns", got)
	}
}

// CUDA 14 drops the call; fields are in its place.
func TestClockedOfNewerDrivers(t *testing.T) {
	m := small()
	m.lacks["nvmlDeviceGetViolationStatus"] = true
	m.gpus[0].values[field{74, 0}], m.gpus[0].values[field{269, 0}] = uint64(7), uint64(8)
	m.gpus[1].values[field{74, 0}] = uint64(7)
	l := m.open(t)
	if got := l.Devices()[0].Reading().Clocked; got != is(Clocked{7, 8}) {
		t.Errorf("%v, expected 7 and 8 ns", got)
	}
	if got := l.Devices()[1].Reading().Clocked; !errors.Is(got.Err(), errors.ErrUnsupported) {
		t.Errorf("%v, expected none without the second", got)
	}
}

func TestFieldsOfEveryType(t *testing.T) {
	m := small()
	d := m.open(t).Devices()[0]
	for value, want := range map[any]uint64{
		uint64(math.MaxUint64): math.MaxUint64, uint32(math.MaxUint32): math.MaxUint32, uint16(9): 9, uint(5): 5, uint64(0): 0,
	} {
		m.gpus[0].values[field{197, 0}] = value
		if got := d.Reading().PCIe.TxBytes; got != is(want) {
			t.Errorf("%T %v is %v", value, value, got)
		}
	}
}

// NVLink 5 counts bytes in fields of its own, of all links or link by link.
func TestBytesOfNVLink5(t *testing.T) {
	const tx, rx = gonvml.FI_DEV_NVLINK_COUNT_XMIT_BYTES, gonvml.FI_DEV_NVLINK_COUNT_RCV_BYTES
	none := uint64(math.MaxUint64)
	unknown := none - 1
	type values = map[field]any
	tests := map[string]struct {
		values values
		want   [2]uint64 // tx, rx
	}{
		"summed by NVML": {values{{tx, allLinks}: uint64(3000), {rx, allLinks}: uint64(4000), {tx, 0}: uint64(1)}, [2]uint64{3000, 4000}},
		"by link":        {values{{tx, 0}: uint64(1), {tx, 1}: uint64(2), {rx, perLink}: uint64(7)}, [2]uint64{3, 14}},
		"of one link":    {values{{tx, 1}: uint64(2), {tx, 0}: noArg}, [2]uint64{2, none}},
		"of none":        {values{}, [2]uint64{none, none}},
		"one is refused": {values{{tx, 0}: gonvml.ERROR_NO_PERMISSION, {tx, 1}: uint64(2)}, [2]uint64{unknown, none}},
		"all is refused": {values{{tx, allLinks}: gonvml.ERROR_UNKNOWN, {tx, 0}: uint64(1)}, [2]uint64{unknown, none}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := small()
			m.gpus[0].values = test.values
			r := m.open(t).Devices()[0].Reading()
			for i, got := range []answer.Of[uint64]{r.NVLinkRaw.TxBytes, r.NVLinkRaw.RxBytes} {
				switch want := test.want[i]; {
				case want == none && !errors.Is(got.Err(), errors.ErrUnsupported),
					want == unknown && !errors.Is(got.Err(), answer.ErrUnknown),
					want < unknown && got != is(want):
					t.Errorf("counter %d is %v, expected %d", i, got, want)
				}
			}
			if err := r.NVLink.TxBytes.Err(); !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("payload: %v; whether headers are in it is not known", r.NVLink.TxBytes)
			}
		})
	}
}

// A sum over fewer links than before would look like a counter that fell.
func TestALinkThatNoLongerCounts(t *testing.T) {
	const tx = gonvml.FI_DEV_NVLINK_COUNT_XMIT_BYTES
	m := small()
	g := m.gpus[0]
	g.values = map[field]any{{tx, 0}: uint64(1000), {tx, 1}: uint64(2000)}
	d := m.open(t).Devices()[0]
	if got := d.Reading().NVLinkRaw.TxBytes; got != is(uint64(3000)) {
		t.Errorf("%v, expected 3000", got)
	}
	g.values[field{tx, 1}] = noSupport
	if got := d.Reading().NVLinkRaw.TxBytes; !errors.Is(got.Err(), answer.ErrUnknown) {
		t.Errorf("%v, expected that it could not tell", got)
	}
	g.values[field{tx, 1}] = uint64(2500)
	if got := d.Reading().NVLinkRaw.TxBytes; got != is(uint64(3500)) {
		t.Errorf("%v, expected 3500", got)
	}
}

// A GPU of NVLink 5 that says 0 for ever by the older fields is taken at its word for none.
func TestOlderFieldsThatStandStill(t *testing.T) {
	m := small()
	v := m.gpus[0].values
	for _, id := range []uint32{138, 139, 140, 141} {
		v[field{id, allLinks}] = uint64(0)
	}
	d := m.open(t).Devices()[0]
	if r := d.Reading(); r.NVLink.TxBytes != is(uint64(0)) || r.NVLinkRaw.RxBytes != is(uint64(0)) { // of one that has sent nothing
		t.Errorf("%v and %v, expected 0", r.NVLink, r.NVLinkRaw)
	}
	v[field{gonvml.FI_DEV_NVLINK_COUNT_XMIT_BYTES, allLinks}] = uint64(3000)
	v[field{gonvml.FI_DEV_NVLINK_COUNT_RCV_BYTES, allLinks}] = uint64(0)
	r := d.Reading()
	if r.NVLinkRaw.TxBytes != is(uint64(3000)) || r.NVLinkRaw.RxBytes != is(uint64(0)) || !errors.Is(r.NVLink.TxBytes.Err(), errors.ErrUnsupported) || !errors.Is(r.NVLink.RxBytes.Err(), errors.ErrUnsupported) {
		t.Errorf("%v and %v", r.NVLink, r.NVLinkRaw)
	}
}

// How wide PCIe's counters are is known by their type.
func TestBitsOfPCIe(t *testing.T) {
	m := small()
	d := m.open(t).Devices()[0]
	for value, bits := range map[any]int{uint32(7): 32, uint64(7): 64, noArg: 0} {
		m.gpus[0].values[field{197, 0}], m.gpus[0].values[field{198, 0}] = value, value
		if got := d.Reading().PCIeBits; got != bits {
			t.Errorf("%T: %d bits, expected %d", value, got, bits)
		}
	}
}

func TestGPM(t *testing.T) {
	m := small()
	g := m.gpus[0]
	var compared [][2]gonvml.GpmSample
	m.GpmMetricsGetFunc = func(get *gonvml.GpmMetricsGetType) gonvml.Return {
		compared = append(compared, [2]gonvml.GpmSample{get.Sample1, get.Sample2})
		return ok
	}
	d := m.open(t).Devices()[0]
	steps := []struct {
		after time.Duration
		code  gonvml.Return // of the sample
		why   string        // empty: there are means
	}{
		{0, ok, "the first reading, and a mean needs two"},
		{35 * time.Millisecond, ok, "35ms since the last reading, and a mean needs 105ms"},
		{70 * time.Millisecond, ok, ""},
		{200 * time.Millisecond, ok, ""},
		{200 * time.Millisecond, gonvml.ERROR_NO_PERMISSION, "nvmlGpmSampleGet: ERROR_NO_PERMISSION"},
		{time.Millisecond, ok, ""}, // since the last that was taken
		{104 * time.Millisecond, ok, "a mean needs 105ms"},
	}
	for i, step := range steps {
		m.time = m.time.Add(step.after)
		g.gpm = step.code
		got := d.Reading().GPM
		if step.why == "" && got.Err() != nil || step.why != "" && !strings.Contains(got.String(), step.why) {
			t.Errorf("step %d: %v, expected %q", i, got, step.why)
		}
	}
	if g.sample != 5 || len(compared) != 3 {
		t.Fatalf("%d samples and %d comparisons, expected 5 and 3", g.sample, len(compared))
	}
	for i := range 2 { // the newer of two is the older of the next
		if compared[i][1] != compared[i+1][0] || compared[i][0] != compared[i+1][1] {
			t.Errorf("comparison %d is of %p, and the next of %p", i, compared[i], compared[i+1])
		}
	}
	if n := len(g.GpmQueryDeviceSupportCalls()); n != 1 {
		t.Errorf("asked for support %d times, expected once", n)
	}
}

func TestGPMMetrics(t *testing.T) {
	m := small()
	m.GpmMetricsGetFunc = func(get *gonvml.GpmMetricsGetType) gonvml.Return {
		for i, v := range []float64{0, math.NaN(), math.Inf(1), 0.5, 1} {
			get.Metrics[i].Value = v
		}
		get.Metrics[5].NvmlReturn = uint32(noSupport)
		get.Metrics[6].NvmlReturn, get.Metrics[6].Value = uint32(gonvml.ERROR_NO_DATA), 5
		return ok
	}
	missing := answer.Missing(m.says(m.open(t).Devices()[0]).R.GPM.Or(GPM{}))
	want := map[string]string{
		"sm_occupancy_pct":    "could not tell: nvmlGpmMetricsGet, metric 3: NaN",
		"dram_pct":            "could not tell: nvmlGpmMetricsGet, metric 10: +Inf",
		"pcie_tx_bytes_per_s": "not supported: nvmlGpmMetricsGet, metric 20: ERROR_NOT_SUPPORTED",
		"pcie_rx_bytes_per_s": "could not tell: nvmlGpmMetricsGet, metric 21: ERROR_NO_DATA",
	}
	if diff := cmp.Diff(want, missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
}

func TestGPMThatIsNotThere(t *testing.T) {
	tests := map[string]struct {
		change func(*machine)
		class  error
		asked  int // for support, in two readings
	}{
		"a GPU without": {func(m *machine) { m.gpus[0].GpmQueryDeviceSupportFunc = answers(gonvml.GpmSupport{}) }, errors.ErrUnsupported, 1},
		"refused":       {func(m *machine) { refuse(m.gpus[0].Device, "GpmQueryDeviceSupport", gonvml.ERROR_TIMEOUT) }, answer.ErrUnknown, 2},
		"no comparison": {func(m *machine) { m.lacks["nvmlGpmMetricsGet"] = true }, errors.ErrUnsupported, 1},
		"compares nothing": {func(m *machine) {
			m.GpmMetricsGetFunc = func(*gonvml.GpmMetricsGetType) gonvml.Return { return gonvml.ERROR_UNKNOWN }
		}, answer.ErrUnknown, 1},
		"room for no sample": {func(m *machine) {
			m.GpmSampleAllocFunc = func() (gonvml.GpmSample, gonvml.Return) { return nil, gonvml.ERROR_MEMORY }
		}, answer.ErrUnknown, 2},
		"room for one sample": {func(m *machine) {
			alloc := m.GpmSampleAllocFunc
			m.GpmSampleAllocFunc = func() (gonvml.GpmSample, gonvml.Return) {
				if m.live > 2 { // the sets of events
					return nil, gonvml.ERROR_MEMORY
				}
				return alloc()
			}
		}, answer.ErrUnknown, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := small()
			test.change(m)
			if got := m.says(m.open(t).Devices()[0]).R.GPM; !errors.Is(got.Err(), test.class) {
				t.Errorf("%v, expected %v", got, test.class)
			}
			if n := len(m.gpus[0].GpmQueryDeviceSupportCalls()); n != test.asked {
				t.Errorf("asked for support %d times, expected %d", n, test.asked)
			}
		})
	}
}
