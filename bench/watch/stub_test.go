package watch

import (
	"time"

	"github.com/commbench/commbench/bench/answer"
	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/host"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/nvml"
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

func (s *stub) System() nvml.System     { return nvml.System{} }
func (s *stub) Devices() []nvml.Device  { return s.gpus }
func (s *stub) Close() error            { return nil }
func (g *stubGPU) Faults() nvml.Faults  { return nvml.Faults{} }
func (s *stub) Events() ([]nvml.Event, error) { return nil, next(&s.events) }
func (g *stubGPU) Inventory() nvml.Inventory {
	return nvml.Inventory{PCI: answer.None[string]("made up")}
}
func (g *stubGPU) Reading() nvml.Reading {
	time.Sleep(g.slow)
	return next(&g.readings)
}

// asked is a reading of which nothing is known, so that tests say only what they are about.
func asked(change func(*nvml.Reading)) nvml.Reading {
	var r nvml.Reading
	change(&r)
	return r
}

// stubMachine has a stub for NVML. Its ports are read from what the test says, a list for each.
func stubMachine(lib nvml.Library, ports map[string][]answer.Of[fabric.Counters]) *probe.Machine {
	m := &probe.Machine{GPUs: lib, Fake: "stub",
		Host:   func() host.Host { return host.Host{Cores: 8} },
		Fabric: func() fabric.Fabric { return fabric.Fabric{} }}
	if lib == nil {
		m.GPUs, m.Why = nil, answer.None[int]("no driver").Err()
	}
	devices := []fabric.Device{}
	for name, all := range ports {
		p := fabric.Port{Device: name, Number: 1, Kind: "infiniband", Counters: all[0]}
		devices = append(devices, fabric.Device{Name: name, Ports: answer.Is([]fabric.Port{p})})
	}
	looks := 0
	m.Fabric = func() fabric.Fabric { // is asked once for each port at each look
		for i := range devices {
			p := &devices[i].Ports.Or(nil)[0]
			all := ports[p.Device]
			p.Counters = all[min(looks/max(1, len(ports)), len(all)-1)]
		}
		looks++
		return fabric.Fabric{Devices: answer.Is(devices), Interfaces: answer.Is([]fabric.Interface{})}
	}
	return m
}
