//go:build cgo && linux

package nvml

import (
	"reflect"
	"strings"
	"testing"
	"time"

	gonvml "github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/gpus"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/server"
	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/nvml/answer"
)

const (
	noSupport = gonvml.ERROR_NOT_SUPPORTED
	noArg     = gonvml.ERROR_INVALID_ARGUMENT
	ok        = gonvml.SUCCESS
	perLink   = ^uint32(0) - 1 // a scope of gpu.values: the same for every link
)

// machine is one of go-nvml's servers whose devices answer all that this package asks.
type machine struct {
	*server.Server
	gpus  []*gpu
	lacks map[string]bool // symbols
	time  time.Time
	live  int // samples and sets of events that are not freed
}

// newMachine gives each device of a server the rest of what it lacks, and cores by its kind.
func newMachine(s *server.Server, cores int, wires []wire) *machine {
	m := &machine{Server: s, lacks: map[string]bool{}, time: time.Unix(1000, 0)}
	for i := range s.Devices {
		m.gpus = append(m.gpus, m.equip(s.Devices[i].(*server.Device), i, cores, wires))
	}
	s.EventSetCreateFunc = func() (gonvml.EventSet, gonvml.Return) {
		m.live++
		return &mock.EventSet{FreeFunc: func() gonvml.Return { m.live--; return ok }}, ok
	}
	s.GpmSampleAllocFunc = func() (gonvml.GpmSample, gonvml.Return) {
		m.live++
		return &mock.GpmSample{FreeFunc: func() gonvml.Return { m.live--; return ok }}, ok
	}
	s.GpmMetricsGetFunc = func(get *gonvml.GpmMetricsGetType) gonvml.Return {
		for i := range get.NumMetrics {
			get.Metrics[i].Value = float64(get.Metrics[i].MetricId)
		}
		return ok
	}
	return m
}

// small is two H100s: a link between them, and one to a switch.
func small() *machine {
	s := server.NewServerWithGPUs("550.54.15", "12.550.54.15", 12040, gpus.Multiple(2, gpus.H100_SXM5_80GB)...)
	m := newMachine(s, 16896, toSwitch(2))
	for i, g := range m.gpus {
		g.wires[0] = wire{kind: gonvml.NVLINK_DEVICE_TYPE_GPU, bus: bus(1 - i)}
	}
	return m
}

// open opens the machine; at the end everything that was made must be freed.
func (m *machine) open(t *testing.T) *library {
	t.Helper()
	lib, err := open(m.Server, func(symbol string) bool { return !m.lacks[symbol] })
	if err != nil {
		t.Fatal(err)
	}
	l := lib.(*library)
	l.now = func() time.Time { return m.time }
	t.Cleanup(func() {
		if err := l.Close(); err != nil || m.live != 0 || len(m.ShutdownCalls()) != 1 {
			t.Errorf("closing: %v; %d samples and sets are left, shut down %d times", err, m.live, len(m.ShutdownCalls()))
		}
	})
	return l
}

// all is all that a device says.
type all struct {
	I Inventory `json:"i"`
	R Reading   `json:"r"`
	F Faults    `json:"f"`
}

// says is after a first reading, which has no means.
func (m *machine) says(d Device) all {
	d.Reading()
	m.time = m.time.Add(time.Second)
	return all{d.Inventory(), d.Reading(), d.Faults()}
}

// refuse lets a call of a device answer a code and zeroes.
func refuse(d *server.Device, call string, code gonvml.Return) {
	f := reflect.ValueOf(&d.Device).Elem().FieldByName(call + "Func")
	f.Set(reflect.MakeFunc(f.Type(), func([]reflect.Value) (out []reflect.Value) {
		for i := range f.Type().NumOut() {
			out = append(out, reflect.Zero(f.Type().Out(i)))
		}
		out[len(out)-1] = reflect.ValueOf(code)
		return out
	}))
}

// silence lets every further call of a mock panic.
func silence(mock any) {
	v := reflect.ValueOf(mock).Elem()
	for f, value := range v.Fields() {
		if strings.HasSuffix(f.Name, "Func") {
			value.SetZero()
		}
	}
}

// calls are the names of all that a device of a mock can be asked.
func calls(d *server.Device) (names []string) {
	v := reflect.ValueOf(&d.Device).Elem()
	for f, value := range v.Fields() {
		if name, isFunc := strings.CutSuffix(f.Name, "Func"); isFunc && !value.IsNil() {
			names = append(names, name)
		}
	}
	return names
}

// exact compares answers with their reasons.
var exact = cmp.Exporter(func(reflect.Type) bool { return true })

func is[T any](v T) answer.Of[T] { return answer.Is(v) }
