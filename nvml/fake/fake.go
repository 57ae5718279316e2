package fake

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
)

// Machine is a machine with GPUs that are not there. It is an nvml.Library, and safe for
// concurrent use but for calls of one device. Close may be called while others hang.
type Machine struct {
	// Clock tells the time of every answer. It may be set before the first call, whose time
	// is the machine's start.
	Clock func() time.Time

	build   board
	board   Board
	kind    kind
	faults  []active
	devices []nvml.Device

	begin  sync.Once
	start  time.Time
	closed chan struct{}
	close  func()

	reporting sync.Mutex
	reported  []bool // of the faults
}

var _ nvml.Library = (*Machine)(nil)

var errClosed = errors.New("NVML was closed")

// Board is what the machine is built of. It is not to be changed.
func (m *Machine) Board() Board { return m.board }

// System is that of a driver of 2025, or of an old one.
func (m *Machine) System() nvml.System {
	driver, cuda, library, err := "580.105.08", "13.0", "13.580.105.08", error(nil)
	if m.has("old-driver", 0, 0) {
		driver, cuda, library = "470.57.02", "11.4", "11.470.57.02"
	}
	if m.isClosed() {
		err = errClosed
	}
	return nvml.System{Driver: answer.From(driver, err), CUDA: answer.From(cuda, err), NVML: answer.From(library, err)}
}

// Devices are the GPUs.
func (m *Machine) Devices() []nvml.Device { return m.devices }

// Events are the Xids of the machine's faults, each reported once.
func (m *Machine) Events() ([]nvml.Event, error) {
	t := m.elapsed()
	switch {
	case m.isClosed():
		return nil, errClosed
	case m.has("no-permission", 0, t):
		return nil, fmt.Errorf("events of GPUs: %s", noPermission)
	}
	m.reporting.Lock()
	defer m.reporting.Unlock()
	var events []nvml.Event
	for i, f := range m.faults {
		if f.Name != "xid" || t < f.after || m.reported[i] {
			continue
		}
		m.reported[i] = true
		for gpu := range m.devices {
			if f.on(gpu) {
				events = append(events, nvml.Event{Device: gpu, Xid: f.xid})
			}
		}
	}
	return events, nil
}

// Close ends the calls that hang. Later ones answer that they could not tell. It returns nil.
func (m *Machine) Close() error {
	m.close()
	return nil
}

func (m *Machine) isClosed() bool {
	select {
	case <-m.closed:
		return true
	default:
		return false
	}
}

// elapsed are seconds since the start, by the machine's clock.
func (m *Machine) elapsed() float64 {
	now := m.Clock()
	m.begin.Do(func() { m.start = now })
	return max(0, now.Sub(m.start).Seconds())
}

// has says whether a GPU has a fault at t.
func (m *Machine) has(name string, gpu int, t float64) bool {
	for _, f := range m.faults {
		if f.Name == name && f.on(gpu) && t >= f.after {
			return true
		}
	}
	return false
}

// device is a GPU of a machine.
type device struct {
	m      *Machine
	number int
	last   float64 // time of the last Reading, negative before the first
}

func (d *device) Inventory() nvml.Inventory { return d.answers(d.m.elapsed()).inventory }

func (d *device) Wires() (nvml.PCIe, answer.Of[[]nvml.Link]) {
	i := d.Inventory()
	return i.PCIe, i.Links
}

func (d *device) Faults() nvml.Faults { return d.answers(d.m.elapsed()).faults }

func (d *device) Reading() nvml.Reading {
	t := d.m.elapsed()
	if d.m.has("hang", d.number, t) {
		<-d.m.closed
	}
	r := d.answers(t).reading
	d.last = t
	return r
}

// answers are those of a sound GPU, changed by the faults that it has.
func (d *device) answers(t float64) answers {
	var err error
	switch {
	case d.m.isClosed():
		err = errClosed
	case d.m.has("lost", d.number, t):
		err = errors.New("GPU is lost")
	}
	a := answers{d.inventory(err), d.reading(t, err), d.faults(err)}
	if err != nil {
		return a
	}
	for _, f := range d.m.faults {
		if f.change != nil && f.on(d.number) && (t >= f.after || f.early) {
			f.change(&a, d, f, t)
		}
	}
	return a
}
