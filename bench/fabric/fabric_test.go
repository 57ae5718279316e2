package fabric_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/nvml/answer"
)

// machine has one of each: a ConnectX-7 on InfiniBand with IPoIB, one on RoCE, an EFA and a
// software device, interfaces of a hypervisor and of none.
func machine() tree {
	m := tree{}
	ib := m.pci("pci0000:15/0000:15:01.0/0000:18:00.0", "0")
	m.driver(ib, "mlx5_core")
	m.device("net", ib, "ib0", network(100).with(tree{"type": "32\n", "mtu": "2044\n"}))
	m.add(m.device("infiniband", ib, "mlx5_0", hca())+"/ports/1", port("InfiniBand", "400 Gb/sec (4X NDR)"))

	roce := m.pci("pci0000:a0/0000:a0:01.0/0000:a1:00.0", "1")
	m.driver(roce, "mlx5_core")
	m.device("net", roce, "eth1", network(100))
	m.add(m.device("infiniband", roce, "mlx5_1", hca())+"/ports/1", port("Ethernet", "200 Gb/sec (4X HDR)").with(tree{
		"lid": "0x0\n", "sm_lid": "0x0\n",
		"gid_attrs/ndevs/0": "eth1\n",
		"gids/1":            "fe80:0000:0000:0000:b83f:d203:00fc:2a6c\n", "gid_attrs/types/1": "RoCE v2\n", "gid_attrs/ndevs/1": "eth1\n",
		"gids/3": "0000:0000:0000:0000:0000:ffff:0a00:0001\n", "gid_attrs/types/3": "RoCE v2\n", "gid_attrs/ndevs/3": "eth1\n",
		"gids/10": "0000:0000:0000:0000:0000:ffff:0a00:0002\n", "gid_attrs/types/10": "IB/RoCE v1\n",
	}))

	efa := m.pci("pci0000:c0/0000:c0:01.0/0000:c2:00.0", "-1")
	m.driver(efa, "efa")
	m.add(m.device("infiniband", efa, "rdmap194s0", tree{
		"fw_ver": "\n", "node_guid": "0000:0000:0000:0000\n", "node_type": "7: unspecified\n",
	})+"/ports/1", tree{
		"link_layer": "Unknown\n", "state": "4: ACTIVE\n", "phys_state": "5: LinkUp\n", "rate": "100 Gb/sec (4X EDR)\n",
		"lid": "0x0\n", "sm_lid": "0x0\n",
		"gids/0":               "fe80:0000:0000:0000:0455:19ff:fe2b:e6b5\n",
		"hw_counters/tx_bytes": "4444\n", "hw_counters/rx_bytes": "5555\n",
		"hw_counters/tx_pkts": "4\n", "hw_counters/rx_pkts": "5\n",
		"hw_counters/rx_drops": "6\n", "hw_counters/retrans_pkts": "7\n",
	})

	m["class/infiniband/rxe0"] = "-> devices/virtual/infiniband/rxe0"
	m.add("devices/virtual/infiniband/rxe0", tree{"node_type": "4: RNIC\n", "ports/1/link_layer": "Ethernet\n"})

	virtio := m.pci("pci0000:00/0000:00:03.0", "-1") + "/virtio2"
	m["bus/virtio/drivers/virtio_net/"] = ""
	m[virtio+"/driver"] = "-> bus/virtio/drivers/virtio_net"
	m.device("net", virtio, "eth0", network(100).with(tree{"speed": "-1\n"}))

	// A virtual function of the second, and what stands on interfaces.
	vf := m.pci("pci0000:a0/0000:a0:01.0/0000:a1:01.0", "1")
	m[vf+"/physfn"] = "-> " + roce
	m.add(m.device("infiniband", vf, "mlx5_2", hca())+"/ports/1", port("Ethernet", "40 Gb/sec (4X QDR)"))
	for name, below := range map[string][]string{"bond0": {"eth1", "eth2"}, "bond0.7": {"bond0"}} {
		m["class/net/"+name] = "-> devices/virtual/net/" + name
		m.add("devices/virtual/net/"+name, network(100))
		for _, b := range below {
			m["devices/virtual/net/"+name+"/lower_"+b] = "-> class/net/" + b
		}
	}

	for name, kind := range map[string]string{"lo": "772", "br0": "1", "wg0": "65534"} {
		m["class/net/"+name] = "-> devices/virtual/net/" + name
		m.add("devices/virtual/net/"+name, network(100).with(tree{"type": kind + "\n"}))
	}
	m["class/net/bonding_masters"] = "bond0\n"
	return m
}

// byName reads a root, and returns what it has by name.
func byName(t *testing.T, root string) (map[string]fabric.Interface, map[string]fabric.Device) {
	t.Helper()
	f := fabric.Read(root)
	interfaces, devices := map[string]fabric.Interface{}, map[string]fabric.Device{}
	if err := errors.Join(f.Interfaces.Err(), f.Devices.Err()); err != nil {
		t.Fatal(err)
	}
	last := ""
	for _, i := range f.Interfaces.Or(nil) {
		if i.Name <= last {
			t.Errorf("%s is listed after %s", i.Name, last)
		}
		last, interfaces[i.Name] = i.Name, i
	}
	for _, d := range f.Devices.Or(nil) {
		devices[d.Name] = d
	}
	return interfaces, devices
}

// text is v in JSON, with what is missing, which is all that a reader sees.
func text(t *testing.T, v any) any {
	t.Helper()
	b, err := json.Marshal(struct {
		Value any
		Why   map[string]string
	}{v, answer.Missing(v)})
	must(t, err)
	var shown any
	must(t, json.Unmarshal(b, &shown))
	return shown
}

func TestInterfaces(t *testing.T) {
	interfaces, _ := byName(t, machine().write(t))
	type seen struct{ Kind, Driver, PCI, NUMA string }
	got := map[string]seen{}
	for name, i := range interfaces {
		got[name] = seen{i.Kind, i.Driver.Or("-"), i.Place.PCI.Or("-"), i.Place.NUMA.String()}
	}
	const unsaid = "not supported: the firmware does not say"
	want := map[string]seen{
		"bond0": {"virtual", "-", "-", "not supported: no device"}, "bond0.7": {"virtual", "-", "-", "not supported: no device"},
		"br0":  {"virtual", "-", "-", "not supported: no device"},
		"eth0": {"ethernet", "virtio_net", "0000:00:03.0", unsaid},
		"eth1": {"ethernet", "mlx5_core", "0000:a1:00.0", "1"},
		"ib0":  {"infiniband", "mlx5_core", "0000:18:00.0", "0"},
		"lo":   {"loopback", "-", "-", "not supported: no device"},
		"wg0":  {"virtual", "-", "-", "not supported: no device"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("interfaces (-want +got):\n%s", diff)
	}
	eth1 := interfaces["eth1"]
	diff := cmp.Diff(text(t, fabric.Interface{
		Name: "eth1", Kind: "ethernet", Up: answer.Is(true), State: answer.Is("up"),
		SpeedMbps: answer.Is(400000), MTU: answer.Is(9000), Driver: answer.Is("mlx5_core"),
		Switch: answer.None[string]("no phys_switch_id"), Below: []string{},
		Place: fabric.Place{
			PCI:  answer.Is("0000:a1:00.0"),
			Path: answer.Is([]string{"pci0000:a0", "0000:a0:01.0", "0000:a1:00.0"}),
			NUMA: answer.Is(1),
		},
		PCIe: answer.Is(fabric.PCIe{
			SpeedGTs: answer.Is(32.0), MaxSpeedGTs: answer.Is(32.0), Width: answer.Is(16), MaxWidth: answer.Is(16),
		}),
		Counters: answer.Is(fabric.Counters{TxBytes: 100, RxBytes: 200, TxPackets: answer.Is[uint64](10), RxPackets: answer.Is[uint64](20)}),
	}), text(t, eth1))
	if diff != "" {
		t.Errorf("eth1 (-want +got):\n%s", diff)
	}
}

func TestBelow(t *testing.T) {
	m := machine()
	m["devices/pci0000:a0/0000:a0:01.0/0000:a1:00.0/net/eth1/phys_switch_id"] = "e41d2d0003a1420c\n"
	m["devices/virtual/net/bond0/lower_bond0.7"] = "-> class/net/bond0.7" // no kernel makes a ring
	f := fabric.Read(m.write(t))
	for name, want := range map[string][]string{"bond0.7": {"bond0.7", "bond0", "eth1", "eth2"}, "eth1": {"eth1"}, "nobody": {"nobody"}} {
		if diff := cmp.Diff(want, f.Below(name)); diff != "" {
			t.Errorf("below %s (-want +got):\n%s", name, diff)
		}
	}
	for _, i := range f.Interfaces.Or(nil) {
		if id := i.Switch.Or(""); (id == "e41d2d0003a1420c") != (i.Name == "eth1") {
			t.Errorf("%s is of switch %q", i.Name, id)
		}
	}
}

func TestVirtualFunction(t *testing.T) {
	_, devices := byName(t, machine().write(t))
	for name, d := range devices {
		if d.Virtual != (name == "mlx5_2") {
			t.Errorf("%s: virtual is %v", name, d.Virtual)
		}
	}
}

func TestInfiniBand(t *testing.T) {
	_, devices := byName(t, machine().write(t))
	n := func(v uint64) answer.Of[uint64] { return answer.Is(v) }
	want := fabric.Device{
		Name: "mlx5_0", Driver: answer.Is("mlx5_core"), Board: answer.Is("MT_0000000838"), HCA: answer.Is("MT4129"),
		Firmware: answer.Is("28.39.1002"), NodeGUID: answer.Is("b83f:d203:00fc:2a6c"),
		Place: devices["mlx5_0"].Place, PCIe: devices["mlx5_0"].PCIe, Netdevs: []string{"ib0"},
		Ports: answer.Is([]fabric.Port{{
			Device: "mlx5_0", Number: 1, Kind: "infiniband",
			State: answer.Is("ACTIVE"), Physical: answer.Is("LinkUp"),
			RateGbps: answer.Is(400.0), Width: answer.Is(4), Speed: answer.Is("NDR"),
			LID: answer.Is("0x1a"), SMLID: answer.Is("0x1"), GUID: answer.Is("b83f:d203:00fc:2a6c"),
			GIDs: answer.Is([]fabric.GID{{
				GID: "fe80:0000:0000:0000:b83f:d203:00fc:2a6c", Type: answer.Is("IB/RoCE v1"),
				Netdev: answer.None[string]("no gid_attrs/ndevs/0"),
			}}),
			Counters: answer.Is(fabric.Counters{TxBytes: 4 * words, RxBytes: 100, TxPackets: n(1), RxPackets: n(2)}),
			Faults: answer.Is(fabric.PortFaults{
				SymbolErrors: n(3), LinkDowned: n(4), LinkRecovered: n(5), RxErrors: n(3), TxDiscards: n(6),
				RxDrops:   answer.None[uint64]("no hw_counters/rx_drops, no hw_counters/rx_roce_discards"),
				Integrity: n(7), Overruns: n(8), TxWait: n(77),
				OutOfSequence: n(100), OutOfBuffer: n(101), Retransmits: n(102 + 103), ECNMarked: n(104), CNPsHandled: n(105),
			}),
		}}),
	}
	if diff := cmp.Diff(text(t, want), text(t, devices["mlx5_0"])); diff != "" {
		t.Errorf("mlx5_0 (-want +got):\n%s", diff)
	}
}

func TestRoCE(t *testing.T) {
	_, devices := byName(t, machine().write(t))
	p := devices["mlx5_1"].Ports.Or(nil)[0]
	if p.Kind != "roce" || p.LID.String() != "not supported: only InfiniBand has one" {
		t.Errorf("it is %s with LID %v", p.Kind, p.LID)
	}
	var got []string
	for _, g := range p.GIDs.Or(nil) {
		got = append(got, strings.Join([]string{g.GID, g.Type.String(), g.Netdev.Or("-")}, ", "))
		if want := []int{0, 1, 3, 10}[len(got)-1]; g.Index != want {
			t.Errorf("GID %s has index %d, expected %d", g.GID, g.Index, want)
		}
	}
	want := []string{
		"fe80:0000:0000:0000:b83f:d203:00fc:2a6c, IB/RoCE v1, eth1",
		"fe80:0000:0000:0000:b83f:d203:00fc:2a6c, RoCE v2, eth1",
		"0000:0000:0000:0000:0000:ffff:0a00:0001, RoCE v2, eth1",
		"0000:0000:0000:0000:0000:ffff:0a00:0002, IB/RoCE v1, -",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("GIDs (-want +got):\n%s", diff)
	}
}

func TestEFA(t *testing.T) {
	m := machine()
	m["devices/pci0000:c0/0000:c0:01.0/0000:c2:00.0/infiniband/rdmap194s0/ports/1/counters/port_xmit_data"] = "0\n" // of old kernels
	_, devices := byName(t, m.write(t))
	d := devices["rdmap194s0"]
	if got := d.Firmware.String(); got != "not supported: fw_ver is empty" {
		t.Errorf("firmware is %s", got)
	}
	p := d.Ports.Or(nil)[0]
	want := fabric.Counters{TxBytes: 4444, RxBytes: 5555, TxPackets: answer.Is[uint64](4), RxPackets: answer.Is[uint64](5)}
	if got, ok := p.Counters.Get(); !ok || got != want {
		t.Errorf("counters are %v, expected %v", p.Counters, want)
	}
	faults, ok := p.Faults.Get()
	if p.Kind != "efa" || !ok || faults.RxDrops != answer.Is[uint64](6) || faults.Retransmits != answer.Is[uint64](7) {
		t.Errorf("it is %s, and its faults are %v", p.Kind, p.Faults)
	}
	if err := faults.SymbolErrors.Err(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("symbol errors: %v", err)
	}
}

// A kind that no kernel that we know of has, and one of a device without PCI.
func TestKinds(t *testing.T) {
	m := machine()
	m["devices/virtual/infiniband/rxe0/ports/2/link_layer"] = "Unspecified\n"
	_, devices := byName(t, m.write(t))
	ports := devices["rxe0"].Ports.Or(nil)
	if len(ports) != 2 || ports[0].Kind != "iwarp" || ports[1].Kind != "unknown" {
		t.Errorf("ports are %v", ports)
	}
	if got := ports[0].Faults.String(); got != "not supported: no hw_counters" {
		t.Errorf("faults are %s", got)
	}
	if err := ports[0].Counters.Err(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("counters: %v", err)
	}
}

// A cable that has lost lanes, and one that was negotiated down.
func TestRates(t *testing.T) {
	tests := map[string]struct {
		text  string
		gbps  float64
		width int
		speed string
	}{
		"one lane":   {"100 Gb/sec (1X NDR)", 100, 1, "NDR"},
		"slower":     {"100 Gb/sec (4X EDR)", 100, 4, "EDR"},
		"fractional": {"2.5 Gb/sec (1X SDR)", 2.5, 1, "SDR"},
		"two lanes":  {"400 Gb/sec (2X XDR)", 400, 2, "XDR"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := machine()
			m["devices/pci0000:15/0000:15:01.0/0000:18:00.0/infiniband/mlx5_0/ports/1/rate"] = test.text + "\n"
			_, devices := byName(t, m.write(t))
			p := devices["mlx5_0"].Ports.Or(nil)[0]
			if p.RateGbps.Or(0) != test.gbps || p.Width.Or(0) != test.width || p.Speed.Or("") != test.speed {
				t.Errorf("%v Gbit/s over %v lanes of %v", p.RateGbps, p.Width, p.Speed)
			}
		})
	}
}
