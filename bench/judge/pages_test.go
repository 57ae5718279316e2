package judge_test

import (
	"testing"
	"time"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/host"
	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/nvml/answer"
	"github.com/commbench/commbench/nvml/fake"
)

// machine is one that is not there, whose time is the test's.
func machine(t *testing.T, spec string) (m *probe.Machine, wait func(seconds float64)) {
	t.Helper()
	m, err := probe.Fake(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m.GPUs.(*fake.Machine).Clock = func() time.Time { return now }
	return m, func(seconds float64) { now = now.Add(time.Duration(seconds * 1e9)) }
}

// looked judges a machine that is not there, changed by the test.
func looked(t *testing.T, spec string, change ...func(*probe.Page)) func() []record.Verdict {
	m, _ := machine(t, spec)
	return at(m.Read(), change...)
}

// at judges a page.
func at(p *probe.Page, change ...func(*probe.Page)) func() []record.Verdict {
	for _, c := range change {
		c(p)
	}
	return func() []record.Verdict { return judge.Machine(p) }
}

// ran judges a machine that is not there after 3 s of a run.
func ran(t *testing.T, spec string, seen judge.Seen, use judge.Use, change ...func(before, after *probe.Page)) func() []record.Verdict {
	m, wait := machine(t, spec)
	before := m.Read()
	wait(3)
	return between(before, m.Again(before), seen, use, change...)
}

// between judges two pages.
func between(before, after *probe.Page, seen judge.Seen, use judge.Use, change ...func(before, after *probe.Page)) func() []record.Verdict {
	for _, c := range change {
		c(before, after)
	}
	return func() []record.Verdict { return judge.Host(before, after, &seen, use) }
}

// one is a list of one verdict.
func one(judged func() record.Verdict) func() []record.Verdict {
	return func() []record.Verdict { return []record.Verdict{judged()} }
}

// bare is a sound host without GPUs.
func bare(devices ...fabric.Device) *probe.Page {
	return &probe.Page{
		Host: host.Host{Cores: 8, Quota: answer.None[float64]("no quota"), Governor: answer.Is([]string{"performance"}),
			HugePages: host.HugePages{Private: answer.Is("madvise"), Shared: answer.Is("advise")}},
		GPUs:   answer.None[[]probe.GPU]("no driver"),
		Fabric: fabric.Fabric{Interfaces: answer.Is([]fabric.Interface{}), Devices: answer.Is(devices)},
	}
}

// with gives a page interfaces.
func with(p *probe.Page, interfaces ...fabric.Interface) *probe.Page {
	p.Fabric.Interfaces = answer.Is(interfaces)
	return p
}

// adapter is a sound InfiniBand adapter of one port, changed by the test.
func adapter(name string, change ...func(*fabric.Device, *fabric.Port)) fabric.Device {
	zero := answer.Is(uint64(0))
	p := fabric.Port{Device: name, Number: 1, Kind: "infiniband", State: answer.Is("ACTIVE"), Physical: answer.Is("LinkUp"),
		RateGbps: answer.Is(400.0), Width: answer.Is(4),
		Faults: answer.Is(fabric.PortFaults{SymbolErrors: zero, LinkDowned: zero, LinkRecovered: zero, RxErrors: zero, TxDiscards: zero,
			Integrity: zero, Overruns: zero, OutOfSequence: zero, Retransmits: zero})}
	d := fabric.Device{Name: name, Board: answer.Is("MT_0000000838"), Place: place("0000:18:00.0", "pci0000:15", "0000:15:01.0"), PCIe: lanes(16)}
	for _, c := range change {
		c(&d, &p)
	}
	d.Ports = answer.Is([]fabric.Port{p})
	return d
}

// faulty changes what a port counts.
func faulty(change func(*fabric.PortFaults)) func(*fabric.Device, *fabric.Port) {
	return func(_ *fabric.Device, p *fabric.Port) {
		f := p.Faults.Or(fabric.PortFaults{})
		change(&f)
		p.Faults = answer.Is(f)
	}
}

func place(pci string, above ...string) fabric.Place {
	return fabric.Place{PCI: answer.Is(pci), Path: answer.Is(append(above, pci)), NUMA: answer.Is(0)}
}

// nowhere is the place of what is on no PCI bus.
func nowhere() fabric.Place {
	const why = "not on a PCI bus"
	return fabric.Place{PCI: answer.None[string](why), Path: answer.None[[]string](why), NUMA: answer.None[int](why)}
}

// lanes is a PCIe link of 32 GT/s with so many of 16 lanes.
func lanes(n int) answer.Of[fabric.PCIe] {
	return answer.Is(fabric.PCIe{SpeedGTs: answer.Is(32.0), MaxSpeedGTs: answer.Is(32.0), Width: answer.Is(n), MaxWidth: answer.Is(16)})
}
