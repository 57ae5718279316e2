//go:build cgo && linux

package nvml

import (
	"errors"
	"fmt"

	gonvml "github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/commbench/commbench/nvml/answer"
)

var linkVersions = map[uint32]string{
	uint32(gonvml.NVLINK_VERSION_1_0): "1.0", uint32(gonvml.NVLINK_VERSION_2_0): "2.0",
	uint32(gonvml.NVLINK_VERSION_2_2): "2.2", uint32(gonvml.NVLINK_VERSION_3_0): "3.0",
	uint32(gonvml.NVLINK_VERSION_3_1): "3.1", uint32(gonvml.NVLINK_VERSION_4_0): "4.0",
	uint32(gonvml.NVLINK_VERSION_5_0): "5.0", uint32(gonvml.NVLINK_VERSION_6_0): "6.0",
}

var remotes = map[gonvml.IntNvLinkDeviceType]string{
	gonvml.NVLINK_DEVICE_TYPE_GPU:     "GPU",
	gonvml.NVLINK_DEVICE_TYPE_IBMNPU:  "IBM NPU",
	gonvml.NVLINK_DEVICE_TYPE_SWITCH:  "switch",
	gonvml.NVLINK_DEVICE_TYPE_UNKNOWN: "unknown",
}

// linksUp says of each link whether it is up, to the last that the GPU has. Numbers may have gaps.
func (d *device) linksUp() answer.Of[[]answer.Of[bool]] {
	var up []answer.Of[bool]
	last, known := 0, false
	for l := range d.links.Or(gonvml.NVLINK_MAX_LINKS) {
		a := answer.Map(askLink(d, "nvmlDeviceGetNvLinkState", l, gonvml.Device.GetNvLinkState), enabled)
		up = append(up, a)
		if !errors.Is(a.Err(), errors.ErrUnsupported) {
			last = l + 1
		}
		known = known || a.Err() == nil
	}
	switch {
	case d.gone != nil:
		return answer.From[[]answer.Of[bool]](nil, d.gone)
	case !known: // nothing but no, or but errors
		return answer.From[[]answer.Of[bool]](nil, up[max(last-1, 0)].Err())
	}
	return answer.Is(up[:last])
}

// linkCount is asked for until it is known.
func (d *device) linkCount() answer.Of[int] {
	if err := d.links.Err(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		d.links = answer.Map(d.linksUp(), func(up []answer.Of[bool]) int { return len(up) })
	}
	return d.links
}

func (d *device) Wires() (PCIe, answer.Of[[]Link]) {
	d.lib.mu.Lock()
	defer d.lib.mu.Unlock()
	return d.wires()
}

func (d *device) wires() (PCIe, answer.Of[[]Link]) {
	return PCIe{
		Generation:    ask(d, "nvmlDeviceGetCurrPcieLinkGeneration", gonvml.Device.GetCurrPcieLinkGeneration),
		MaxGeneration: ask(d, "nvmlDeviceGetMaxPcieLinkGeneration", gonvml.Device.GetMaxPcieLinkGeneration),
		Width:         ask(d, "nvmlDeviceGetCurrPcieLinkWidth", gonvml.Device.GetCurrPcieLinkWidth),
		MaxWidth:      ask(d, "nvmlDeviceGetMaxPcieLinkWidth", gonvml.Device.GetMaxPcieLinkWidth),
	}, d.inventoryOfLinks()
}

func (d *device) inventoryOfLinks() answer.Of[[]Link] {
	return answer.Map(d.linksUp(), func(up []answer.Of[bool]) []Link {
		speeds := d.speeds(len(up))
		links := make([]Link, len(up))
		for l := range links {
			at, known := d.ends[l]
			if !known {
				at = d.end(l)
				if up[l].Or(false) && at.told() { // what is soldered stays
					d.ends[l] = at
				}
			}
			links[l] = Link{Up: up[l], Version: at.version, SpeedMBps: speeds[l], Remote: at.remote, RemotePCI: at.pci, RemoteGPU: then(at.pci, d.lib.gpuAt)}
		}
		return links
	})
}

// end is what is at the other end of a link.
type end struct{ version, remote, pci answer.Of[string] }

// told says whether asking again would tell no more.
func (e *end) told() bool {
	for _, a := range []answer.Of[string]{e.version, e.remote, e.pci} {
		if errors.Is(a.Err(), answer.ErrUnknown) {
			return false
		}
	}
	return true
}

func (d *device) end(l int) end {
	return end{
		version: named(askLink(d, "nvmlDeviceGetNvLinkVersion", l, gonvml.Device.GetNvLinkVersion),
			"NVLink version", linkVersions),
		remote: named(askLink(d, "nvmlDeviceGetNvLinkRemoteDeviceType", l, gonvml.Device.GetNvLinkRemoteDeviceType),
			"kind of device", remotes),
		pci: then(askLink(d, "nvmlDeviceGetNvLinkRemotePciInfo", l, gonvml.Device.GetNvLinkRemotePciInfo), place),
	}
}

// speeds are of each link. Older drivers have one for all.
func (d *device) speeds(n int) []answer.Of[int] {
	want := make([]field, n+1)
	for l := range n {
		want[l] = field{gonvml.FI_DEV_NVLINK_GET_SPEED, uint32(l)}
	}
	want[n] = field{id: gonvml.FI_DEV_NVLINK_SPEED_MBPS_COMMON}
	got := d.fields(want...)
	speeds := make([]answer.Of[int], n)
	for l := range speeds {
		speed := or(got[l], func() answer.Of[uint64] { return got[n] })
		speeds[l] = answer.Map(speed, func(v uint64) int { return int(v) })
	}
	return speeds
}

// gpuAt is the number of the GPU at a place on the PCI bus.
func (l *library) gpuAt(pci string) answer.Of[int] {
	none := answer.None[int]("no GPU of this machine")
	for i, d := range l.devices {
		at, known := d.pci.Get()
		if at == pci {
			return answer.Is(i)
		}
		if !known {
			none = answer.Unknown[int](fmt.Sprintf("it may be GPU %d, of which the place is not known", i))
		}
	}
	return none
}

var levels = map[gonvml.GpuTopologyLevel]string{
	gonvml.TOPOLOGY_INTERNAL: "PSB", gonvml.TOPOLOGY_SINGLE: "PIX", gonvml.TOPOLOGY_MULTIPLE: "PXB",
	gonvml.TOPOLOGY_HOSTBRIDGE: "PHB", gonvml.TOPOLOGY_NODE: "NODE", gonvml.TOPOLOGY_SYSTEM: "SYS",
}

var peerings = map[gonvml.GpuP2PStatus]string{
	gonvml.P2P_STATUS_OK:                         "ok",
	gonvml.P2P_STATUS_CHIPSET_NOT_SUPPORTED:      "chipset not supported",
	gonvml.P2P_STATUS_GPU_NOT_SUPPORTED:          "GPU not supported",
	gonvml.P2P_STATUS_IOH_TOPOLOGY_NOT_SUPPORTED: "topology not supported",
	gonvml.P2P_STATUS_DISABLED_BY_REGKEY:         "disabled by registry key",
	gonvml.P2P_STATUS_NOT_SUPPORTED:              "not supported",
}

func (d *device) peers(links answer.Of[[]Link]) []Peer {
	peers := make([]Peer, len(d.lib.devices))
	for i, peer := range d.lib.devices {
		if peer == d {
			itself := answer.None[string]("the GPU itself")
			peers[i] = Peer{answer.Is("X"), answer.None[int]("the GPU itself"), itself, itself, itself, itself}
			continue
		}
		p2p := func(what gonvml.GpuP2PCapsIndex) answer.Of[string] {
			return named(askPeer(d, peer, "nvmlDeviceGetP2PStatus", func(g gonvml.Device) (gonvml.GpuP2PStatus, gonvml.Return) {
				return g.GetP2PStatus(peer.handle, what)
			}), "P2P status", peerings)
		}
		peers[i] = Peer{
			Ancestor: named(askPeer(d, peer, "nvmlDeviceGetTopologyCommonAncestor", func(g gonvml.Device) (gonvml.GpuTopologyLevel, gonvml.Return) {
				return g.GetTopologyCommonAncestor(peer.handle)
			}), "topology level", levels),
			NVLinks:  linksTo(peer, links),
			Read:     p2p(gonvml.P2P_CAPS_INDEX_READ),
			Write:    p2p(gonvml.P2P_CAPS_INDEX_WRITE),
			Atomics:  p2p(gonvml.P2P_CAPS_INDEX_ATOMICS),
			OverLink: p2p(gonvml.P2P_CAPS_INDEX_NVLINK),
		}
	}
	return peers
}

// linksTo counts the links that are up and end at the peer, or at a switch if the peer has
// links at all.
func linksTo(peer *device, links answer.Of[[]Link]) answer.Of[int] {
	if errors.Is(links.Err(), errors.ErrUnsupported) {
		return answer.Is(0) // there are none to any GPU
	}
	return then(links, func(links []Link) answer.Of[int] {
		n, switched := 0, 0
		for l, link := range links {
			gpu, isGPU := link.RemoteGPU.Get()
			remote, known := link.Remote.Get()
			switch {
			case errors.Is(link.Up.Err(), errors.ErrUnsupported), !link.Up.Or(true):
			case link.Up.Err() != nil:
				return answer.From(0, link.Up.Err())
			case isGPU:
				if gpu == peer.number {
					n++
				}
			case remote == "switch":
				switched++
			case remote == "GPU" && link.RemotePCI.Err() == nil && errors.Is(link.RemoteGPU.Err(), errors.ErrUnsupported):
				// a GPU that this process may not see
			case !known, remote == "GPU", remote == "unknown":
				return answer.Unknown[int](fmt.Sprintf("where link %d ends is not known", l))
			}
		}
		if switched == 0 {
			return answer.Is(n)
		}
		through := answer.Map(peer.linkCount(), func(int) int { return n + switched })
		return or(through, func() answer.Of[int] { return answer.Is(n) })
	})
}
