package probe

import (
	"fmt"

	"github.com/commbench/commbench/bench/fabric"
)

// Meter reads the counters of an interface or a port. It is for one goroutine.
type Meter struct {
	Name  string // "eth0", "mlx5_0/1"
	Local bool   // what it counts leaves no machine: loopback, and interfaces of software
	Read  func() (fabric.Counters, error)
}

// Meters are what counts the bytes of a machine's networks: its RDMA ports and its interfaces. A port of
// InfiniBand counts what its interface sends, too. One of Ethernet (RoCE) counts RDMA alone,
// and its interface all else.
func (m *Machine) Meters(f *fabric.Fabric) (all []Meter) {
	owned := map[string]bool{}
	for _, d := range f.Devices.Or(nil) {
		for _, p := range d.Ports.Or(nil) {
			all = append(all, Meter{PortName(&p), false, m.read(PortName(&p), p.Reader)})
			for _, n := range d.Netdevs {
				owned[n] = owned[n] || p.Kind == "infiniband"
			}
		}
	}
	for _, i := range f.Interfaces.Or(nil) {
		if !owned[i.Name] {
			all = append(all, Meter{shown(i.Name), i.Kind == "loopback" || i.Kind == "virtual", m.read(i.Name, i.Reader)})
		}
	}
	return all
}

// PortName is how a port is called in records and on pages.
func PortName(p *fabric.Port) string { return fmt.Sprintf("%s/%d", p.Device, p.Number) }

// read reads a counter, of a machine that is not there from all that it has.
func (m *Machine) read(name string, open func(root string) *fabric.Reader) func() (fabric.Counters, error) {
	if m.Fake != "" {
		return func() (fabric.Counters, error) { return counted(m.Fabric(), name) }
	}
	return open("").Read
}
