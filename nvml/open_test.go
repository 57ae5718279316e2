//go:build cgo && linux

package nvml

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	gonvml "github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"

	"github.com/commbench/commbench/nvml/answer"
)

// Of this machine: without a driver Open says so, and with one all GPUs say who they are.
func TestThisMachine(t *testing.T) {
	l, err := Open()
	if err != nil {
		want := "not supported: libnvidia-ml.so.1 is not here: no NVIDIA driver"
		if _, again := Open(); !errors.Is(err, errors.ErrUnsupported) || err.Error() != want || again == nil || again.Error() != want {
			t.Errorf("%v, and once more %v, expected %q", err, again, want)
		}
		return
	}
	for i, d := range l.Devices() {
		d.Reading()
		got := all{d.Inventory(), d.Reading(), d.Faults()}
		if got.I.Name.Err() != nil || got.I.UUID.Err() != nil || got.I.SMs.Err() != nil && !got.I.MIG.Or(false) {
			t.Errorf("GPU %d: name %v, UUID %v, SMs %v", i, got.I.Name, got.I.UUID, got.I.SMs)
		}
		text, err := json.MarshalIndent(got, "", "  ")
		t.Logf("GPU %d: %s %v\nmissing: %v", i, text, err, answer.Missing(got))
	}
	events, err := l.Events()
	t.Log(l.System(), events, err)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// Nothing but Init is called when Init fails: the mock panics, and the real library is not there.
func TestFailedInit(t *testing.T) {
	for code, want := range map[gonvml.Return]string{
		gonvml.ERROR_LIBRARY_NOT_FOUND:       "no NVIDIA driver",
		gonvml.ERROR_DRIVER_NOT_LOADED:       "load the driver",
		gonvml.ERROR_LIB_RM_VERSION_MISMATCH: "reload the module or reboot",
		gonvml.ERROR_NO_PERMISSION:           "/dev/nvidiactl",
		gonvml.ERROR_OPERATING_SYSTEM:        "/dev/nvidiactl",
		gonvml.ERROR_GPU_IS_LOST:             "reset it or reboot",
		gonvml.ERROR_UNKNOWN:                 "NVRM",
	} {
		lib := &mock.Interface{InitFunc: func() gonvml.Return { return code }}
		l, err := open(lib, func(string) bool { t.Error("looked for a symbol"); return true })
		missing := code == gonvml.ERROR_LIBRARY_NOT_FOUND
		if l != nil || err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, errors.ErrUnsupported) != missing {
			t.Errorf("%v: %v, expected %q", code, err, want)
		}
		if !missing && !errors.Is(err, code) {
			t.Errorf("%v does not wrap the code", err)
		}
	}
}

func TestNoCountOfGPUs(t *testing.T) {
	for _, has := range []bool{true, false} {
		lib := &mock.Interface{InitFunc: func() gonvml.Return { return ok }, ShutdownFunc: func() gonvml.Return { return ok },
			DeviceGetCountFunc: func() (int, gonvml.Return) { return 0, gonvml.ERROR_UNKNOWN }}
		l, err := open(lib, func(string) bool { return has })
		if l != nil || err == nil || !strings.Contains(err.Error(), "nvmlDeviceGetCount") {
			t.Errorf("%v, %v, expected that it names nvmlDeviceGetCount", l, err)
		}
		if len(lib.ShutdownCalls()) != 1 {
			t.Error("it was not shut down")
		}
	}
}

func TestNoGPUs(t *testing.T) {
	m := small()
	m.Devices = nil
	l := m.open(t)
	events, err := l.Events()
	if len(l.Devices()) > 0 || len(events) > 0 || err != nil {
		t.Errorf("%v, events %v, %v", l.Devices(), events, err)
	}
}

func TestRefusedSystem(t *testing.T) {
	for code, class := range map[gonvml.Return]string{noSupport: "not supported: ", gonvml.ERROR_UNKNOWN: "could not tell: "} {
		m := small()
		text := func() (string, gonvml.Return) { return "x", code }
		m.SystemGetDriverVersionFunc, m.SystemGetNVMLVersionFunc = text, text
		m.SystemGetCudaDriverVersionFunc = func() (int, gonvml.Return) { return 1, code }
		missing := answer.Missing(m.open(t).System())
		for _, at := range []string{"driver", "cuda", "nvml"} {
			if !strings.HasPrefix(missing[at], class) {
				t.Errorf("%s: %q, expected %q", at, missing[at], class)
			}
		}
	}
	for v, want := range map[int]string{12080: "12.8", 13000: "13.0", 11040: "11.4", 9020: "9.2"} {
		m := small()
		m.SystemGetCudaDriverVersionFunc = answers(v)
		if got := m.open(t).System().CUDA; got != is(want) {
			t.Errorf("%d is %v, expected %s", v, got, want)
		}
	}
}

func TestClose(t *testing.T) {
	m := small()
	l := m.open(t)
	l.Devices()[0].Reading() // makes samples
	if m.live != 4 {
		t.Errorf("%d samples and sets of events, expected 4", m.live)
	}
	if err := l.Close(); err != nil || m.live != 0 {
		t.Errorf("%v, %d are left", err, m.live)
	}
	if err := l.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	// Nothing is called any more: the symbols are gone.
	for _, d := range m.gpus {
		silence(&d.Device.Device)
	}
	silence(&m.Interface)
	m.time = m.time.Add(time.Second)
	for i, d := range l.Devices() {
		missing := answer.Missing(all{d.Inventory(), d.Reading(), d.Faults()})
		for _, at := range []string{"i.name", "i.nvlinks", "r.power_w", "r.nvlink.tx_bytes", "r.gpm", "f.ecc_corrected", "f.nvlinks"} {
			if missing[at] != "could not tell: NVML is closed" && (at != "f.nvlinks" || i > 0) {
				t.Errorf("GPU %d, %s: %q", i, at, missing[at])
			}
		}
	}
	if missing := answer.Missing(l.System()); len(missing) != 3 {
		t.Errorf("the system after the end: %v", missing)
	}
	if events, err := l.Events(); err == nil {
		t.Errorf("events after the end: %v", events)
	}
}

func TestCloseFails(t *testing.T) {
	m := small()
	m.EventSetCreateFunc = func() (gonvml.EventSet, gonvml.Return) {
		return &mock.EventSet{FreeFunc: func() gonvml.Return { return gonvml.ERROR_UNINITIALIZED }}, ok
	}
	m.ShutdownFunc = func() gonvml.Return { return gonvml.ERROR_UNKNOWN }
	l, err := open(m.Server, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	err = l.Close()
	for _, want := range []string{"nvmlEventSetFree: ERROR_UNINITIALIZED", "nvmlShutdown: ERROR_UNKNOWN"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, expected %q", err, want)
		}
	}
	if err := l.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

// A GPU that falls off the bus is asked no more, whichever call finds out.
func TestLostInUse(t *testing.T) {
	for _, finds := range []string{"GetName", "GetNvLinkState", "GetPowerUsage", "GetFieldValues", "GpmSampleGet", "GetTotalEccErrors"} {
		t.Run(finds, func(t *testing.T) {
			m := small()
			l := m.open(t)
			before := m.says(l.Devices()[0])
			refuse(m.gpus[0].Device, finds, gonvml.ERROR_GPU_IS_LOST)
			m.says(l.Devices()[0])
			silence(&m.gpus[0].Device.Device)
			got := m.says(l.Devices()[0])
			if got.I.PCI != before.I.PCI {
				t.Errorf("it was at %v, and is at %v", before.I.PCI, got.I.PCI)
			}
			for at, why := range answer.Missing(got) {
				if !strings.HasPrefix(at, "i.peers[0]") && !strings.HasPrefix(why, "could not tell: ") {
					t.Errorf("%s: %s", at, why)
				}
			}
			for _, a := range []error{got.I.Name.Err(), got.I.SMs.Err(), got.I.Links.Err(), got.I.Peers[1].Ancestor.Err(),
				got.I.Peers[1].NVLinks.Err(), got.R.PowerW.Err(), got.R.NVLinkRaw.TxBytes.Err(), got.R.GPM.Err(), got.R.Throttle.Err(),
				got.F.Corrected.Err(), got.F.Remapped.Err()} {
				if a == nil || !strings.Contains(a.Error(), "nvml") || !strings.Contains(a.Error(), finds) || !strings.Contains(a.Error(), "ERROR_GPU_IS_LOST") {
					t.Errorf("%v, expected what %s said", a, finds)
				}
			}
			other := m.says(l.Devices()[1])
			if other.I.Name.Err() != nil || other.R.PowerW.Err() != nil {
				t.Errorf("the other GPU is hidden: %v, %v", other.I.Name, other.R.PowerW)
			}
			if err := other.I.Peers[0].Ancestor.Err(); err == nil || !strings.Contains(err.Error(), "ERROR_GPU_IS_LOST") {
				t.Errorf("the way to the lost one: %v", err)
			}
		})
	}
}

func TestLostField(t *testing.T) {
	m := small()
	d := m.open(t).Devices()[0]
	m.gpus[0].values[field{138, allLinks}] = gonvml.ERROR_GPU_IS_LOST
	if got := d.Reading(); got.NVLink.TxBytes.Err() == nil || got.PowerW.Err() == nil {
		t.Errorf("%v, %v, expected that the GPU is lost", got.NVLink.TxBytes, got.PowerW)
	}
}

// When a call of two GPUs says that one is lost, the other still answers.
func TestLostPeer(t *testing.T) {
	m := small()
	l := m.open(t)
	refuse(m.gpus[0].Device, "GetTopologyCommonAncestor", gonvml.ERROR_GPU_IS_LOST)
	i := l.Devices()[0].Inventory()
	if !errors.Is(i.Peers[1].Ancestor.Err(), answer.ErrUnknown) || i.Peers[1].Read.Err() != nil {
		t.Errorf("%+v", i.Peers[1])
	}
	if r := l.Devices()[0].Reading(); r.PowerW.Err() != nil {
		t.Errorf("power: %v", r.PowerW)
	}
}

// A GPU that cannot be opened is listed, and hides none of the others.
func TestGPUThatCannotBeOpened(t *testing.T) {
	m := small()
	byIndex := m.DeviceGetHandleByIndexFunc
	m.DeviceGetHandleByIndexFunc = func(i int) (gonvml.Device, gonvml.Return) {
		if i == 0 {
			return nil, gonvml.ERROR_UNKNOWN
		}
		return byIndex(i)
	}
	l := m.open(t)
	d := l.Devices()
	if len(d) != 2 {
		t.Fatalf("%d devices, expected 2", len(d))
	}
	for at, why := range answer.Missing(m.says(d[0])) {
		if !strings.HasPrefix(at, "i.peers[0]") && !strings.Contains(why, "nvmlDeviceGetHandleByIndex: ERROR_UNKNOWN") {
			t.Errorf("%s: %s", at, why)
		}
	}
	if got := m.says(d[1]); got.I.Name.Err() != nil || got.R.PowerW.Err() != nil {
		t.Errorf("%v, %v", got.I.Name, got.R.PowerW)
	}
	m.gpus[1].events = []gonvml.EventData{xid(48)}
	if events, err := l.Events(); len(events) != 1 || err == nil || !strings.Contains(err.Error(), "GPU 0") {
		t.Errorf("%v, %v", events, err)
	}
}

// A GPU that a control group keeps from this process is none of its.
func TestGPUOfOthers(t *testing.T) {
	m := small()
	byIndex := m.DeviceGetHandleByIndexFunc
	mine := 1
	m.DeviceGetHandleByIndexFunc = func(i int) (gonvml.Device, gonvml.Return) {
		if i != mine {
			return nil, gonvml.ERROR_NO_PERMISSION
		}
		return byIndex(i)
	}
	l := m.open(t)
	if d := l.Devices(); len(d) != 1 {
		t.Fatalf("%d devices, expected 1", len(d))
	}
	if i := l.Devices()[0].Inventory(); i.PCI.Or("") != "0000:27:00.0" || len(i.Peers) != 1 || i.Peers[0].Ancestor.Or("") != "X" || i.Links.Or(nil)[0].RemoteGPU.Err() == nil {
		t.Errorf("%+v", i)
	}
	m.gpus[1].events = []gonvml.EventData{xid(48)}
	if events, err := l.Events(); len(events) != 1 || events[0].Device != 0 || err != nil {
		t.Errorf("%v, %v", events, err)
	}

	m = small()
	m.DeviceGetHandleByIndexFunc = func(int) (gonvml.Device, gonvml.Return) { return nil, gonvml.ERROR_NO_PERMISSION }
	if _, err := open(m.Server, func(string) bool { return true }); !errors.Is(err, answer.ErrUnknown) || !strings.Contains(err.Error(), "there are 2 GPUs, of which this process may use none") {
		t.Errorf("of others only: %v", err)
	}
}

// Symbols are looked up once, however often their calls are made.
func TestLookupsAreKept(t *testing.T) {
	m := small()
	lookups := map[string]int{}
	l, err := open(m.Server, func(symbol string) bool { lookups[symbol]++; return true })
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		m.says(l.Devices()[0])
	}
	for symbol, n := range lookups {
		if n != 1 {
			t.Errorf("%s: %d lookups", symbol, n)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// Callers who do not keep to one at a time are kept to it.
func TestManyCallers(t *testing.T) {
	m := small()
	l := m.open(t)
	var wg sync.WaitGroup
	for _, d := range l.Devices() {
		wg.Go(func() { d.Inventory() })
		wg.Go(func() { d.Reading() })
		wg.Go(func() { d.Faults() })
		wg.Go(func() { l.Events() })
		wg.Go(func() { l.System() })
	}
	wg.Wait()
}
