package fake

import (
	"fmt"
	"strings"
)

// Board is what a machine is built of, beside what NVML tells of its GPUs.
type Board struct {
	Name    string // "DGX H100"
	CPU     string
	Sockets int
	GPUs    []Slot // in NVML's order
	NICs    []NIC  // that are there for the GPUs, in the order of these
}

// Slot is where a PCI device is.
type Slot struct {
	PCI  string   // "0000:1b:00.0"
	Path []string // from the host bridge down to the device itself, as in sysfs
	NUMA int
}

// NIC is an RDMA device of one port.
type NIC struct {
	Name string // "mlx5_0"
	Slot
	GbitPerS  float64
	LinkLayer string // "infiniband", "roce", "efa"
}

// board is a build of machines. One with fewer GPUs has the first ones, with their NICs.
type board struct {
	name     string // in a spec
	title    string
	kind     kind
	cpu      string
	sockets  int
	gbit     float64
	layer    string
	switches []string // PCI addresses of NVSwitches, where the host sees them
	cluster  string   // UUID of the NVLink domain, zeros where that is the board
	gpus     int
	seat     func(gpu int) seat
}

// seat is a GPU and the NICs that are there for it.
type seat struct {
	numa int
	gpu  []string // path
	nics []named
}

type named struct {
	name string
	path []string
}

const (
	noCluster = "00000000-0000-0000-0000-000000000000"
	xeon8480  = "Intel(R) Xeon(R) Platinum 8480C"
)

var (
	switchesA100 = []string{"0000:c4:00.0", "0000:c5:00.0", "0000:c6:00.0", "0000:c7:00.0", "0000:c8:00.0", "0000:c9:00.0"}
	switchesH100 = []string{"0000:07:00.0", "0000:08:00.0", "0000:09:00.0", "0000:0a:00.0"}
)

// Addresses of GPUs and NICs, CPUs and NUMA nodes are those of NVIDIA's user guides of DGX
// A100, H100 and GB200, and of AWS's topology file of p5.48xlarge; H200 and B200 are taken
// to be as H100. The cards are of no particular server. The numbers of the bridges between
// are made up, to give the distances of nvidia-smi topo -m.
var boards = []board{
	{name: "a100", title: "DGX A100", kind: a100, cpu: "AMD EPYC 7742 64-Core Processor", sockets: 2,
		gbit: 200, layer: "infiniband", switches: switchesA100, gpus: 8, seat: dgxA100},
	{name: "h100", title: "DGX H100", kind: h100, cpu: xeon8480, sockets: 2,
		gbit: 400, layer: "infiniband", switches: switchesH100, cluster: noCluster, gpus: 8, seat: dgxH100},
	{name: "h200", title: "DGX H200", kind: h200, cpu: xeon8480, sockets: 2,
		gbit: 400, layer: "infiniband", switches: switchesH100, cluster: noCluster, gpus: 8, seat: dgxH100},
	{name: "b200", title: "DGX B200", kind: b200, cpu: "Intel(R) Xeon(R) Platinum 8570", sockets: 2,
		gbit: 400, layer: "infiniband", cluster: noCluster, gpus: 8, seat: dgxH100},
	{name: "gb200", title: "GB200 NVL72 compute tray", kind: gb200, cpu: "NVIDIA Grace (Arm Neoverse-V2)", sockets: 2,
		gbit: 400, layer: "infiniband", cluster: "fake0000-0000-0000-0000-000000000072", gpus: 4, seat: nvl72},
	{name: "h100-efa", title: "AWS p5.48xlarge", kind: h100, cpu: "AMD EPYC 7R13 Processor", sockets: 2,
		gbit: 100, layer: "efa", switches: switchesH100, cluster: noCluster, gpus: 8, seat: p5},
	{name: "h100-pcie", title: "server with H100 PCIe cards", kind: h100PCIe, cpu: "Intel(R) Xeon(R) Platinum 8462Y+", sockets: 2,
		gbit: 400, layer: "roce", gpus: 8, seat: cards},
}

// dgxA100 has two GPUs and two NICs behind the switches of each of four host bridges. Its
// EPYCs are in four NUMA nodes each (NPS4).
func dgxA100(i int) seat {
	h, gpu := []int{0x00, 0x40, 0x80, 0xb0}[i/2], []int{0x07, 0x0f, 0x47, 0x4e, 0x87, 0x90, 0xb7, 0xbd}[i]
	nic := []int{0x0c, 0x12, 0x4b, 0x54, 0x8d, 0x94, 0xba, 0xcc}[i]
	behind := func(port, bus int) []string {
		return path("pci0000:%02x 0000:%02[1]x:01.1 0000:%02x:00.0 0000:%02x:%02x.0 0000:%02x:00.0 0000:%02x:00.0 0000:%02x:00.0",
			h, h+1, h+2, port, bus-2, bus-1, bus)
	}
	return seat{[]int{3, 1, 7, 5}[i/2], behind(i%2, gpu), []named{
		{fmt.Sprintf("mlx5_%d", []int{0, 1, 2, 3, 6, 7, 8, 9}[i]), behind(2+i%2, nic)},
	}}
}

// dgxH100 has a GPU and its NIC behind one switch. The numbers that are left out are NICs for storage.
func dgxH100(i int) seat {
	h := []int{0x15, 0x3d, 0x4c, 0x5b, 0x97, 0xbd, 0xcb, 0xd9}[i]
	return seat{i / 4, behindSwitch(h, 2, h+6), []named{
		{fmt.Sprintf("mlx5_%d", []int{0, 3, 4, 5, 6, 9, 10, 11}[i]), behindSwitch(h, 0, h+3)},
	}}
}

// p5 has a GPU and four NICs behind one switch.
func p5(i int) seat {
	h := []int{0x4c, 0x5d, 0x6e, 0x7f, 0x90, 0xa1, 0xb2, 0xc3}[i]
	s := seat{i / 4, behindSwitch(h, 4, h+7), nil}
	for n := range 4 {
		s.nics = append(s.nics, named{fmt.Sprintf("rdmap%ds0", h+3+n), behindSwitch(h, n, h+3+n)})
	}
	return s
}

// nvl72 has host bridges of their own for GPUs and NICs. Two of each are of one Grace.
func nvl72(i int) seat {
	return seat{i / 2, path("pci%04x:00 %04[1]x:00:00.0 %04[1]x:01:00.0", []int{0x8, 0x9, 0x18, 0x19}[i]), []named{
		{fmt.Sprintf("mlx5_%d", []int{0, 1, 4, 5}[i]),
			path("pci%04x:00 %04[1]x:00:00.0 %04[1]x:01:00.0 %04[1]x:02:00.0 %04[1]x:03:00.0", []int{0x0, 0x2, 0x10, 0x12}[i])},
	}}
}

// cards are in slots of the CPUs, and so is one NIC of each socket.
func cards(i int) seat {
	s := seat{i / 4, path("pci0000:%02x 0000:%02[1]x:01.0 0000:%02x:00.0", 16*i+8, 16*i+9), nil}
	if i%4 == 0 {
		s.nics = []named{{fmt.Sprintf("mlx5_%d", i/4), path("pci0000:%02x 0000:%02[1]x:01.0 0000:%02x:00.0", 16*i+4, 16*i+5)}}
	}
	return s
}

// behindSwitch is the path to a bus behind a port of the only switch of host bridge h.
func behindSwitch(h, port, bus int) []string {
	return path("pci0000:%02x 0000:%02[1]x:01.0 0000:%02x:00.0 0000:%02x:%02x.0 0000:%02x:00.0", h, h+1, h+2, port, bus)
}

func path(format string, numbers ...any) []string {
	return strings.Fields(fmt.Sprintf(format, numbers...))
}

// with is the build with so many GPUs.
func (b board) with(gpus int) Board {
	built := Board{Name: b.title, CPU: b.cpu, Sockets: b.sockets}
	for i := range gpus {
		s := b.seat(i)
		at := func(path []string) Slot { return Slot{path[len(path)-1], path, s.numa} }
		built.GPUs = append(built.GPUs, at(s.gpu))
		for _, n := range s.nics {
			built.NICs = append(built.NICs, NIC{n.name, at(n.path), b.gbit, b.layer})
		}
	}
	return built
}

// ancestor is what two devices share, as nvml.Peer names it.
func ancestor(a, b Slot) string {
	shared := 0
	for shared < min(len(a.Path), len(b.Path)) && a.Path[shared] == b.Path[shared] {
		shared++
	}
	switch below := max(len(a.Path), len(b.Path)) - shared; {
	case below == 0:
		return "X"
	case shared == 0 && a.NUMA != b.NUMA:
		return "SYS"
	case shared == 0:
		return "NODE"
	case shared == 1:
		return "PHB"
	case below <= 2: // each has no more than a port of the shared switch above it
		return "PIX"
	}
	return "PXB"
}
