//go:build cgo && linux

package nvml

import (
	"errors"
	"testing"

	gonvml "github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/commbench/commbench/nvml/answer"
)

func TestLinksOfAGPU(t *testing.T) {
	const unknown = gonvml.ERROR_UNKNOWN
	tests := map[string]struct {
		states []gonvml.Return // by link; beyond them the argument is invalid
		links  int             // -1 none, -2 could not tell
	}{
		"three":                    {[]gonvml.Return{ok, ok, ok}, 3},
		"a gap":                    {[]gonvml.Return{ok, noSupport, noArg, ok}, 4},
		"the last are not there":   {[]gonvml.Return{ok, ok, noSupport, noSupport}, 2},
		"the last does not answer": {[]gonvml.Return{ok, ok, unknown}, 3},
		"none":                     {[]gonvml.Return{noSupport, noSupport}, -1},
		"none by number":           {nil, -1},
		"no answer":                {[]gonvml.Return{unknown, unknown}, -2},
		"no answer, some none":     {[]gonvml.Return{noSupport, unknown, noSupport}, -2},
		"as many as there can be":  {make([]gonvml.Return, gonvml.NVLINK_MAX_LINKS+5), gonvml.NVLINK_MAX_LINKS},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := small()
			m.gpus[0].wires = nil
			for _, state := range test.states {
				m.gpus[0].wires = append(m.gpus[0].wires, wire{state: state, down: true})
			}
			d := m.open(t).Devices()[0]
			links, faults := d.Inventory().Links, d.Faults().Links
			for what, a := range map[string]answer.Of[int]{
				"links":  answer.Map(links, func(l []Link) int { return len(l) }),
				"faults": answer.Map(faults, func(l []LinkFaults) int { return len(l) }),
			} {
				switch n, there := a.Get(); {
				case test.links == -1 && !errors.Is(a.Err(), errors.ErrUnsupported),
					test.links == -2 && !errors.Is(a.Err(), answer.ErrUnknown),
					test.links >= 0 && (!there || n != test.links):
					t.Errorf("%s: %v, expected %d", what, a, test.links)
				}
			}
			for l, link := range links.Or(nil) {
				if state := test.states[l]; link.Up != is(false) && state == ok || link.Up.Err() == nil && state != ok {
					t.Errorf("link %d is up: %v", l, link.Up)
				}
			}
		})
	}
}

func TestLinksToAPeer(t *testing.T) {
	const (
		gpu, nvswitch    = gonvml.NVLINK_DEVICE_TYPE_GPU, gonvml.NVLINK_DEVICE_TYPE_SWITCH
		npu, unknownKind = gonvml.NVLINK_DEVICE_TYPE_IBMNPU, gonvml.NVLINK_DEVICE_TYPE_UNKNOWN
	)
	peer := bus(1)
	tests := map[string]struct {
		wires []wire
		peer  []wire
		want  int // -1 could not tell
	}{
		"direct":                     {[]wire{{kind: gpu, bus: peer}, {kind: gpu, bus: peer}}, nil, 2},
		"one is down":                {[]wire{{kind: gpu, bus: peer}, {kind: gpu, bus: peer, down: true}}, nil, 1},
		"a gap":                      {[]wire{{state: noSupport}, {kind: gpu, bus: peer}}, nil, 1},
		"to itself":                  {[]wire{{kind: gpu, bus: bus(0)}}, nil, 0},
		"to a GPU that is not shown": {[]wire{{kind: gpu, bus: 0x77}}, nil, 0},
		"to a GPU nobody knows":      {[]wire{{kind: gpu}}, nil, -1},
		"through switches":           {toSwitch(18), toSwitch(18), 18},
		"through switches, some":     {append(toSwitch(17), wire{kind: nvswitch, down: true}), toSwitch(18), 17},
		"the peer has no links":      {toSwitch(18), nil, 0},
		"does the peer have links?":  {toSwitch(18), []wire{{state: gonvml.ERROR_UNKNOWN}}, -1},
		"to a CPU":                   {[]wire{{kind: npu, bus: 0x99}}, nil, 0},
		"to something":               {[]wire{{kind: unknownKind, bus: 0x99}}, nil, -1},
		"to something, down":         {[]wire{{kind: unknownKind, down: true}}, nil, 0},
		"is it up?":                  {[]wire{{kind: gpu, bus: peer}, {state: gonvml.ERROR_UNKNOWN}}, nil, -1},
		"no links":                   {nil, toSwitch(18), 0},
		"are there links?":           {[]wire{{state: gonvml.ERROR_UNKNOWN}}, toSwitch(18), -1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := small()
			m.gpus[0].wires, m.gpus[1].wires = test.wires, test.peer
			got := m.open(t).Devices()[0].Inventory().Peers[1].NVLinks
			if got.Or(-1) != test.want || test.want < 0 && !errors.Is(got.Err(), answer.ErrUnknown) {
				t.Errorf("%v, expected %d", got, test.want)
			}
		})
	}
}

func TestWhereLinksEnd(t *testing.T) {
	m := small()
	d := m.open(t).Devices()[0]
	links := d.Inventory().Links.Or(nil)
	if links[0].RemoteGPU != is(1) || links[0].RemotePCI != is("0000:27:00.0") || links[0].Remote != is("GPU") {
		t.Errorf("link 0 is to %+v", links[0])
	}
	if err := links[1].RemoteGPU.Err(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("link 1 is to GPU %v, expected none", links[1].RemoteGPU)
	}
	// Of an older driver, that does not say what is there: a GPU is known by its place.
	m = small()
	refuse(m.gpus[0].Device, "GetNvLinkRemoteDeviceType", noSupport)
	m.gpus[0].wires = m.gpus[0].wires[:1]
	if got := m.open(t).Devices()[0].Inventory().Peers[1].NVLinks; got != is(1) {
		t.Errorf("%v links to the peer, expected 1", got)
	}
	// A GPU of which the place is not known may be at the other end.
	m = small()
	refuse(m.gpus[1].Device, "GetPciInfo", gonvml.ERROR_UNKNOWN)
	if got := m.open(t).Devices()[0].Inventory().Links.Or(nil)[0].RemoteGPU; !errors.Is(got.Err(), answer.ErrUnknown) {
		t.Errorf("link 0 is to GPU %v, expected that it could not tell", got)
	}
}

func TestOneSpeedOfOlderDrivers(t *testing.T) {
	m := small()
	m.gpus[0].values[field{164, perLink}] = noArg
	m.gpus[0].values[field{90, 0}] = uint32(25781)
	for l, link := range m.open(t).Devices()[0].Inventory().Links.Or(nil) {
		if link.SpeedMBps != is(25781) {
			t.Errorf("link %d has %v MB/s, expected 25781", l, link.SpeedMBps)
		}
	}
}

func TestNamesOfLevelsAndPeerings(t *testing.T) {
	for level, want := range map[gonvml.GpuTopologyLevel]string{0: "PSB", 10: "PIX", 20: "PXB", 30: "PHB", 40: "NODE", 50: "SYS"} {
		for status, why := range map[gonvml.GpuP2PStatus]string{0: "ok", 1: "chipset not supported", 2: "GPU not supported",
			3: "topology not supported", 4: "disabled by registry key", 5: "not supported"} {
			m := small()
			m.gpus[0].GetTopologyCommonAncestorFunc = func(peer gonvml.Device) (gonvml.GpuTopologyLevel, gonvml.Return) {
				if peer != m.Devices[1] {
					return 0, noArg
				}
				return level, ok
			}
			m.gpus[0].GetP2PStatusFunc = func(peer gonvml.Device, _ gonvml.GpuP2PCapsIndex) (gonvml.GpuP2PStatus, gonvml.Return) {
				if peer != m.Devices[1] {
					return 0, noArg
				}
				return status, ok
			}
			got := m.open(t).Devices()[0].Inventory().Peers[1]
			if got.Ancestor != is(want) || got.Read != is(why) || got.OverLink != is(why) {
				t.Errorf("level %d, status %d: %+v", level, status, got)
			}
		}
	}
}
