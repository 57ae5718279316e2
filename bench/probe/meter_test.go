package probe_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/nvml/answer"
)

// No byte is counted twice, and each is counted: a port of Ethernet does not count what its
// interface sends.
func TestMeters(t *testing.T) {
	var got []string
	f := network()
	// A pod sees a port of InfiniBand without its counters. Azure's interface has a device, and counts what the one below it does.
	f.Devices = answer.Is(append(f.Devices.Or(nil), fabric.Device{Name: "mlx5_2", Netdevs: []string{"ib2"},
		Ports: answer.Is([]fabric.Port{{Device: "mlx5_2", Number: 1, Kind: "infiniband", Counters: answer.None[fabric.Counters]("no counters")}})}))
	f.Interfaces = answer.Is(append(f.Interfaces.Or(nil), fabric.Interface{Name: "eth7", Kind: "ethernet", Below: []string{"enP1"}},
		fabric.Interface{Name: "enP1", Kind: "ethernet"}, fabric.Interface{Name: "ib2", Kind: "infiniband"}, fabric.Interface{Name: "bond0", Kind: "infiniband", Below: []string{"ib0"}}))
	for _, m := range (&probe.Machine{}).Meters(f) {
		got = append(got, fmt.Sprint(m.Name, " ", m.Local))
	}
	want := []string{"mlx5_0/1 false", "mlx5_1/1 false", "rdmap1s0/1 false", "mlx5_2/1 false", "br0 true", "eth0 false", "eth1 false", "eth9 false", "lo true",
		"eth7 true", "enP1 false", "ib2 false", "bond0 true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("meters (-want +got):\n%s", diff)
	}
}

func TestFakeMeters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := machine(t, "h100-efax1")
		f := m.Fabric()
		meters := m.Meters(&f)
		time.Sleep(time.Second)
		for i, meter := range meters {
			if c, err := meter.Read(); err != nil || c.TxBytes != 0.75*12.5e9 || c.RxBytes != c.TxBytes || meter.Name != fmt.Sprintf("rdmap%ds0/1", 0x4f+i) {
				t.Errorf("%s counts %v, %v", meter.Name, c, err)
			}
		}
		if len(meters) != 4 {
			t.Errorf("%d meters, expected 4", len(meters))
		}
		// Ports that go.
		m.Fabric = func() fabric.Fabric {
			f.Devices.Or(nil)[0].Ports.Or(nil)[0].Counters = answer.Unknown[fabric.Counters]("no answer")
			f.Devices = answer.Is(f.Devices.Or(nil)[:1])
			return f
		}
		if _, err := meters[0].Read(); !errors.Is(err, answer.ErrUnknown) {
			t.Errorf("of one that does not answer: %v", err)
		}
		if _, err := meters[1].Read(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("of one that is gone: %v", err)
		}
	})
}

// This machine's interfaces count.
func TestThisMachinesMeters(t *testing.T) {
	m := probe.Here()
	defer m.Close()
	p := m.Read()
	if p.Fabric.Interfaces.Err() != nil {
		t.Skipf("this system does not say which interfaces it has: %v", p.Fabric.Interfaces.Err())
	}
	meters := m.Meters(&p.Fabric)
	at := slices.IndexFunc(meters, func(m probe.Meter) bool { return m.Name == "lo" })
	if at < 0 || !meters[at].Local {
		t.Fatalf("no local lo among %v", meters)
	}
	if _, err := meters[at].Read(); err != nil {
		t.Error(err)
	}
}
