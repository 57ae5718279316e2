package fake

import (
	"math"
	"slices"

	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
)

// Fault is something that a machine can have.
type Fault struct {
	Name string // in a spec
	Text string // what it is, and what may follow the name
}

// fault is a Fault, and how answers change by it.
type fault struct {
	Fault
	takes  takes
	after  float64 // seconds from the start at which it begins, if nothing is said
	change func(a *answers, d *device, f active, t float64)
	early  bool // change is called before it begins, too
	links  bool // only GPUs with NVLinks can have it
}

// takes is what may follow the name of a fault.
type takes int

const (
	takesGPU     takes = iota // :GPU
	takesNothing              // it is the machine's
	takesCause                // :GPU:CAUSE of causes
	takesSeconds              // :GPU:SECONDS
	takesXid                  // :GPU:XID
)

// active is a fault that a machine has.
type active struct {
	fault
	gpu   int // every one where it is negative
	after float64
	cause int // index of causes
	xid   uint64
}

func (f active) on(gpu int) bool { return f.gpu < 0 || f.gpu == gpu }

const (
	noPermission = "insufficient permissions"
	oldDriver    = "driver 470 lacks the function"
)

// causes are those of throttle.
var causes = []struct {
	name    string
	reasons nvml.Reasons
	thermal bool
}{
	{"power", nvml.PowerCap, false},
	{"heat", nvml.SoftwareHeat, true},
	{"hardware", nvml.HardwareSlow | nvml.PowerBrake, false},
}

// The faults without change are looked for where they matter, by name.
var faults = []fault{
	{Fault: Fault{"throttle", "clocks fall to 60 %, and are counted as held down: [:GPU[:power|heat|hardware]]"},
		takes: takesCause, change: throttle},
	{Fault: Fault{"idle", "nothing runs: clocks and power are low, counters stand still: [:GPU]"}, change: idle},
	{Fault: Fault{"ecc", "an uncorrected memory error, and one more a second: [:GPU]"}, change: ecc},
	{Fault: Fault{"xid", "reports a critical error, 79 if none is given, a second after the start: [:GPU[:XID]]"},
		takes: takesXid, after: 1},
	{Fault: Fault{"lost", "falls off the bus, after 1 s or SECONDS: [:GPU[:SECONDS]]"}, takes: takesSeconds, after: 1},
	{Fault: Fault{"hang", "readings hang, at once or after SECONDS: [:GPU[:SECONDS]]"}, takes: takesSeconds},
	{Fault: Fault{"link-down", "two NVLinks are down: [:GPU]"}, links: true, change: linkDown},
	{Fault: Fault{"slow-link", "an NVLink runs at half its speed: [:GPU]"}, links: true, change: slowLink},
	{Fault: Fault{"crc", "an NVLink has a thousand CRC errors and a replay a second: [:GPU]"}, links: true, change: crc},
	{Fault: Fault{"pcie-width", "PCIe runs on 8 lanes: [:GPU]"}, change: pcieWidth},
	{Fault: Fault{"pcie-gen", "PCIe runs at generation 3: [:GPU]"}, change: pcieGen},
	{Fault: Fault{"remap", "a row of memory waits to be remapped: [:GPU]"}, change: remap},
	{Fault: Fault{"wrap", "counters of bytes wrap round, after 1 s or SECONDS: [:GPU[:SECONDS]]"},
		takes: takesSeconds, after: 1, early: true, change: wrap},
	{Fault: Fault{"backwards", "counters restart at 0, after 1 s or SECONDS: [:GPU[:SECONDS]]"},
		takes: takesSeconds, after: 1, change: backwards},
	{Fault: Fault{"vanish", "counters are no longer supported, after 1 s or SECONDS: [:GPU[:SECONDS]]"},
		takes: takesSeconds, after: 1, change: vanish},
	{Fault: Fault{"mig", "MIG is on: [:GPU]"}, change: mig},
	{Fault: Fault{"ecc-off", "ECC is off: [:GPU]"}, change: eccOff},
	{Fault: Fault{"no-nvlink", "the GPUs have no NVLinks"}, takes: takesNothing, links: true},
	{Fault: Fault{"no-permission", "counters of bytes, ECC counts, GPM and events may not be read"}, takes: takesNothing, change: noPermissions},
	{Fault: Fault{"old-driver", "the driver is too old for SMs, fabric, PCIe counters and GPM"}, takes: takesNothing, change: driver470},
}

// Faults are all faults that a machine can have.
func Faults() []Fault {
	all := make([]Fault, len(faults))
	for i, f := range faults {
		all[i] = f.Fault
	}
	return all
}

func throttle(a *answers, d *device, f active, t float64) {
	r, cause := &a.reading, causes[f.cause]
	r.SMMHz = answer.Is(d.m.kind.smMHz * 6 / 10)
	r.Throttle = answer.Map(r.Throttle, func(old nvml.Reasons) nvml.Reasons { return old | cause.reasons })
	r.Clocked = answer.Map(r.Clocked, func(c nvml.Clocked) nvml.Clocked {
		if cause.thermal {
			c.ThermalNS += uint64(1e9 * t)
		} else {
			c.PowerNS += uint64(1e9 * t)
		}
		return c
	})
	if cause.thermal {
		r.TemperatureC = answer.Is(88)
	}
}

func idle(a *answers, d *device, _ active, t float64) {
	k, r := d.m.kind, &a.reading
	r.SMMHz = answer.Is(k.idleMHz)
	r.Throttle = answer.Map(r.Throttle, func(old nvml.Reasons) nvml.Reasons { return old | nvml.Idle })
	r.PowerW = answer.Is(0.12 * k.limitW)
	r.EnergyJ = answer.Is(0.8*k.limitW*worked + 0.12*k.limitW*t)
	r.TemperatureC = answer.Is(30)
	r.UtilizationPct, r.MemoryPct = answer.Is(0), answer.Is(0)
	stood := d.counted(0)
	for i, c := range counters(r) {
		*c = answer.Map(*c, func(uint64) uint64 { return stood[i] })
	}
	nothing := func(float64) float64 { return 0 }
	r.GPM = answer.Map(r.GPM, func(g nvml.GPM) nvml.GPM {
		for _, mean := range []*answer.Of[float64]{
			&g.SMPct, &g.OccupancyPct, &g.DRAMPct, &g.NVLinkTxBps, &g.NVLinkRxBps, &g.PCIeTxBps, &g.PCIeRxBps,
		} {
			*mean = answer.Map(*mean, nothing)
		}
		return g
	})
}

func ecc(a *answers, _ *device, _ active, t float64) {
	a.faults.Uncorrected = answer.Map(a.faults.Uncorrected, func(n uint64) uint64 { return n + 1 + uint64(t) })
}

func linkDown(a *answers, _ *device, _ active, _ float64) {
	down := 0
	a.inventory.Links = answer.Map(a.inventory.Links, func(links []nvml.Link) []nvml.Link {
		links, down = slices.Clone(links), 2
		for i := range down {
			links[i].Up = answer.Is(false)
			links[i].SpeedMBps = answer.None[int]("the link is down")
		}
		return links
	})
	for i, p := range a.inventory.Peers {
		a.inventory.Peers[i].NVLinks = answer.Map(p.NVLinks, func(n int) int { return n - down })
	}
}

func slowLink(a *answers, d *device, _ active, _ float64) {
	a.inventory.Links = answer.Map(a.inventory.Links, func(links []nvml.Link) []nvml.Link {
		links = slices.Clone(links)
		last := &links[len(links)-1]
		last.SpeedMBps = answer.Map(last.SpeedMBps, func(int) int { return d.m.kind.linkMBps / 2 })
		return links
	})
}

func crc(a *answers, _ *device, _ active, t float64) {
	a.faults.Links = answer.Map(a.faults.Links, func(links []nvml.LinkFaults) []nvml.LinkFaults {
		links = slices.Clone(links)
		if links[0].CRCFlit.Err() != nil { // NVLink 5
			links[0].RxErrors = answer.Is(uint64(1000 * t))
			return links
		}
		links[0].CRCFlit, links[0].Replays = answer.Is(uint64(1000*t)), answer.Is(uint64(t))
		return links
	})
}

func pcieWidth(a *answers, _ *device, _ active, _ float64) { a.inventory.PCIe.Width = answer.Is(8) }

func pcieGen(a *answers, _ *device, _ active, _ float64) { a.inventory.PCIe.Generation = answer.Is(3) }

func remap(a *answers, _ *device, _ active, _ float64) {
	a.faults.Remapped = answer.Map(a.faults.Remapped, func(r nvml.Remapped) nvml.Remapped {
		r.Pending = true
		return r
	})
}

// wrap has counters that pass 0 when the fault begins: those of PCIe at 2^32, and often, the others at 2^64.
func wrap(a *answers, d *device, f active, t float64) {
	zero := d.counted(f.after)
	for i, c := range counters(&a.reading) {
		mask := uint64(math.MaxUint64)
		if i >= 4 {
			mask = math.MaxUint32
		}
		*c = answer.Map(*c, func(n uint64) uint64 { return (n - zero[i]) & mask })
	}
}

func backwards(a *answers, d *device, f active, t float64) {
	zero := d.counted(f.after)
	for i, c := range counters(&a.reading) {
		*c = answer.Map(*c, func(n uint64) uint64 { return n - min(n, zero[i]) })
	}
	joules := d.reading(f.after, nil).EnergyJ.Or(0)
	a.reading.EnergyJ = answer.Map(a.reading.EnergyJ, func(j float64) float64 { return max(0, j-joules) })
}

func vanish(a *answers, _ *device, _ active, _ float64) {
	for _, c := range counters(&a.reading) {
		*c = answer.None[uint64]("the counter is gone")
	}
	a.reading.EnergyJ = answer.None[float64]("the counter is gone")
}

func mig(a *answers, _ *device, _ active, _ float64) {
	const why = "not of a GPU in MIG mode"
	a.inventory.MIG = answer.Is(true)
	a.reading.UtilizationPct, a.reading.MemoryPct = answer.None[int](why), answer.None[int](why)
	a.reading.GPM = answer.None[nvml.GPM](why)
}

func eccOff(a *answers, _ *device, _ active, _ float64) {
	a.inventory.ECC = answer.Is(false)
	a.faults.Corrected, a.faults.Uncorrected = answer.None[uint64]("ECC is off"), answer.None[uint64]("ECC is off")
	a.faults.Remapped = answer.None[nvml.Remapped]("ECC is off")
}

func noPermissions(a *answers, _ *device, _ active, _ float64) {
	for _, c := range counters(&a.reading) {
		*c = answer.Unknown[uint64](noPermission)
	}
	a.reading.GPM = answer.Unknown[nvml.GPM](noPermission)
	a.faults.Corrected, a.faults.Uncorrected = answer.Unknown[uint64](noPermission), answer.Unknown[uint64](noPermission)
	a.faults.Remapped = answer.Unknown[nvml.Remapped](noPermission)
}

func driver470(a *answers, _ *device, _ active, _ float64) {
	a.inventory.SMs = answer.None[int](oldDriver)
	a.inventory.Fabric = answer.None[nvml.Fabric](oldDriver)
	a.reading.PCIe.TxBytes, a.reading.PCIe.RxBytes = answer.None[uint64](oldDriver), answer.None[uint64](oldDriver)
	a.reading.GPM = answer.None[nvml.GPM](oldDriver)
}
