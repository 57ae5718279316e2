package fabric

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/commbench/commbench/nvml/answer"
)

// Port is a port of an RDMA device.
type Port struct {
	Device   string                `json:"device"`
	Number   int                   `json:"number"`
	Kind     string                `json:"kind"`           // "infiniband", "roce", "efa", "iwarp", "unknown"
	State    answer.Of[string]     `json:"state"`          // "ACTIVE", "INIT", "DOWN", ...
	Physical answer.Of[string]     `json:"physical_state"` // "LinkUp", "Polling", "Disabled", ...
	RateGbps answer.Of[float64]    `json:"rate_gbps"`      // Gbit/s, all lanes
	Width    answer.Of[int]        `json:"width"`          // lanes: 4 of "4X"
	Speed    answer.Of[string]     `json:"speed"`          // of a lane: "NDR", "HDR", "EDR", ...; the kernel names those of Ethernet alike
	LID      answer.Of[string]     `json:"lid"`            // of InfiniBand; "0x0" is that no subnet manager has given one
	SMLID    answer.Of[string]     `json:"sm_lid"`         // of InfiniBand
	GUID     answer.Of[string]     `json:"guid"`           // of InfiniBand
	GIDs     answer.Of[[]GID]      `json:"gids"`           // that are set, by index
	Counters answer.Of[Counters]   `json:"counters"`       // when it was listed
	Faults   answer.Of[PortFaults] `json:"faults"`         // likewise
}

// String names it: "mlx5_0 port 1".
func (p *Port) String() string { return fmt.Sprintf("%s port %d", p.Device, p.Number) }

// GID is an address of a port.
type GID struct {
	Index  int               `json:"index"`
	GID    string            `json:"gid"`
	Type   answer.Of[string] `json:"type"`   // "IB/RoCE v1", "RoCE v2"
	Netdev answer.Of[string] `json:"netdev"` // of RoCE
}

func (p *Port) folder(root string) folder {
	return sys(root, "class/infiniband", p.Device, "ports", strconv.Itoa(p.Number))
}

func readPort(root string, device folder, number int, driver string) Port {
	p := Port{Device: device.name(), Number: number}
	at := p.folder(root)
	p.Kind = kindOfPort(device, at, driver)
	p.State, p.Physical = get(at, "state", named), get(at, "phys_state", named)

	r := get(at, "rate", rated)
	p.RateGbps = answer.Map(r, func(r rate) float64 { return r.gbps })
	p.Width = answer.Map(r, func(r rate) int { return r.lanes })
	p.Speed = answer.Map(r, func(r rate) string { return r.speed })
	if v, ok := r.Get(); ok && v.speed == "" {
		p.Speed = answer.None[string]("the kernel does not name it")
	}

	p.GIDs = readGIDs(at)
	p.LID = answer.None[string]("only InfiniBand has one")
	p.SMLID, p.GUID = p.LID, p.LID
	if p.Kind == "infiniband" {
		p.LID, p.SMLID = get(at, "lid", word), get(at, "sm_lid", word)
		p.GUID = get(at, "gids/0", guidOf)
	}
	p.Counters = answer.From(p.Reader(root).Read())
	p.Faults = p.ReadFaults(root)
	return p
}

// kindOfPort goes by the driver first: the link layer of EFA is unknown to some kernels and
// Ethernet to others.
func kindOfPort(device, at folder, driver string) string {
	if driver == "efa" {
		return "efa"
	}
	switch get(at, "link_layer", word).Or("") {
	case "InfiniBand":
		return "infiniband"
	case "Ethernet":
		if strings.HasSuffix(get(device, "node_type", word).Or(""), ": RNIC") {
			return "iwarp"
		}
		return "roce"
	}
	return "unknown"
}

// guidOf is the GUID in a port's first GID, whose other half is the subnet's.
func guidOf(text string) (string, error) {
	gid, err := address(text)
	if groups := strings.Split(gid, ":"); len(groups) == 8 {
		return strings.Join(groups[4:], ":"), nil
	}
	if err == nil {
		err = none("the first GID is not set")
	}
	return "", err
}

func readGIDs(at folder) answer.Of[[]GID] {
	table := at.at("gids")
	indices, err := table.numbers(mostGIDs)
	if err != nil {
		return answer.From[[]GID](nil, err)
	}
	gids := []GID{}
	for _, i := range indices {
		index := strconv.Itoa(i)
		// One that cannot be read is one that is not set, to most drivers.
		if gid := get(table, index, address).Or(""); gid != "" {
			gids = append(gids, GID{i, gid, get(at, "gid_attrs/types/"+index, word), get(at, "gid_attrs/ndevs/"+index, word)})
		}
	}
	return answer.Is(gids)
}
