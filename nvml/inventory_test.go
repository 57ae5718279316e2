//go:build cgo && linux

package nvml

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	gonvml "github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxa100"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxb200"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxh100"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxh200"
	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/nvml/answer"
)

func TestSystemAndInventory(t *testing.T) {
	m := newMachine(dgxh100.New(), 16896, toSwitch(18))
	for _, g := range m.gpus[1:] {
		g.UUID = "GPU-" + fmt.Sprint(g.Index)
	}
	l := m.open(t)
	if diff := cmp.Diff(System{Driver: is("550.54.15"), CUDA: is("12.4"), NVML: is("12.550.54.15")}, l.System(), exact); diff != "" {
		t.Errorf("system (-want +got):\n%s", diff)
	}
	notGPU := answer.None[int]("no GPU of this machine")
	link := Link{is(true), is("4.0"), is(26562), is("switch"), is("0000:c1:00.0"), notGPU}
	itself, far, near := answer.None[string]("the GPU itself"), Peer{Ancestor: is("SYS")}, Peer{Ancestor: is("NODE")}
	for _, p := range []*Peer{&far, &near} {
		p.NVLinks, p.Read, p.Write = is(18), is("ok"), is("chipset not supported")
		p.Atomics, p.OverLink = is("disabled by registry key"), is("not supported")
	}
	self := Peer{is("X"), answer.None[int]("the GPU itself"), itself, itself, itself, itself}
	want := Inventory{
		Name: is("NVIDIA H100 80GB HBM3"), UUID: is("GPU-5"), Architecture: is("Hopper"), Capability: is("9.0"),
		PCI: is("0000:67:00.0"), SMs: is(132), MemoryBytes: is(int64(80 << 30)), MIG: is(false),
		ComputeMode: is("exclusive process"), Persistence: is(true), ECC: is(true), NUMANode: is(64),
		PowerLimitW: is(699.5), MaxSMMHz: is(1980), MaxMemoryMHz: is(2619), VBIOS: is("96.00.74.00.01"),
		PCIe:   PCIe{is(4), is(5), is(8), is(16)},
		Links:  is([]Link{link, link, link, link, link, link, link, link, link, link, link, link, link, link, link, link, link, link}),
		Fabric: is(Fabric{State: "completed", Status: "ok"}),
		Peers:  []Peer{far, far, far, far, near, self, near, near},
	}
	if diff := cmp.Diff(want, l.Devices()[5].Inventory(), exact); diff != "" {
		t.Errorf("inventory (-want +got):\n%s", diff)
	}
}

func TestKindsOfGPU(t *testing.T) {
	tests := map[string]struct {
		m            *machine
		architecture string
		sms          int
		memory       int64
	}{
		"A100": {newMachine(dgxa100.New(), 6912, toSwitch(12)), "Ampere", 108, 40 << 30},
		"H200": {newMachine(dgxh200.New(), 16896, toSwitch(18)), "Hopper", 132, 141 << 30},
		"B200": {newMachine(dgxb200.New(), 18944, toSwitch(18)), "Blackwell", 148, 180 << 30},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			devices := test.m.open(t).Devices()
			if len(devices) != 8 {
				t.Fatalf("%d devices, expected 8", len(devices))
			}
			for _, d := range devices {
				i := d.Inventory()
				if i.Architecture != is(test.architecture) || i.SMs != is(test.sms) || i.MemoryBytes != is(test.memory) {
					t.Errorf("%v, %v SMs, %v bytes", i.Architecture, i.SMs, i.MemoryBytes)
				}
			}
		})
	}
}

func TestSMs(t *testing.T) {
	// Of SMs that exist: GP100, GP102, V100, T4, A40, L40, H100, B200, RTX 5090.
	for v, want := range map[[3]int]int{
		{6, 0, 3584}: 56, {6, 1, 3840}: 30, {7, 0, 5120}: 80, {7, 5, 2560}: 40, {8, 0, 6912}: 108, {8, 6, 10752}: 84,
		{8, 9, 18176}: 142, {9, 0, 16896}: 132, {10, 0, 18944}: 148, {12, 0, 21760}: 170,
		{8, 8, 6912}: -1, {13, 0, 6912}: -1, {9, 0, 100}: -1, {5, 2, 3072}: -1,
	} {
		m := small()
		m.gpus[0].GetCudaComputeCapabilityFunc = func() (int, int, gonvml.Return) { return v[0], v[1], ok }
		m.gpus[0].GetNumGpuCoresFunc = answers(v[2])
		got := m.open(t).Devices()[0].Inventory().SMs
		if got.Or(-1) != want || want < 0 && !errors.Is(got.Err(), answer.ErrUnknown) {
			t.Errorf("%v: %v, expected %d", v, got, want)
		}
	}
}

func TestFabric(t *testing.T) {
	uuid := [16]uint8{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0, 0, 0, 0, 0, 0, 0, 0xff}
	tests := map[string]struct {
		info gonvml.GpuFabricInfo
		want answer.Of[Fabric]
	}{
		"a rack": {gonvml.GpuFabricInfo{ClusterUuid: uuid, CliqueId: 7, State: 3},
			is(Fabric{"completed", "ok", 7, "01234567-89ab-cdef-0000-0000000000ff"})},
		"failed":      {gonvml.GpuFabricInfo{State: 3, Status: 999}, is(Fabric{State: "completed", Status: "ERROR_UNKNOWN"})},
		"in progress": {gonvml.GpuFabricInfo{State: 2, Status: 999}, is(Fabric{State: "in progress"})},
		"not started": {gonvml.GpuFabricInfo{State: 1}, is(Fabric{State: "not started"})},
		"none":        {gonvml.GpuFabricInfo{}, is(Fabric{State: "not supported"})},
		"newer":       {gonvml.GpuFabricInfo{State: 9}, answer.Unknown[Fabric]("NVML answers fabric state 9, which has no name here")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := small()
			m.gpus[0].GetGpuFabricInfoFunc = answers(test.info)
			if diff := cmp.Diff(test.want, m.open(t).Devices()[0].Inventory().Fabric, exact); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNumbersWithoutNames(t *testing.T) {
	m := small()
	d := m.gpus[0]
	d.GetArchitectureFunc = answers(gonvml.DeviceArchitecture(99))
	d.GetComputeModeFunc = answers(gonvml.ComputeMode(99))
	d.GetNvLinkVersionFunc = func(int) (uint32, gonvml.Return) { return 99, ok }
	d.GetNvLinkRemoteDeviceTypeFunc = func(int) (gonvml.IntNvLinkDeviceType, gonvml.Return) { return 99, ok }
	d.GetTopologyCommonAncestorFunc = func(gonvml.Device) (gonvml.GpuTopologyLevel, gonvml.Return) { return 99, ok }
	d.GetP2PStatusFunc = func(gonvml.Device, gonvml.GpuP2PCapsIndex) (gonvml.GpuP2PStatus, gonvml.Return) {
		return gonvml.P2P_STATUS_UNKNOWN, ok
	}
	i := m.open(t).Devices()[0].Inventory()
	link, peer := i.Links.Or(nil)[0], i.Peers[1]
	for what, a := range map[string]answer.Of[string]{
		"architecture 99": i.Architecture, "compute mode 99": i.ComputeMode, "NVLink version 99": link.Version,
		"kind of device 99": link.Remote, "topology level 99": peer.Ancestor,
		"P2P status 6": peer.Read,
	} {
		if want := "NVML answers " + what; !errors.Is(a.Err(), answer.ErrUnknown) || !strings.Contains(a.String(), want) {
			t.Errorf("%v, expected that %q", a, want)
		}
	}
}

func TestPlaces(t *testing.T) {
	for want, p := range map[string]gonvml.PciInfo{
		"0000:17:00.0":  {Bus: 0x17},
		"0008:ab:1f.0":  {Domain: 8, Bus: 0xab, Device: 0x1f},
		"10000:01:00.0": {Domain: 0x10000, Bus: 1},
	} {
		if got := place(p); got != is(want) {
			t.Errorf("%+v is %v, expected %s", p, got, want)
		}
	}
	if got := place(gonvml.PciInfo{}); !errors.Is(got.Err(), errors.ErrUnsupported) {
		t.Errorf("nowhere is %v", got)
	}
}

func TestMemoryNode(t *testing.T) {
	m := small()
	m.gpus[0].GetMemoryAffinityFunc = func(int, gonvml.AffinityScope) ([]uint, gonvml.Return) { return []uint{3, 1}, ok }
	m.gpus[1].GetMemoryAffinityFunc = func(int, gonvml.AffinityScope) ([]uint, gonvml.Return) { return nil, ok }
	l := m.open(t)
	for i, want := range []string{"3 memory nodes", "0 memory nodes"} {
		if got := l.Devices()[i].Inventory().NUMANode; !errors.Is(got.Err(), answer.ErrUnknown) || !strings.Contains(got.String(), want) {
			t.Errorf("%v, expected that %s are near", got, want)
		}
	}
}

// In MIG mode NVML refuses much; the answers say that this is why.
func TestMIG(t *testing.T) {
	m := small()
	d := m.gpus[0]
	d.MigMode = gonvml.DEVICE_MIG_ENABLE
	d.GetAttributesFunc = answers(gonvml.DeviceAttributes{MultiprocessorCount: 112})
	for _, call := range []string{"GetNumGpuCores", "GetUtilizationRates", "GetRemappedRows", "GpmSampleGet"} {
		refuse(d.Device, call, noSupport)
	}
	l := m.open(t)
	got := m.says(l.Devices()[0])
	if got.I.MIG != is(true) || got.I.SMs != is(112) {
		t.Errorf("MIG is %v, SMs %v", got.I.MIG, got.I.SMs)
	}
	for _, err := range []error{got.R.UtilizationPct.Err(), got.F.Remapped.Err(), got.R.GPM.Err()} {
		if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "in MIG mode") {
			t.Errorf("%v, expected that it is not supported in MIG mode", err)
		}
	}
	for code, want := range map[gonvml.Return]error{noArg: errors.ErrUnsupported, noSupport: errors.ErrUnsupported,
		gonvml.ERROR_UNKNOWN: answer.ErrUnknown} {
		refuse(d.Device, "GetAttributes", code)
		if a := l.Devices()[0].Inventory().SMs; !errors.Is(a.Err(), want) {
			t.Errorf("%v: %v, expected %v", code, a, want)
		}
	}
}
