package probe

import (
	"runtime"
	"strings"
	"time"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/host"
	"github.com/commbench/commbench/nvml/answer"
	"github.com/commbench/commbench/nvml/fake"
)

// Fakes are the machines that Fake knows, and what can be wrong with them.
func Fakes() (specs []string, faults []fake.Fault) { return fake.Specs(), fake.Faults() }

// Fake is a machine that is not there: the GPUs of package fake, and the NICs and CPUs of the
// board that they are on. Everything that such a board does not decide is as a fresh
// installation has it. The error says which specs there are.
func Fake(spec string) (*Machine, error) {
	gpus, err := fake.New(spec)
	if err != nil {
		return nil, err
	}
	f := &board{Board: gpus.Board(), start: time.Now()}
	return &Machine{GPUs: gpus, Fake: spec, Host: f.host, Fabric: f.fabric, Place: f.place}, nil
}

// board is what a machine that is not there is built of.
type board struct {
	fake.Board
	start time.Time
}

func (b *board) host() host.Host {
	return host.Host{
		CPU: answer.Is(b.CPU), Sockets: answer.Is(b.Sockets), Arch: runtime.GOARCH, OS: "linux", Go: runtime.Version(),
		Hypervisor: answer.Is("none"), Governor: answer.Is([]string{"performance"}), Cores: runtime.NumCPU(),
		HugePages: host.HugePages{Private: answer.Is("madvise"), Shared: answer.Is("advise"), Size: answer.Is(int64(2 << 20))},
	}
}

// place finds a GPU or a NIC.
func (b *board) place(pci string) fabric.Place {
	for _, slot := range b.GPUs {
		if slot.PCI == pci {
			return placeOf(slot)
		}
	}
	for _, nic := range b.NICs {
		if nic.PCI == pci {
			return placeOf(nic.Slot)
		}
	}
	return fabric.Place{PCI: answer.Is(pci), Path: answer.Unknown[[]string]("no such device"), NUMA: answer.Unknown[int]("no such device")}
}

func placeOf(s fake.Slot) fabric.Place {
	return fabric.Place{PCI: answer.Is(s.PCI), Path: answer.Is(s.Path), NUMA: answer.Is(s.NUMA)}
}

// busy is the share of the line rate at which the NICs of a machine that is not there are
// used, so that counters can be seen to grow.
const busy = 0.75

func (b *board) fabric() fabric.Fabric {
	devices := []fabric.Device{}
	for _, nic := range b.NICs {
		bus := answer.Is(32.0) // PCIe 5, in GT/s
		if nic.GbitPerS <= 200 {
			bus = answer.Is(16.0)
		}
		sent := uint64(time.Since(b.start).Seconds() * busy * nic.GbitPerS / 8 * 1e9)
		port := fabric.Port{Device: nic.Name, Number: 1, Kind: nic.LinkLayer, State: answer.Is("ACTIVE"), Physical: answer.Is("LinkUp"),
			RateGbps: answer.Is(nic.GbitPerS), Width: answer.Is(4),
			Counters: answer.Is(fabric.Counters{TxBytes: sent, RxBytes: sent}), Faults: answer.Is(quiet())}
		devices = append(devices, fabric.Device{Name: nic.Name, Place: placeOf(nic.Slot), Board: boardOf(nic.Name), Netdevs: []string{}, Ports: answer.Is([]fabric.Port{port}),
			PCIe: answer.Is(fabric.PCIe{SpeedGTs: bus, MaxSpeedGTs: bus, Width: answer.Is(16), MaxWidth: answer.Is(16)})})
	}
	return fabric.Fabric{Interfaces: answer.Is([]fabric.Interface{}), Devices: answer.Is(devices)}
}

// boardOf is the same for NICs of a kind.
func boardOf(nic string) answer.Of[string] {
	if strings.HasPrefix(nic, "mlx5") {
		return answer.Is("MT_0000000838")
	}
	return answer.None[string]("no board_id")
}

// quiet are the faults of a port that has had none.
func quiet() fabric.PortFaults {
	zero := answer.Is(uint64(0))
	return fabric.PortFaults{SymbolErrors: zero, LinkDowned: zero, LinkRecovered: zero, RxErrors: zero, RxDrops: zero, TxDiscards: zero,
		Integrity: zero, Overruns: zero, TxWait: zero, OutOfSequence: zero, OutOfBuffer: zero, Retransmits: zero, ECNMarked: zero, CNPsHandled: zero}
}

// counted is what a port or an interface counts now.
func counted(f fabric.Fabric, name string) (fabric.Counters, error) {
	for _, d := range f.Devices.Or(nil) {
		for _, p := range d.Ports.Or(nil) {
			if PortName(&p) == name {
				c, _ := p.Counters.Get()
				return c, p.Counters.Err()
			}
		}
	}
	c := answer.None[fabric.Counters]("no such port")
	return fabric.Counters{}, c.Err()
}
