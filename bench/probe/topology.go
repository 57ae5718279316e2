package probe

import (
	"fmt"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/nvml/answer"
)

// Topology is how GPUs and NICs reach each other, in the manner of nvidia-smi topo -m.
type Topology struct {
	Names []string `json:"names"` // "GPU0", ..., then the NICs
	// Cells are, by row and column, "X" for the device itself, "NV18" for so many NVLinks, or what
	// two devices share: "PIX" at most one PCIe bridge, "PXB" several, "PHB" a host bridge,
	// "NODE" a memory node, "SYS" nothing nearer; "?" could not be told.
	Cells [][]string `json:"cells"`
	NUMA  []*int     `json:"numa_nodes"` // of each
}

// NIC is a device of a network that has a place on the PCI bus.
type NIC struct {
	Name  string
	Place fabric.Place
}

// NICs are the RDMA devices, and the interfaces of PCI devices that are not such.
func NICs(f *fabric.Fabric) []NIC {
	var all []NIC
	for _, d := range f.Devices.Or(nil) {
		all = append(all, NIC{d.Name, d.Place})
	}
	for _, i := range f.Interfaces.Or(nil) {
		if _, ok := i.Place.PCI.Get(); ok && f.Owner(i.Name) == nil {
			all = append(all, NIC{i.Name, i.Place})
		}
	}
	return all
}

func topology(p *Page) Topology {
	gpus, nics := p.GPUs.Or(nil), NICs(&p.Fabric)
	t := Topology{Names: []string{}, Cells: [][]string{}, NUMA: []*int{}}
	var places []fabric.Place
	for i := range gpus {
		t.Names, places = append(t.Names, fmt.Sprintf("GPU%d", i)), append(places, gpus[i].Place)
	}
	for _, n := range nics {
		t.Names, places = append(t.Names, n.Name), append(places, n.Place)
	}
	for a := range places {
		row := make([]string, len(places))
		for b := range places {
			switch {
			case a == b:
				row[b] = "X"
			case a < len(gpus) && b < len(gpus):
				row[b] = between(&gpus[a], b, places)
			default:
				row[b] = cell(fabric.Between(places[a], places[b]))
			}
		}
		t.Cells, t.NUMA = append(t.Cells, row), append(t.NUMA, numa(p, a, places[a]))
	}
	return t
}

// between is the cell of two GPUs: NVLinks where there are any, else what NVML says that they
// share, else what their places do.
func between(g *GPU, other int, places []fabric.Place) string {
	if other < len(g.Peers) {
		p := g.Peers[other]
		if n := p.NVLinks.Or(0); n > 0 {
			return fmt.Sprintf("NV%d", n)
		}
		if share, ok := p.Ancestor.Get(); ok {
			return share
		}
	}
	return cell(fabric.Between(places[g.Number], places[other]))
}

func cell(d answer.Of[fabric.Distance]) string {
	if v, ok := d.Get(); ok {
		return v.String()
	}
	return "?"
}

// numa is the memory node of a device, by the kernel, or of a GPU by NVML.
func numa(p *Page, i int, at fabric.Place) *int {
	if n := at.NUMA.Ptr(); n != nil {
		return n
	}
	if gpus := p.GPUs.Or(nil); i < len(gpus) {
		return gpus[i].NUMANode.Ptr()
	}
	return nil
}

// Nearest are the NICs, by their number in NICs, that are nearest to a GPU, and how near.
// None is where no distance could be told.
func Nearest(g *GPU, nics []NIC) (nearest []int, at fabric.Distance) {
	places := make([]fabric.Place, len(nics))
	for i, n := range nics {
		places[i] = n.Place
	}
	return fabric.Nearest(g.Place, places)
}
