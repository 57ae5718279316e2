package fabric

import (
	"errors"
	"strings"
	"syscall"

	"github.com/commbench/commbench/nvml/answer"
)

// Interface is a network interface.
type Interface struct {
	Name      string              `json:"name"`
	Kind      string              `json:"kind"`       // "ethernet", "loopback", "infiniband" (IPoIB), "virtual": no hardware of its own, as bridges, bonds, veth, tunnels
	Up        answer.Of[bool]     `json:"up"`         // carrier and administrative state
	State     answer.Of[string]   `json:"state"`      // operstate: "up", "down", "unknown"
	SpeedMbps answer.Of[int]      `json:"speed_mbps"` // Mbit/s
	MTU       answer.Of[int]      `json:"mtu"`        // bytes
	Driver    answer.Of[string]   `json:"driver"`
	Switch    answer.Of[string]   `json:"switch"` // of the ports of a NIC in switchdev mode, the switch that it has (phys_switch_id)
	Below     []string            `json:"below"`  // interfaces that it stands on, by name: a bond's slaves, what a VLAN is of
	Place     Place               `json:"place"`
	PCIe      answer.Of[PCIe]     `json:"pcie"`
	Counters  answer.Of[Counters] `json:"counters"` // when it was listed
}

func readInterface(root string, at folder) Interface {
	i := Interface{
		Name:      at.name(),
		Kind:      kindOf(at),
		Up:        get(at, "carrier", func(text string) (bool, error) { n, err := whole(text); return n == 1, err }),
		State:     get(at, "operstate", word),
		SpeedMbps: get(at, "speed", positive),
		MTU:       get(at, "mtu", whole),
		Driver:    at.target("device/driver"),
		Switch:    get(at, "phys_switch_id", word),
		Below:     []string{},
		Place:     locate(root, at.at("device")),
	}
	names, _ := at.list(mostInterfaces) // one that went away stands on nothing
	for _, n := range names {
		if below, ok := strings.CutPrefix(n, "lower_"); ok {
			i.Below = append(i.Below, below)
		}
	}
	// The kernel answers so of an interface that nobody has set up.
	if errors.Is(i.Up.Err(), syscall.EINVAL) {
		i.Up = answer.Is(false)
	}
	i.PCIe = linkOf(root, i.Place)
	i.Counters = answer.From(i.Reader(root).Read())
	return i
}

// Hardware types, as linux/if_arp.h numbers them.
const (
	etherType      = 1
	infinibandType = 32
	loopbackType   = 772
)

// kindOf goes by the hardware type, and by whether there is a device behind: of PCI, of a
// hypervisor, of USB.
func kindOf(at folder) string {
	switch n := get(at, "type", whole).Or(etherType); {
	case n == loopbackType:
		return "loopback"
	case n == infinibandType:
		return "infiniband"
	case n == etherType && at.at("device").exists():
		return "ethernet"
	}
	return "virtual"
}
