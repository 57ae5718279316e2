package probe

import (
	"fmt"
	"slices"

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
	for _, d := range f.Devices.Or(nil) {
		for _, p := range d.Ports.Or(nil) {
			all = append(all, m.meter(PortName(&p), false, p.Reader))
		}
	}
	for _, i := range f.Interfaces.Or(nil) {
		// An InfiniBand port counts what its interface sends; of Ethernet, a port counts RDMA only.
		if d := f.Owner(i.Name); d == nil || !slices.ContainsFunc(d.Ports.Or(nil), func(p fabric.Port) bool { return p.Kind == "infiniband" }) {
			all = append(all, m.meter(i.Name, i.Kind == "loopback" || i.Kind == "virtual", i.Reader))
		}
	}
	return all
}

// PortName is how a port is called in records and on pages.
func PortName(p *fabric.Port) string { return fmt.Sprintf("%s/%d", p.Device, p.Number) }

// meter reads a counter, of a machine that is not there from all that it has.
func (m *Machine) meter(name string, local bool, open func(root string) *fabric.Reader) Meter {
	read := func() (fabric.Counters, error) { return counted(m.Fabric(), name) }
	if m.Fake == "" {
		read = open("").Read
	}
	return Meter{fabric.Shown(name), local, read}
}
