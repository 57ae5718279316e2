package probe

import (
	"fmt"
	"slices"

	"github.com/commbench/commbench/bench/fabric"
)

// Meter reads the counters of an interface or a port. It is for one goroutine.
type Meter struct {
	Name  string // "eth0", "mlx5_0/1"
	Local bool   // what it counts leaves no machine, or others count it too: loopback, interfaces of software, bonds
	Read  func() (fabric.Counters, error)
}

// Meters are what counts the bytes of a machine's networks: its RDMA ports and its interfaces. A port of
// InfiniBand counts what its interface sends, too, where it has counters at all. One of Ethernet (RoCE) counts RDMA
// alone, and its interface all else. An interface counts what those below it do: Azure's has hardware of
// its own and stands on another.
func (m *Machine) Meters(f *fabric.Fabric) (all []Meter) {
	for _, d := range f.Devices.Or(nil) {
		for _, p := range d.Ports.Or(nil) {
			all = append(all, m.meter(PortName(&p), false, p.Reader))
		}
	}
	for _, i := range f.Interfaces.Or(nil) {
		if d := f.Owner(i.Name); d == nil || !slices.ContainsFunc(d.Ports.Or(nil), countsAll) {
			all = append(all, m.meter(i.Name, i.Kind == "loopback" || i.Kind == "virtual" || len(i.Below) > 0, i.Reader))
		}
	}
	return all
}

// countsAll says whether a port counts what its interface sends.
func countsAll(p fabric.Port) bool { return p.Kind == "infiniband" && p.Counters.Err() == nil }

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
