package probe_test

import (
	"net"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/nvml/answer"
)

// secrets are the values of a page that name this one machine.
func secrets(t *testing.T, p *probe.Page) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	leaves(tree(t, p), "", func(at string, leaf any) {
		for _, key := range []string{"uuid", "guid", "node_guid", "gid", "cluster", "lid"} {
			if text, ok := leaf.(string); ok && text != "" && strings.HasSuffix(at, "."+key) {
				all[text] = true
			}
		}
	})
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	all[name] = true
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		addresses, _ := i.Addrs() // it may have gone meanwhile
		for _, a := range addresses {
			address, _, _ := strings.Cut(a.String(), "/")
			all[address] = true
		}
		all[i.HardwareAddr.String()] = true
	}
	delete(all, "")
	return all
}

// telling are the words of a record that are secret.
func telling(t *testing.T, h record.HostInfo, secret map[string]bool) (found []string) {
	t.Helper()
	odd := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.:", r)
	}
	leaves(tree(t, h), "", func(at string, leaf any) {
		if text, ok := leaf.(string); ok {
			for _, word := range append(strings.FieldsFunc(text, odd), text) {
				if secret[word] {
					found = append(found, at+": "+text)
				}
			}
		}
	})
	return found
}

// Records are made to be passed on.
func TestRecordIsAnonymous(t *testing.T) {
	specs, _ := probe.Fakes()
	for _, spec := range specs {
		t.Run(spec, func(t *testing.T) {
			p := machine(t, spec).Read()
			d := &p.Fabric.Devices.Or(nil)[0]
			d.NodeGUID = answer.Is("b83f:d203:00fc:2a6c")
			port := &d.Ports.Or(nil)[0]
			port.GUID, port.GIDs = answer.Is("b83f:d203:00fc:2a6d"), answer.Is([]fabric.GID{{GID: "fe80::b83f:d203:fc:2a6c"}})
			secret := secrets(t, p)
			if gpus := len(p.GPUs.Or(nil)); len(secret) < gpus+3 {
				t.Fatalf("%d secrets of %d GPUs", len(secret), gpus)
			}
			if found := telling(t, p.Record(), secret); found != nil {
				t.Errorf("the record tells %v", found)
			}
		})
	}
	t.Run("this machine", func(t *testing.T) {
		m := probe.Here()
		defer m.Close()
		p := m.Read()
		if found := telling(t, p.Record(), secrets(t, p)); found != nil {
			t.Errorf("the record tells %v", found)
		}
	})
}

func TestRecord(t *testing.T) {
	m := machine(t, "h100x2,old-driver,mig:1")
	p := m.Read()
	n := network()
	n.Devices.Or(nil)[0].Place.NUMA = answer.Is(1)
	port := &n.Devices.Or(nil)[0].Ports.Or(nil)[0]
	port.State, port.RateGbps = answer.Is("ACTIVE"), answer.Is(400.0)
	n.Devices.Or(nil)[1].Ports.Or(nil)[0].State = answer.Is("DOWN")
	n.Interfaces.Or(nil)[1].SpeedMbps, n.Interfaces.Or(nil)[1].Up = answer.Is(25_000), answer.Is(true)
	p.Fabric = *n
	h := p.Record()
	name, memory := "NVIDIA H100 80GB HBM3", int64(81559<<20)
	if diff := cmp.Diff([]record.GPU{
		{Name: &name, MemoryBytes: &memory, ECC: new(true), MIG: new(false)}, // the driver is too old to count SMs
		{Name: &name, MemoryBytes: &memory, ECC: new(true), MIG: new(true)},
	}, h.GPUs); diff != "" {
		t.Errorf("GPUs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]record.NIC{
		{Name: "mlx5_0/1", Kind: "infiniband", RateGbps: new(400.0), Up: new(true), MTU: new(4092), NUMANode: new(1)},
		{Name: "mlx5_1/1", Kind: "roce", Up: new(false), MTU: new(9000)},
		{Name: "rdmap1s0/1", Kind: "efa"},
		{Name: "eth0", Kind: "ethernet", RateGbps: new(25.0), Up: new(true), MTU: new(1500)},
		{Name: "lo", Kind: "loopback"},
	}, h.NICs); diff != "" {
		t.Errorf("NICs (-want +got):\n%s", diff)
	}
	if *h.GPUDriver != "470.57.02" || *h.CPU == "" {
		t.Errorf("driver %s, CPU %s", *h.GPUDriver, *h.CPU)
	}

	// No NIC is not the same as that nobody could tell.
	p.Fabric = fabric.Fabric{Interfaces: answer.Is([]fabric.Interface{}), Devices: answer.Is([]fabric.Device{})}
	if h := p.Record(); h.NICs == nil || len(h.NICs) > 0 {
		t.Errorf("of no NIC: %v", h.NICs)
	}
	p.Fabric = fabric.Fabric{}
	if h := p.Record(); h.NICs != nil {
		t.Errorf("of what could not be told: %v", h.NICs)
	}
}

// udev names the interfaces of some devices, as the one of a server's management controller, by their address.
func TestNamesThatHoldAnAddress(t *testing.T) {
	f := fabric.Fabric{Interfaces: answer.Is([]fabric.Interface{{Name: "enx0a1b2c3d4e5f", Kind: "ethernet"}, {Name: "enx1", Kind: "ethernet"}})}
	p := probe.Page{Fabric: f}
	for i, want := range []string{"enx*", "enx1"} {
		if got := p.Record().NICs[i].Name; got != want {
			t.Errorf("the record has %q, expected %q", got, want)
		}
		if got := new(probe.Machine).Meters(&f)[i].Name; got != want {
			t.Errorf("the series would be of %q, expected %q", got, want)
		}
	}
}
