package fabric

import (
	"slices"
	"strconv"

	"github.com/commbench/commbench/nvml/answer"
)

// Device is an RDMA device.
type Device struct {
	Name     string            `json:"name"` // "mlx5_0"
	Driver   answer.Of[string] `json:"driver"`
	Board    answer.Of[string] `json:"board"` // board_id
	HCA      answer.Of[string] `json:"hca_type"`
	Firmware answer.Of[string] `json:"firmware"`
	NodeGUID answer.Of[string] `json:"node_guid"`
	Virtual  bool              `json:"virtual"` // a virtual function of another PCI device (SR-IOV), whose it is to set up
	Place    Place             `json:"place"`
	PCIe     answer.Of[PCIe]   `json:"pcie"`
	Netdevs  []string          `json:"netdevs"` // interfaces of the same PCI function
	Ports    answer.Of[[]Port] `json:"ports"`   // by number
}

func readDevice(root string, at folder) Device {
	d := Device{
		Name:     at.name(),
		Driver:   at.target("device/driver"),
		Board:    get(at, "board_id", word),
		HCA:      get(at, "hca_type", word),
		Firmware: get(at, "fw_ver", word),
		NodeGUID: get(at, "node_guid", word),
		Virtual:  at.at("device/physfn").exists(),
		Place:    locate(root, at.at("device")),
	}
	d.PCIe = linkOf(root, d.Place)
	numbers, err := at.at("ports").numbers(mostPorts)
	if err != nil {
		d.Ports = answer.From[[]Port](nil, err)
		return d
	}
	ports := make([]Port, len(numbers))
	for i, n := range numbers {
		ports[i] = readPort(root, at, n, d.Driver.Or(""))
	}
	d.Ports = answer.Is(ports)
	return d
}

// numbers are the entries of a folder that are numbers, ascending.
func (f folder) numbers(most int) ([]int, error) {
	names, err := f.list(most)
	var numbers []int
	for _, name := range names {
		// Names that are no number in the kernel's writing would not be found again.
		if n, err := strconv.ParseUint(name, 10, 31); err == nil && strconv.FormatUint(n, 10) == name {
			numbers = append(numbers, int(n))
		}
	}
	slices.Sort(numbers)
	return numbers, err
}
