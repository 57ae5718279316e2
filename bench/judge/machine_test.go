package judge_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
)

// unanswered is a driver that does not serve.
func unanswered(p *probe.Page) {
	p.GPUs = answer.Unknown[[]probe.GPU]("driver/library version mismatch")
}

// standing are what can be told of GPUs and links without a run.
func standing(t *testing.T) map[string]verdict {
	nic := func(change ...func(*fabric.Device, *fabric.Port)) func() []record.Verdict {
		return at(bare(adapter("mlx5_0"), adapter("mlx5_1", change...)))
	}
	// eth is a page of an interface of a PCI device.
	eth := func(pcie answer.Of[fabric.PCIe]) func() []record.Verdict {
		return at(with(bare(), fabric.Interface{Name: "eth0", Kind: "ethernet", Up: answer.Is(true), Place: place("0000:01:00.0", "pci0000:00"), PCIe: pcie}))
	}
	link := func(change func(*nvml.Link)) func(*probe.Page) {
		return func(p *probe.Page) { change(&p.GPUs.Or(nil)[1].Links.Or(nil)[2]) }
	}
	return map[string]verdict{
		"all up":           {judge.Links, record.Good, "at full width", looked(t, "h100x8")},
		"PCIe cards":       {judge.Links, record.Good, "at full width", looked(t, "h100-pciex8")},
		"NVLinks down":     {judge.Links, record.Bad, "GPU 3: NVLink 0, 1 down", looked(t, "h100x8,link-down:3")},
		"NVLink slow":      {judge.Links, record.Bad, "GPU 1: NVLink 17 at 13.3 GB/s, others have 26.6", looked(t, "h100x2,slow-link:1")},
		"PCIe lanes":       {judge.Links, record.Bad, "GPU 1 has 8 of 16 PCIe lanes", looked(t, "h100x2,pcie-width:1")},
		"PCIe gen is idle": {judge.Links, record.Good, "", looked(t, "h100x2,idle,pcie-gen:1")},
		"PCIe gen is busy": {judge.Links, record.Bad, "GPU 1 is busy, and has PCIe at generation 3 of 5", looked(t, "h100x2,pcie-gen:1")},
		"one is silent":    {judge.Faults, record.Bad, "no answer from GPU 1", looked(t, "h100x1", func(p *probe.Page) { p.Silent = "no answer from GPU 1" })},
		"many GPUs":        {judge.Links, record.Bad, "and 4 more", looked(t, "h100x8,pcie-width")},
		"NVLink unknown": {judge.Links, record.Unknown, "GPU 1, NVLink 2: could not tell: no answer",
			looked(t, "h100x2", link(func(l *nvml.Link) { l.Up = answer.Unknown[bool]("no answer") }))},
		"NVLink that has no state": {judge.Links, record.Good, "", looked(t, "h100x2", link(func(l *nvml.Link) { l.Up = answer.None[bool]("old driver") }))},
		"a GPU that is lost":       {judge.Links, record.Unknown, "GPU 1: ", looked(t, "h100x2,lost:1:0")},
		"no driver answers":        {judge.Links, record.Unknown, "driver/library version mismatch", at(bare(), unanswered)},
		"nothing there":            {judge.Links, record.None, "no GPU", at(bare())},
		"a virtual interface": {judge.Links, record.None, "no GPU", at(with(bare(),
			fabric.Interface{Name: "veth0", Kind: "virtual", Place: nowhere(), PCIe: answer.None[fabric.PCIe]("not on a PCI bus")}))},

		"a driver that fails": {judge.Faults, record.Bad, "GPUs cannot be asked: could not tell: driver/library version mismatch", at(bare(), unanswered)},
		"off the bus":         {judge.Faults, record.Bad, "GPU 1 does not answer", looked(t, "h100x2,lost:1:0")},

		"NICs up": {judge.Links, record.Good, "", nic()},
		"NIC at half width": {judge.Links, record.Bad, "mlx5_1 has 8 of 16 PCIe lanes",
			nic(func(d *fabric.Device, _ *fabric.Port) { d.PCIe = lanes(8) })},
		"NIC at a lower speed": {judge.Links, record.Bad, "mlx5_1 has PCIe at 16 of 32 GT/s",
			nic(func(d *fabric.Device, _ *fabric.Port) {
				l := lanes(16).Or(fabric.PCIe{})
				l.SpeedGTs = answer.Is(16.0)
				d.PCIe = answer.Is(l)
			})},
		"NIC's lanes unknown": {judge.Links, record.Unknown, "mlx5_1: PCIe lanes: could not tell: 63",
			nic(func(d *fabric.Device, _ *fabric.Port) {
				l := lanes(16).Or(fabric.PCIe{})
				l.Width = answer.Unknown[int]("63")
				d.PCIe = answer.Is(l)
			})},
		"NIC of a virtual machine": {judge.Links, record.Good, "",
			nic(func(d *fabric.Device, _ *fabric.Port) { d.PCIe = answer.None[fabric.PCIe]("it does not say") })},
		"virtual function": {judge.Links, record.Good, "",
			nic(func(d *fabric.Device, _ *fabric.Port) {
				l := lanes(16).Or(fabric.PCIe{})
				l.Width = answer.None[int]("it does not say")
				d.PCIe = answer.Is(l)
			})},
		"port without a cable": {judge.Links, record.Good, "",
			nic(func(d *fabric.Device, p *fabric.Port) {
				d.Place, p.State, p.Physical = place("0000:19:00.0", "pci0000:15"), answer.Is("DOWN"), answer.Is("Polling")
			})},
		"no port with a cable": {judge.Links, record.Bad, "mlx5_1 port 1 is DOWN (Polling)", at(bare(adapter("mlx5_1")), unplug(0))},
		// What an Ethernet port says of a link that it does not have.
		"a rate of none": {judge.Links, record.Good, "", at(bare(adapter("mlx5_0", func(_ *fabric.Device, p *fabric.Port) { p.Kind, p.RateGbps = "roce", answer.Is(25.0) }),
			adapter("mlx5_1", func(_ *fabric.Device, p *fabric.Port) { p.Kind, p.RateGbps = "roce", answer.Is(40.0) })), unplug(1))},
		"virtual functions": {judge.Links, record.Good, "", at(bare(adapter("mlx5_0"),
			adapter("mlx5_9", func(d *fabric.Device, p *fabric.Port) {
				d.Virtual, d.Place, p.State, p.Physical = true, place("0000:18:01.0", "pci0000:15", "0000:15:01.0"), answer.Is("DOWN"), answer.Is("LinkUp")
			})))},
		"rails and storage": {judge.Links, record.Good, "", looked(t, "h100x8", storage(200))},
		"a slow rail": {judge.Links, record.Bad, "mlx5_3 port 1 runs at 200 Gb/s, others of its kind at 400", looked(t, "h100x8", func(p *probe.Page) {
			p.Fabric.Devices.Or(nil)[1].Ports.Or(nil)[0].RateGbps = answer.Is(200.0)
		})},
		"half a card": {judge.Links, record.Bad, "storage_9 port 1 runs at 100 Gb/s, others of its kind at 200", looked(t, "h100x8", storage(200), storage(100))},
		"spare at the same distance": {judge.Links, record.Good, "", looked(t, "h100-pciex8", func(p *probe.Page) {
			for i := range p.Fabric.Devices.Or(nil) {
				d := &p.Fabric.Devices.Or(nil)[i]
				d.Place = place(fmt.Sprintf("0000:f%d:00.0", i), fmt.Sprintf("pci0000:f%d", i))
			}
		}, unplug(1))},
		"lanes in a virtual machine": {judge.Links, record.Unknown, "GPU 1 has 8 of 16 PCIe lanes, and a virtual machine does not show", looked(t, "h100x2,pcie-width:1", inside)},
		"speed in a virtual machine": {judge.Links, record.Unknown, "mlx5_0 has PCIe at 8 of 32 GT/s, and a virtual machine does not show", at(bare(adapter("mlx5_0", func(d *fabric.Device, _ *fabric.Port) {
			l := lanes(16).Or(fabric.PCIe{})
			l.SpeedGTs = answer.Is(8.0)
			d.PCIe = answer.Is(l)
		})), inside)},
		"generation in a virtual machine": {judge.Links, record.Unknown, "GPU 1 is busy, and has PCIe at generation 3 of 5, and a virtual machine", looked(t, "h100x2,pcie-gen:1", inside)},
		"rails of no GPU that answers":    {judge.Links, record.Unknown, "version mismatch", looked(t, "h100x8", storage(200), unanswered)},
		"instances need no links":         {judge.Links, record.Good, "", looked(t, "h100x2,link-down:1,mig:1")},
		"a part of the bridges":           {judge.Links, record.Good, "", looked(t, "h100x2,link-down:1", unswitched)},
		"the other port of a card": {judge.Links, record.Good, "",
			nic(func(_ *fabric.Device, p *fabric.Port) { p.State, p.Physical = answer.Is("DOWN"), answer.Is("Polling") })},
		"cards without a bridge": {judge.Links, record.Good, "", looked(t, "h100x2", func(p *probe.Page) {
			for _, g := range p.GPUs.Or(nil) {
				for i := range g.Links.Or(nil) {
					g.Links.Or(nil)[i].Up = answer.Is(false)
				}
			}
		})},
		"a GPU that nobody reaches": {judge.Links, record.Bad, "GPU 1: NVLink 0, 1, 2", looked(t, "h100x2", func(p *probe.Page) {
			for i := range p.GPUs.Or(nil)[1].Links.Or(nil) {
				p.GPUs.Or(nil)[1].Links.Or(nil)[i].Up = answer.Is(false)
			}
		})},
		"one of another kind": {judge.Links, record.Good, "",
			nic(func(d *fabric.Device, p *fabric.Port) {
				d.Board, p.RateGbps = answer.None[string]("a virtual function"), answer.Is(50.0)
			})},
		"a rail without a cable": {judge.Links, record.Bad, "mlx5_0 port 1 is DOWN (Polling)", looked(t, "h100x2", unplug(0))},
		"a NIC for storage without a cable": {judge.Links, record.Good, "", looked(t, "h100x2", func(p *probe.Page) {
			p.Fabric.Devices = answer.Is(append(p.Fabric.Devices.Or(nil), adapter("mlx5_9")))
		}, unplug(2))},
		"port without a subnet manager": {judge.Links, record.Bad, "mlx5_1 port 1 is INIT (LinkUp)",
			nic(func(_ *fabric.Device, p *fabric.Port) { p.State = answer.Is("INIT") })},
		"port unknown": {judge.Links, record.Unknown, "mlx5_1 port 1: could not tell: no answer",
			nic(func(_ *fabric.Device, p *fabric.Port) { p.State = answer.Unknown[string]("no answer") })},
		"port with one lane": {judge.Links, record.Bad, "mlx5_1 port 1 has one lane",
			nic(func(_ *fabric.Device, p *fabric.Port) { p.Width, p.RateGbps = answer.Is(1), answer.Is(100.0) })},
		"RoCE has one lane": {judge.Links, record.Good, "",
			nic(func(_ *fabric.Device, p *fabric.Port) {
				p.Kind, p.Width, p.RateGbps = "roce", answer.Is(1), answer.Is(25.0)
			})},
		"port slower than others": {judge.Links, record.Bad, "mlx5_1 port 1 runs at 200 Gb/s, others of its kind at 400",
			nic(func(_ *fabric.Device, p *fabric.Port) { p.RateGbps = answer.Is(200.0) })},
		"another kind of board": {judge.Links, record.Good, "",
			nic(func(d *fabric.Device, p *fabric.Port) {
				d.Board, p.RateGbps = answer.Is("MT_0000000224"), answer.Is(200.0)
			})},
		"interface at half width": {judge.Links, record.Bad, "eth0 has 8 of 16 PCIe lanes", eth(lanes(8))},
		"interface at full width": {judge.Links, record.Good, "", eth(lanes(16))},

		"at full clocks":     {judge.Clocks, record.Good, "no GPU is throttled", looked(t, "h100x2")},
		"idle":               {judge.Clocks, record.Good, "", looked(t, "h100x2,idle")},
		"throttled":          {judge.Clocks, record.Bad, "GPU 1 is held down to 1188 MHz by power cap", looked(t, "h100x2,throttle:1")},
		"hot":                {judge.Clocks, record.Bad, "by heat (software)", looked(t, "h100x2,throttle:0:heat")},
		"braked":             {judge.Clocks, record.Bad, "by hardware slowdown, power brake", looked(t, "h100x2,throttle:1:hardware")},
		"a lost GPU's":       {judge.Clocks, record.Unknown, "GPU 0: could not tell: GPU is lost", looked(t, "h100x2,lost:0:0")},
		"of a deaf driver":   {judge.Clocks, record.Unknown, "version mismatch", at(bare(), unanswered)},
		"of no GPU":          {judge.Clocks, record.None, "no GPU", at(bare())},
		"set by their owner": {judge.Clocks, record.Good, "", looked(t, "h100x2", func(p *probe.Page) { p.GPUs.Or(nil)[0].Reading.Throttle = answer.Is(nvml.SetClocks | nvml.SyncBoost) })},

		"no memory errors":     {judge.Faults, record.Good, "no memory errors stand", looked(t, "h100x2")},
		"ECC is off":           {judge.Faults, record.Good, "", looked(t, "h100x2,ecc-off")},
		"memory errors stand":  {judge.Faults, record.Bad, "GPU 1: 7 memory errors", looked(t, "h100x2", func(p *probe.Page) { p.GPUs.Or(nil)[1].Faults.Uncorrected = answer.Is(uint64(7)) })},
		"a remap waits":        {judge.Faults, record.Bad, "GPU 1: a remap of memory rows waits for a reset", looked(t, "h100x2,remap:1")},
		"a remap has failed":   {judge.Faults, record.Bad, "GPU 1: a remap of memory rows has failed", looked(t, "h100x2", func(p *probe.Page) { p.GPUs.Or(nil)[1].Faults.Remapped = answer.Is(nvml.Remapped{Failed: true}) })},
		"errors may not read":  {judge.Faults, record.Unknown, "GPU 0: could not tell: insufficient permissions", looked(t, "h100x2,no-permission")},
		"nothing to be faulty": {judge.Faults, record.None, "no GPU", at(bare())},
	}
}

// hosts are what can be told of a host's settings.
func hosts(*testing.T) map[string]verdict {
	governor := func(g answer.Of[[]string]) func() []record.Verdict {
		return at(bare(), func(p *probe.Page) { p.Host.Governor = g })
	}
	pages := func(private, shared answer.Of[string]) func() []record.Verdict {
		return at(bare(), func(p *probe.Page) { p.Host.HugePages.Private, p.Host.HugePages.Shared = private, shared })
	}
	// used is of a run that used one kind of memory only.
	used := func(use judge.Use) func() []record.Verdict {
		p := bare()
		p.Host.HugePages.Shared = answer.Is("never")
		return between(p, p, judge.Seen{}, use)
	}
	none := answer.None[string]("no such file")
	all := map[string]verdict{
		"performance":       {judge.Governor, record.Good, "performance", at(bare())},
		"others":            {judge.Governor, record.Bad, "governor powersave, schedutil, not performance", governor(answer.Is([]string{"performance", "powersave", "schedutil"}))},
		"one in name only":  {judge.Governor, record.Good, "performance, powersave (EPP performance)", governor(answer.Is([]string{"performance", "powersave (EPP performance)"}))},
		"that prefers less": {judge.Governor, record.Bad, "governor powersave (EPP balance_power), not performance", governor(answer.Is([]string{"powersave (EPP balance_power)", "powersave (EPP performance)"}))},
		"no governor":       {judge.Governor, record.None, "no CPU has a cpufreq", governor(answer.None[[]string]("no CPU has a cpufreq/scaling_governor"))},
		"governor refused":  {judge.Governor, record.Unknown, "permission denied", governor(answer.From[[]string](nil, errors.New("permission denied")))},

		"madvise":             {judge.HugePages, record.Good, "", pages(answer.Is("madvise"), answer.Is("advise"))},
		"one of two files":    {judge.HugePages, record.Good, "", pages(answer.Is("always"), none)},
		"no transparent ones": {judge.HugePages, record.None, "", pages(none, none)},
		"enabled refused":     {judge.HugePages, record.Unknown, "private memory: could not tell", pages(answer.Unknown[string]("permission denied"), answer.Is("always"))},
		"not of shared memory": {judge.HugePages, record.Bad, "shared memory gets none: transparent_hugepage/shmem_enabled is never",
			used(judge.Use{Share: true})},
		"of private memory": {judge.HugePages, record.Good, "", used(judge.Use{Private: true})},
	}
	for i, of := range []struct{ private, shared, why string }{
		{"never", "advise", "private memory gets none: transparent_hugepage/enabled is never"},
		{"always", "deny", "shared memory gets none: transparent_hugepage/shmem_enabled is deny"},
	} {
		all[fmt.Sprintf("never, %d", i)] = verdict{judge.HugePages, record.Bad, of.why, pages(answer.Is(of.private), answer.Is(of.shared))}
	}
	return all
}

func TestTrouble(t *testing.T) {
	const chosen = nvml.Idle | nvml.SetClocks | nvml.SyncBoost | nvml.DisplayClocks
	if got := judge.Trouble(chosen); got != 0 {
		t.Errorf("of what somebody chose: %v", got)
	}
	const trouble = nvml.PowerCap | nvml.HardwareSlow | nvml.SoftwareHeat | nvml.HardwareHeat | nvml.PowerBrake
	if got := judge.Trouble(chosen | trouble); got != trouble {
		t.Errorf("got %v, expected %v", got, trouble)
	}
}

// storage adds a NIC of the kind of the rails, on another network. Two of them are one card.
func storage(gbps float64) func(*probe.Page) {
	return func(p *probe.Page) {
		devices := p.Fabric.Devices.Or(nil)
		p.Fabric.Devices = answer.Is(append(devices, adapter(fmt.Sprintf("storage_%d", len(devices)), func(d *fabric.Device, port *fabric.Port) {
			d.Place, port.RateGbps = place(fmt.Sprintf("0000:f0:00.%d", len(devices)%8), "pci0000:f0"), answer.Is(gbps)
		})))
	}
}

// inside a virtual machine.
func inside(p *probe.Page) { p.Host.Hypervisor = answer.Is("KVM") }

// unswitched has GPUs that are connected with each other.
func unswitched(p *probe.Page) {
	for _, g := range p.GPUs.Or(nil) {
		for i := range g.Links.Or(nil) {
			g.Links.Or(nil)[i].Remote = answer.Is("GPU")
		}
	}
}

// unplug takes the cable out of the first port of a device.
func unplug(device int) func(*probe.Page) {
	return func(p *probe.Page) {
		port := &p.Fabric.Devices.Or(nil)[device].Ports.Or(nil)[0]
		port.State, port.Physical = answer.Is("DOWN"), answer.Is("Polling")
	}
}
