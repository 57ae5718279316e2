package host

import "github.com/commbench/commbench/bench/record"

// Record is what a record says of the host.
func (h Host) Record() record.HostInfo {
	r := record.HostInfo{CPU: h.CPU.Ptr(), Cores: &h.Cores, PhysicalCores: h.Physical.Ptr(), Sockets: h.Sockets.Ptr(), MemoryBytes: h.MemoryBytes.Ptr(),
		Governor: h.Governor.Or(nil), HugePages: h.HugePages.Private.Ptr(), SharedHugePages: h.HugePages.Shared.Ptr(),
		OS: &h.OS, Arch: &h.Arch, Kernel: h.Kernel.Ptr(), Go: &h.Go, Hypervisor: h.Hypervisor.Ptr()}
	if nodes, ok := h.NUMANodes.Get(); ok {
		r.NUMANodes = new(len(nodes))
	}
	return r
}
