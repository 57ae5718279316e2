package probe

import (
	"errors"
	"fmt"
	"time"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/host"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
)

// Schema is the name and version of a page as JSON.
const Schema = "commbench.probe/v1"

// Page is a machine at a moment.
type Page struct {
	Schema   string            `json:"schema"`
	Time     time.Time         `json:"time"`
	Version  string            `json:"version"` // of the program
	Fake     *string           `json:"fake"`    // the machine that was asked for; null for the real one
	Host     host.Host         `json:"host"`
	Driver   nvml.System       `json:"gpu_driver"`
	GPUs     answer.Of[[]GPU]  `json:"gpus"`
	Silent   string            `json:"silent"` // who did not answer: GPUs are those that did; "" if all did
	Fabric   fabric.Fabric     `json:"fabric"`
	Topology Topology          `json:"topology"`
	Verdicts []record.Verdict  `json:"verdicts"`
	Missing  map[string]string `json:"missing"` // why a field is null
}

// GPU is one of the machine.
type GPU struct {
	Number int          `json:"gpu"`
	Place  fabric.Place `json:"place"`
	nvml.Inventory
	Reading nvml.Reading `json:"reading"`
	Faults  nvml.Faults  `json:"faults"`
}

// Machine is where the facts come from.
type Machine struct {
	// Open opens NVML, when GPUs are asked for first: on a machine in trouble it may never return.
	Open func() (nvml.Library, error)
	GPUs nvml.Library // nil until it is open, and where there is none
	Why  error        // why there is none
	// Host and Fabric are read by these, none of which is nil.
	Host   func() host.Host
	Fabric func() fabric.Fabric
	// Place is where a PCI device is.
	Place func(pci string) fabric.Place
	// Asking, if set, is told what is asked next, and Answered each GPU as it is read: one in trouble may never
	// answer.
	Asking   func(what string)
	Answered func(GPU)
	Fake     string // the spec of a machine that is not there
}

// Here is this machine. The caller closes it. Where NVML cannot be had the rest is there all
// the same.
func Here() *Machine {
	return &Machine{Open: nvml.Open,
		Host:   func() host.Host { return host.Read("") },
		Fabric: func() fabric.Fabric { return fabric.Read("") },
		Place:  func(pci string) fabric.Place { return fabric.At("", pci) },
	}
}

// Close ends NVML. What is read after it says nothing of GPUs.
func (m *Machine) Close() error {
	lib := m.GPUs
	m.GPUs, m.Open, m.Why = nil, nil, answer.None[int]("closed").Err()
	if lib == nil {
		return nil
	}
	return lib.Close()
}

// Read reads all of the machine. It takes some milliseconds, and a second or more where there are GPUs.
func (m *Machine) Read() *Page { return m.AddGPUs(m.ReadHost()) }

// ReadHost reads what is there without GPUs, which may never answer.
func (m *Machine) ReadHost() *Page {
	p := &Page{Schema: Schema, Time: time.Now().UTC(), Host: m.Host(), Fabric: m.Fabric()}
	if m.Fake != "" {
		p.Fake = &m.Fake
	}
	p.Topology = topology(p)
	return p
}

// AddGPUs is the page with the GPUs.
func (m *Machine) AddGPUs(p *Page) *Page {
	driver, gpus := m.gpus()
	all := p.WithGPUs(gpus)
	all.Driver = driver
	return all
}

// WithGPUs is the page with these GPUs, of which the first is number 0, and what follows from where they are.
func (p *Page) WithGPUs(gpus answer.Of[[]GPU]) *Page {
	all := *p
	all.GPUs = gpus
	all.Topology = topology(&all)
	return &all
}

// Finish collects why fields are null. It is called when the page is complete.
func (p *Page) Finish() *Page {
	p.Missing = answer.Missing(p)
	return p
}

// gpus are all GPUs with all that is known of them.
func (m *Machine) gpus() (nvml.System, answer.Of[[]GPU]) {
	if m.GPUs == nil && m.Open != nil {
		m.Ask("NVML, to open it,")
		m.GPUs, m.Why = m.Open()
		m.Open = nil
	}
	if m.GPUs == nil {
		why := m.Why
		if why == nil {
			why = errors.ErrUnsupported
		}
		none := answer.From("", why)
		return nvml.System{Driver: none, CUDA: none, NVML: none}, answer.From[[]GPU](nil, why)
	}
	lib, all := m.GPUs, []GPU{}
	for i, d := range lib.Devices() {
		m.Ask(fmt.Sprintf("GPU %d", i))
		g := GPU{Number: i, Inventory: d.Inventory(), Reading: d.Reading(), Faults: d.Faults()}
		if pci, ok := g.PCI.Get(); ok {
			g.Place = m.Place(pci)
		} else {
			err := g.PCI.Err()
			g.Place = fabric.Place{PCI: g.PCI, Path: answer.From[[]string](nil, err), NUMA: answer.From(0, err)}
		}
		all = append(all, g)
		if m.Answered != nil {
			m.Answered(g)
		}
	}
	return lib.System(), answer.Is(all)
}

// Again is the page with what may have changed since it was read: networks, and of GPUs links,
// readings and faults. All else stays as it was.
func (m *Machine) Again(p *Page) *Page {
	now := *p
	now.Time, now.Fabric = time.Now().UTC(), m.Fabric()
	if m.GPUs == nil {
		return &now
	}
	before, ok := p.GPUs.Get()
	if !ok {
		return &now
	}
	all := make([]GPU, len(before))
	for i, d := range m.GPUs.Devices()[:len(before)] {
		m.Ask(fmt.Sprintf("GPU %d", i))
		all[i] = before[i]
		all[i].PCIe, all[i].Links = d.Wires()
		all[i].Reading, all[i].Faults = d.Reading(), d.Faults()
	}
	now.GPUs = answer.Is(all)
	return &now
}

// Ask tells Asking, if it is set, what is asked next.
func (m *Machine) Ask(what string) {
	if m.Asking != nil {
		m.Asking(what)
	}
}
