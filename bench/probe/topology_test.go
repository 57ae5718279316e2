package probe_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/nvml/answer"
)

var known = regexp.MustCompile(`^(NV[1-9]\d?|PIX|PXB|PHB|NODE|SYS)$`)

func TestTopology(t *testing.T) {
	specs, _ := probe.Fakes()
	for _, spec := range append(specs, "h100x4,no-nvlink", "a100x1") {
		t.Run(spec, func(t *testing.T) {
			p := machine(t, spec).Read()
			top := p.Topology
			devices := len(p.GPUs.Or(nil)) + len(probe.NICs(&p.Fabric))
			if len(top.Names) != devices || len(top.Cells) != devices || len(top.NUMA) != devices {
				t.Fatalf("%d names, %d rows and %d nodes of %d devices", len(top.Names), len(top.Cells), len(top.NUMA), devices)
			}
			for a, row := range top.Cells {
				if len(row) != devices || row[a] != "X" || top.NUMA[a] == nil {
					t.Fatalf("%s: %v, on node %v", top.Names[a], row, top.NUMA[a])
				}
				for b, cell := range row {
					if cell != top.Cells[b][a] || a != b && !known.MatchString(cell) {
						t.Errorf("from %s to %s it is %q, and back %q", top.Names[a], top.Names[b], cell, top.Cells[b][a])
					}
				}
			}
		})
	}
}

// Links that are down show, and where there are none what PCI devices share does.
func TestCells(t *testing.T) {
	tests := map[string]struct {
		spec string
		want [3]string // from GPU 1 to GPU 0, to GPU 2, to the first NIC
	}{
		"through switches":   {"h100x3", [3]string{"NV18", "NV18", "NODE"}},
		"links are down":     {"h100x3,link-down:1", [3]string{"NV16", "NV16", "NODE"}},
		"no links":           {"h100x3,no-nvlink", [3]string{"NODE", "NODE", "NODE"}},
		"one PCIe switch":    {"a100x3", [3]string{"NV12", "NV12", "PXB"}},
		"cards":              {"h100-pciex8", [3]string{"NODE", "NODE", "NODE"}},
		"four NICs for each": {"h100-efax3", [3]string{"NV18", "NV18", "NODE"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := machine(t, test.spec).Read()
			row := p.Topology.Cells[1]
			if got := [3]string{row[0], row[2], row[len(p.GPUs.Or(nil))]}; got != test.want {
				t.Errorf("got %v, expected %v", got, test.want)
			}
		})
	}
}

// Where the kernel does not know, NVML may.
func TestPlaceUnknown(t *testing.T) {
	m := machine(t, "h100x8")
	m.Place = func(pci string) fabric.Place {
		const why = "permission denied"
		return fabric.Place{PCI: answer.Is(pci), Path: answer.Unknown[[]string](why), NUMA: answer.Unknown[int](why)}
	}
	top := m.Read().Topology
	if got := top.Cells[0][1] + " " + top.Cells[0][8] + " " + top.Cells[8][9]; got != "NV18 ? NODE" {
		t.Errorf("to a GPU, to a NIC, and between NICs it is %s", got)
	}
	if n := top.NUMA[5]; n == nil || *n != 1 {
		t.Errorf("GPU 5 is on node %v", n)
	}
}

func TestFakePlaces(t *testing.T) {
	m := machine(t, "h100x8")
	for pci, bridge := range map[string]string{"0000:1b:00.0": "pci0000:15", "0000:18:00.0": "pci0000:15", "0000:dc:00.0": "pci0000:d9"} { // GPU, NIC, NIC
		at := m.Place(pci)
		if path := at.Path.Or([]string{""}); at.PCI != answer.Is(pci) || path[0] != bridge || path[len(path)-1] != pci || at.NUMA.Err() != nil {
			t.Errorf("%s is at %v, node %v, expected %s above", pci, at.Path, at.NUMA, bridge)
		}
	}
	if at := m.Place("0000:ff:1f.7"); at.Path.String() != "could not tell: no such device" || at.NUMA.Err() == nil {
		t.Errorf("what is not there is at %v, node %v", at.Path, at.NUMA)
	}
}

func TestNearest(t *testing.T) {
	all := func(n int, of func(gpu int) []int) (lists [][]int) {
		for i := range n {
			lists = append(lists, of(i))
		}
		return lists
	}
	tests := map[string]struct {
		want [][]int // NICs by GPU
		at   fabric.Distance
	}{
		"h100x8":      {all(8, func(i int) []int { return []int{i} }), fabric.Bridge},
		"h100-efax4":  {all(4, func(i int) []int { return []int{4 * i, 4*i + 1, 4*i + 2, 4*i + 3} }), fabric.Bridge},
		"h100-pciex8": {all(8, func(i int) []int { return []int{i / 4} }), fabric.Node},
	}
	for spec, test := range tests {
		p := machine(t, spec).Read()
		var got [][]int
		for _, g := range p.GPUs.Or(nil) {
			nearest, at := probe.Nearest(&g, probe.NICs(&p.Fabric))
			if got = append(got, nearest); at != test.at {
				t.Errorf("%s: GPU %d is %v from the nearest, expected %v", spec, g.Number, at, test.at)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: nearest NICs (-want +got):\n%s", spec, diff)
		}
	}
	if nearest, _ := probe.Nearest(&probe.GPU{}, []probe.NIC{{}}); nearest != nil {
		t.Errorf("of a GPU without a place: %v", nearest)
	}
}

// network is one of each kind of interface, and of device.
func network() *fabric.Fabric {
	port := func(device, kind string) answer.Of[[]fabric.Port] {
		return answer.Is([]fabric.Port{{Device: device, Number: 1, Kind: kind, Counters: answer.Is(fabric.Counters{})}})
	}
	on := func(pci string) fabric.Place { return fabric.Place{PCI: answer.Is(pci)} }
	return &fabric.Fabric{
		Devices: answer.Is([]fabric.Device{
			{Name: "mlx5_0", Ports: port("mlx5_0", "infiniband"), Netdevs: []string{"ib0"}},
			{Name: "mlx5_1", Ports: port("mlx5_1", "roce"), Netdevs: []string{"eth1"}},
			{Name: "rdmap1s0", Ports: port("rdmap1s0", "efa"), Netdevs: []string{}},
			{Name: "mlx5_9", Ports: answer.Unknown[[]fabric.Port]("no answer"), Netdevs: []string{"eth9"}},
		}),
		Interfaces: answer.Is([]fabric.Interface{
			{Name: "br0", Kind: "virtual"}, {Name: "eth0", Kind: "ethernet", Place: on("0000:01:00.0"), MTU: answer.Is(1500)},
			{Name: "eth1", Kind: "ethernet", Place: on("0000:02:00.0"), MTU: answer.Is(9000)}, {Name: "eth9", Kind: "ethernet", Place: on("0000:09:00.0")},
			{Name: "ib0", Kind: "infiniband", Place: on("0000:03:00.0"), MTU: answer.Is(4092)}, {Name: "lo", Kind: "loopback"},
		}),
	}
}

func TestNICs(t *testing.T) {
	var got []string
	for _, n := range probe.NICs(network()) {
		got = append(got, n.Name)
	}
	if want := []string{"mlx5_0", "mlx5_1", "rdmap1s0", "mlx5_9", "eth0"}; !slices.Equal(got, want) {
		t.Errorf("got %v, expected %v", got, want)
	}
}
