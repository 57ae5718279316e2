package fake

// kind is a kind of GPU.
type kind struct {
	name         string
	architecture string
	capability   string
	vbios        string // made up but for the first number, which goes with the architecture
	sms          int
	memoryMiB    int64
	smMHz        int // highest
	idleMHz      int
	memoryMHz    int
	limitW       float64
	pcie         int // generation
	links        int // NVLinks
	linkVersion  string
	linkMBps     int
	gpm          bool
	fabric       bool // whether the driver answers to nvmlDeviceGetGpuFabricInfo
}

// The names, memory, clocks, limits and PCIe generations are as nvidia-smi -q prints them
// (NVIDIA's captures of real nodes in k8s-test-infra, and reports to public trackers); the
// NVLinks as nvidia-smi nvlink -s does; the SMs as in NVIDIA's data sheets, of B200 and
// GB200 as CUDA reports them.
var (
	a100 = kind{
		name: "NVIDIA A100-SXM4-80GB", architecture: "Ampere", capability: "8.0", vbios: "92.00.00.00.00",
		sms: 108, memoryMiB: 81920, smMHz: 1410, idleMHz: 210, memoryMHz: 1593, limitW: 400, pcie: 4,
		links: 12, linkVersion: "3.0", linkMBps: 25_000,
	}
	h100 = kind{
		name: "NVIDIA H100 80GB HBM3", architecture: "Hopper", capability: "9.0", vbios: "96.00.00.00.00",
		sms: 132, memoryMiB: 81559, smMHz: 1980, idleMHz: 345, memoryMHz: 2619, limitW: 700, pcie: 5,
		links: 18, linkVersion: "4.0", linkMBps: 26_562, gpm: true, fabric: true,
	}
	h100PCIe = kind{
		name: "NVIDIA H100 PCIe", architecture: "Hopper", capability: "9.0", vbios: "96.00.00.00.00",
		sms: 114, memoryMiB: 81559, smMHz: 1755, idleMHz: 345, memoryMHz: 1593, limitW: 350, pcie: 5,
		gpm: true,
	}
	h200 = kind{
		name: "NVIDIA H200", architecture: "Hopper", capability: "9.0", vbios: "96.00.00.00.00",
		sms: 132, memoryMiB: 143771, smMHz: 1980, idleMHz: 345, memoryMHz: 3201, limitW: 700, pcie: 5,
		links: 18, linkVersion: "4.0", linkMBps: 26_562, gpm: true, fabric: true,
	}
	b200 = kind{
		name: "NVIDIA B200", architecture: "Blackwell", capability: "10.0", vbios: "97.00.00.00.00",
		sms: 148, memoryMiB: 183359, smMHz: 1965, idleMHz: 120, memoryMHz: 3996, limitW: 1000, pcie: 5,
		links: 18, linkVersion: "5.0", linkMBps: 53_125, gpm: true, fabric: true,
	}
	gb200 = kind{
		name: "NVIDIA GB200", architecture: "Blackwell", capability: "10.0", vbios: "97.00.00.00.00",
		sms: 152, memoryMiB: 189471, smMHz: 2062, idleMHz: 120, memoryMHz: 3996, limitW: 1200, pcie: 5,
		links: 18, linkVersion: "5.0", linkMBps: 53_125, gpm: true, fabric: true,
	}
)
