package probe

import (
	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/nvml/answer"
)

// Record is what a record says of the machine: no serial number, no address, no name of a host.
func (p *Page) Record() record.HostInfo {
	h := p.Host.Record()
	h.GPUDriver = p.Driver.Driver.Ptr()
	if all, ok := p.GPUs.Get(); ok {
		h.GPUs = []record.GPU{}
		for i := range all {
			g := &all[i]
			h.GPUs = append(h.GPUs, record.GPU{Name: g.Name.Ptr(), SMs: g.SMs.Ptr(), MemoryBytes: g.MemoryBytes.Ptr(), ECC: g.ECC.Ptr(), MIG: g.MIG.Ptr()})
		}
	}
	mtu := map[string]answer.Of[int]{}
	interfaces, ok := p.Fabric.Interfaces.Get()
	if ok {
		h.NICs = []record.NIC{}
	}
	for _, i := range interfaces {
		mtu[i.Name] = i.MTU
	}
	for _, d := range p.Fabric.Devices.Or(nil) {
		of := answer.Of[int]{}
		for _, name := range d.Netdevs {
			of = mtu[name]
		}
		for _, port := range d.Ports.Or(nil) {
			h.NICs = append(h.NICs, record.NIC{Name: fabric.Shown(PortName(&port)), Kind: port.Kind, RateGbps: port.RateGbps.Ptr(), MTU: of.Ptr(), NUMANode: d.Place.NUMA.Ptr(),
				Up: answer.Map(port.State, func(s string) bool { return s == "ACTIVE" }).Ptr()})
		}
	}
	for _, i := range interfaces {
		if i.Kind != "virtual" && p.Fabric.Owner(i.Name) == nil {
			h.NICs = append(h.NICs, record.NIC{Name: fabric.Shown(i.Name), Kind: i.Kind, MTU: i.MTU.Ptr(), NUMANode: i.Place.NUMA.Ptr(), Up: i.Up.Ptr(),
				RateGbps: answer.Map(i.SpeedMbps, func(v int) float64 { return float64(v) / 1e3 }).Ptr()})
		}
	}
	return h
}
