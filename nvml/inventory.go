//go:build cgo && linux

package nvml

import (
	"fmt"
	"math/bits"

	gonvml "github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/commbench/commbench/nvml/answer"
)

var architectures = map[gonvml.DeviceArchitecture]string{
	gonvml.DEVICE_ARCH_KEPLER: "Kepler", gonvml.DEVICE_ARCH_MAXWELL: "Maxwell", gonvml.DEVICE_ARCH_PASCAL: "Pascal",
	gonvml.DEVICE_ARCH_VOLTA: "Volta", gonvml.DEVICE_ARCH_TURING: "Turing", gonvml.DEVICE_ARCH_AMPERE: "Ampere",
	gonvml.DEVICE_ARCH_ADA: "Ada", gonvml.DEVICE_ARCH_HOPPER: "Hopper", gonvml.DEVICE_ARCH_BLACKWELL: "Blackwell",
	gonvml.DEVICE_ARCH_RUBIN: "Rubin",
}

var computeModes = map[gonvml.ComputeMode]string{
	gonvml.COMPUTEMODE_DEFAULT:           "default",
	gonvml.COMPUTEMODE_EXCLUSIVE_THREAD:  "exclusive thread",
	gonvml.COMPUTEMODE_PROHIBITED:        "prohibited",
	gonvml.COMPUTEMODE_EXCLUSIVE_PROCESS: "exclusive process",
}

func (d *device) Inventory() Inventory {
	d.lib.mu.Lock()
	defer d.lib.mu.Unlock()
	capability := ask(d, "nvmlDeviceGetCudaComputeCapability", func(g gonvml.Device) (v [2]int, ret gonvml.Return) {
		v[0], v[1], ret = g.GetCudaComputeCapability()
		return v, ret
	})
	ecc := ask(d, "nvmlDeviceGetEccMode", func(g gonvml.Device) (gonvml.EnableState, gonvml.Return) {
		now, _, ret := g.GetEccMode()
		return now, ret
	})
	pcie, links := d.wires()
	return Inventory{
		Name: ask(d, "nvmlDeviceGetName", gonvml.Device.GetName),
		UUID: ask(d, "nvmlDeviceGetUUID", gonvml.Device.GetUUID),
		Architecture: named(ask(d, "nvmlDeviceGetArchitecture", gonvml.Device.GetArchitecture),
			"architecture", architectures),
		Capability: answer.Map(capability, func(v [2]int) string { return fmt.Sprintf("%d.%d", v[0], v[1]) }),
		PCI:        d.pci,
		SMs:        d.sms(capability),
		MemoryBytes: answer.Map(ask(d, "nvmlDeviceGetMemoryInfo", gonvml.Device.GetMemoryInfo),
			func(m gonvml.Memory) int64 { return int64(m.Total) }),
		MIG: d.isMIG(),
		ComputeMode: named(ask(d, "nvmlDeviceGetComputeMode", gonvml.Device.GetComputeMode),
			"compute mode", computeModes),
		Persistence:  answer.Map(ask(d, "nvmlDeviceGetPersistenceMode", gonvml.Device.GetPersistenceMode), enabled),
		ECC:          answer.Map(ecc, enabled),
		NUMANode:     d.node(),
		PowerLimitW:  answer.Map(ask(d, "nvmlDeviceGetEnforcedPowerLimit", gonvml.Device.GetEnforcedPowerLimit), thousandths),
		MaxSMMHz:     answer.Map(ask(d, "nvmlDeviceGetMaxClockInfo", with(gonvml.Device.GetMaxClockInfo, gonvml.CLOCK_SM)), integer),
		MaxMemoryMHz: answer.Map(ask(d, "nvmlDeviceGetMaxClockInfo", with(gonvml.Device.GetMaxClockInfo, gonvml.CLOCK_MEM)), integer),
		VBIOS:        ask(d, "nvmlDeviceGetVbiosVersion", gonvml.Device.GetVbiosVersion),
		PCIe:         pcie,
		Links:        links,
		Fabric:       d.fabric(),
		Peers:        d.peers(links),
	}
}

func enabled(s gonvml.EnableState) bool { return s == gonvml.FEATURE_ENABLED }
func integer(v uint32) int              { return int(v) }

// thousandths are of watts or joules.
func thousandths[T uint32 | uint64](v T) float64 { return float64(v) / 1000 }

// place is how sysfs names a device. NVML writes a longer domain, and nothing where the
// function stands: GPUs and switches have only number 0.
func place(p gonvml.PciInfo) answer.Of[string] {
	if p.Domain == 0 && p.Bus == 0 && p.Device == 0 { // that is the host bridge
		return answer.None[string]("NVML gives no place on the PCI bus")
	}
	return answer.Is(fmt.Sprintf("%04x:%02x:%02x.0", p.Domain, p.Bus, p.Device))
}

func (d *device) isMIG() answer.Of[bool] {
	return ask(d, "nvmlDeviceGetMigMode", func(g gonvml.Device) (bool, gonvml.Return) {
		now, _, ret := g.GetMigMode()
		return now == gonvml.DEVICE_MIG_ENABLE, ret
	})
}

// sms are cores by the cores of one SM: NVML counts SMs only of parts of a GPU, in MIG mode,
// where it counts no cores.
func (d *device) sms(capability answer.Of[[2]int]) answer.Of[int] {
	if d.mig {
		parts, ret := call(d, "nvmlDeviceGetAttributes", gonvml.Device.GetAttributes)
		if ret == gonvml.ERROR_INVALID_ARGUMENT {
			return answer.None[int]("in MIG mode NVML counts SMs only of parts of the GPU")
		}
		return answer.Map(parts, func(a gonvml.DeviceAttributes) int { return int(a.MultiprocessorCount) })
	}
	cores := ask(d, "nvmlDeviceGetNumGpuCores", gonvml.Device.GetNumGpuCores)
	return then(cores, func(cores int) answer.Of[int] {
		return then(capability, func(v [2]int) answer.Of[int] {
			each := coresPerSM(v[0], v[1])
			if each == 0 || cores%each != 0 {
				return answer.Unknown[int](fmt.Sprintf("%d cores, and how many an SM of capability %d.%d has is not known here",
					cores, v[0], v[1]))
			}
			return answer.Is(cores / each)
		})
	})
}

// coresPerSM is from the CUDA programming guide's table of arithmetic throughput, 0 where it
// is not known.
func coresPerSM(major, minor int) int {
	switch {
	case major == 6 && minor == 0, major == 7, major == 8 && minor == 0:
		return 64
	case major == 6 && minor <= 2, major == 8 && (minor == 6 || minor == 7 || minor == 9),
		major == 9 && minor == 0, major == 10, major == 12:
		return 128
	}
	return 0
}

// node is of the host's memory. nvmlDeviceGetNumaNodeId is another: that of GPUs whose own
// memory is a node.
func (d *device) node() answer.Of[int] {
	nodes := ask(d, "nvmlDeviceGetMemoryAffinity", func(g gonvml.Device) ([]uint, gonvml.Return) {
		return g.GetMemoryAffinity(128, gonvml.AFFINITY_SCOPE_NODE)
	})
	return then(nodes, func(mask []uint) answer.Of[int] {
		n, near := 0, 0
		for i, word := range mask {
			if word != 0 {
				n, near = n+bits.OnesCount(word), i*bits.UintSize+bits.TrailingZeros(word)
			}
		}
		if n != 1 {
			return answer.Unknown[int](fmt.Sprintf("nvmlDeviceGetMemoryAffinity: %d memory nodes are equally near", n))
		}
		return answer.Is(near)
	})
}
