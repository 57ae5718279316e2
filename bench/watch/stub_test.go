package watch

import (
	"time"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/host"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
)

// stub is an NVML of GPUs that answer what a test says, one reading after the other and the last
// for ever.
type stub struct {
	gpus   []nvml.Device
	events []error // of each call, likewise
}

type stubGPU struct {
	readings []nvml.Reading
	slow     time.Duration // each takes so long
}

func next[T any](from *[]T) (v T) {
	if all := *from; len(all) > 0 {
		v = all[0]
		*from = all[min(1, len(all)-1):]
	}
	return v
}

func (s *stub) System() nvml.System    { return nvml.System{} }
func (s *stub) Devices() []nvml.Device { return s.gpus }
func (s *stub) Close() error           { return nil }
func (g *stubGPU) Faults() nvml.Faults { return nvml.Faults{} }
func (g *stubGPU) Wires() (nvml.PCIe, answer.Of[[]nvml.Link]) {
	return nvml.PCIe{}, answer.Of[[]nvml.Link]{}
}
func (s *stub) Events() ([]nvml.Event, error) { return nil, next(&s.events) }
func (g *stubGPU) Inventory() nvml.Inventory {
	return nvml.Inventory{PCI: answer.None[string]("made up")}
}
func (g *stubGPU) Reading() nvml.Reading {
	time.Sleep(g.slow)
	return next(&g.readings)
}

// machineOf is a machine without networks, whose NVML is lib; nil is none.
func machineOf(lib nvml.Library) *probe.Machine {
	m := &probe.Machine{GPUs: lib, Host: func() host.Host { return host.Host{Cores: 8} },
		Fabric: func() fabric.Fabric {
			return fabric.Fabric{Interfaces: answer.Is([]fabric.Interface{}), Devices: answer.Is([]fabric.Device{})}
		}}
	if lib == nil {
		m.Why = answer.None[int]("no driver").Err()
	}
	return m
}

// port is a meter of what a test says, one reading after the other.
func port(name string, local bool, readings ...answer.Of[uint64]) probe.Meter {
	return probe.Meter{Name: name, Local: local, Read: func() (fabric.Counters, error) {
		v := next(&readings)
		return fabric.Counters{TxBytes: v.Or(0), RxBytes: 2 * v.Or(0)}, v.Err()
	}}
}
