package judge

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
)

// standing judges faults that a GPU had before.
func standing(p *probe.Page) record.Verdict {
	var f findings
	if err := p.GPUs.Err(); err != nil && !isNone(err) {
		f.badf("GPUs cannot be asked: %v", err)
	}
	if p.Silent != "" && p.GPUs.Err() == nil {
		f.badf("%s", p.Silent)
	}
	for _, g := range p.GPUs.Or(nil) {
		f.looked++
		if !answers(&g.Reading) {
			f.badf("GPU %d does not answer: %v", g.Number, g.Reading.SMMHz.Err())
			continue
		}
		if n := g.Faults.Uncorrected.Or(0); n > 0 {
			f.badf("GPU %d: %d memory errors that ECC could not correct, since the driver was loaded", g.Number, n)
		}
		if r, ok := g.Faults.Remapped.Get(); ok && (r.Pending || r.Failed) {
			f.badf("GPU %d: a remap of memory rows %s", g.Number, map[bool]string{true: "has failed", false: "waits for a reset"}[r.Failed])
		}
		if err := g.Faults.Uncorrected.Err(); err != nil && !isNone(err) {
			f.unknownf("GPU %d: %v", g.Number, err)
		}
	}
	return f.verdict(Faults, "no memory errors stand", noGPU)
}

// ofPrograms are Xids that a program on the GPU causes, by NVIDIA's list: a fault of its own, or its end.
var ofPrograms = []uint64{13, 31, 43, 45, 68}

// Grown judges what went wrong between two pages. What tells of congestion is of interest on the NIC that was used only, "" for
// none. after may be nil: it could not be read.
func Grown(before, after *probe.Page, seen *Seen, used string) record.Verdict {
	var f findings
	if seen.Silent != "" {
		f.unknownf("%s", seen.Silent)
	}
	if seen.Deaf != nil && !isNone(seen.Deaf) {
		f.unknownf("Xid events: %v", seen.Deaf)
	}
	for _, e := range seen.Events {
		if !slices.Contains(ofPrograms, e.Xid) {
			f.badf("GPU %d: Xid %d", e.Device, e.Xid)
		}
	}
	if after == nil {
		f.unknownf("the machine was not looked at after the run")
		return f.verdict(Faults, "", noGPU)
	}
	was, is := gpus(before, &f), after.GPUs.Or(nil)
	for i := range was[:min(len(was), len(is))] {
		if answers(&was[i].Reading) && !answers(&is[i].Reading) {
			f.badf("GPU %d answers no more: %v", was[i].Number, is[i].Reading.SMMHz.Err())
			continue
		}
		gpuFaults(was[i].Number, &was[i].Faults, &is[i].Faults, seen.Span, &f)
	}
	mine := nicsOf(before, used)
	type port struct {
		*fabric.Port
		passing bool // a container may take it along
	}
	ports := map[string]port{}
	eachPort(before, func(d *fabric.Device, p *fabric.Port) { ports[p.String()] = port{p, d.Virtual} })
	eachPort(after, func(_ *fabric.Device, p *fabric.Port) {
		if old, ok := ports[p.String()]; ok {
			portFaults(p.String(), old.Faults, p.Faults, slices.Contains(mine, p.Device), seen.Span, &f)
			delete(ports, p.String())
		}
	})
	for name, p := range ports {
		if !p.passing || slices.Contains(mine, p.Device) {
			f.badf("%s is gone", name)
		}
	}
	slices.Sort(f.bad)
	return f.verdict(Faults, "no ECC errors, no Xid and no link errors came up", "no GPU and no RDMA port was found")
}

// answers says whether a GPU said anything at all.
func answers(r *nvml.Reading) bool {
	return r.SMMHz.Err() == nil || r.PowerW.Err() == nil || r.TemperatureC.Err() == nil || r.Throttle.Err() == nil
}

func eachPort(p *probe.Page, do func(*fabric.Device, *fabric.Port)) {
	for _, d := range p.Fabric.Devices.Or(nil) {
		for _, port := range d.Ports.Or(nil) {
			do(&d, &port)
		}
	}
}

// nicsOf are an interface and those that it stands on, each by the name of its RDMA device where it has one.
func nicsOf(p *probe.Page, netdev string) []string {
	names := p.Fabric.Below(netdev)
	for i, name := range names {
		if d := p.Fabric.Owner(name); d != nil {
			names[i] = d.Name
		}
	}
	return names
}

// counter is a count that should not grow.
type counter struct {
	what    string
	was, is answer.Of[uint64]
	most    uint64 // where it stays, of narrow ones; 0 if it does not
	may     uint64 // by how much it may grow
}

func (f *findings) grew(who string, counters []counter) {
	for _, c := range counters {
		if isNone(c.was.Err()) {
			continue
		}
		f.looked++
		was, is := c.was.Or(0), c.is.Or(0)
		switch err := cmp.Or(c.was.Err(), c.is.Err()); {
		case err != nil:
			f.unknownf("%s: %s: %v", who, c.what, err)
		case is < was:
			f.unknownf("%s: %s went from %d back to %d: wrapped round, or the driver has restarted", who, c.what, was, is)
		case is > was+c.may:
			f.badf("%s: %d %s", who, is-was, c.what)
		case c.most > 0 && is >= c.most:
			f.unknownf("%s: %s have been %d, which is all that is counted, since before", who, c.what, is)
		}
	}
}

// gpuFaults judges a GPU's. A replay of PCIe now and then is how it works: more than one a second is bad.
func gpuFaults(gpu int, was, is *nvml.Faults, seconds float64, f *findings) {
	who := fmt.Sprintf("GPU %d", gpu)
	f.looked++
	f.grew(who, []counter{
		{"memory errors that ECC corrected", was.Corrected, is.Corrected, 0, 0},
		{"memory errors that ECC could not correct", was.Uncorrected, is.Uncorrected, 0, 0},
	})
	if n := is.PCIeReplays.Or(0); was.PCIeReplays.Err() == nil && float64(n) > float64(was.PCIeReplays.Or(0))+max(1, seconds) {
		f.badf("%s: %d PCIe replays", who, n-was.PCIeReplays.Or(0))
	}
	a, b := was.Links.Or(nil), is.Links.Or(nil)
	mayCRC := uint64(crcRate * max(1, seconds))
	if err := cmp.Or(was.Links.Err(), is.Links.Err()); err != nil && !isNone(was.Links.Err()) {
		f.unknownf("%s: NVLink errors: %v", who, err)
	}
	for l := range a[:min(len(a), len(b))] {
		f.grew(fmt.Sprintf("%s, NVLink %d", who, l), []counter{
			{"replays", a[l].Replays, b[l].Replays, 0, 0},
			{"recoveries", a[l].Recoveries, b[l].Recoveries, 0, 0},
			{"CRC errors of flits", a[l].CRCFlit, b[l].CRCFlit, 0, mayCRC},
			{"CRC errors of data", a[l].CRCData, b[l].CRCData, 0, mayCRC},
			{"packets with errors", a[l].RxErrors, b[l].RxErrors, 0, 0},
		})
	}
	if n := is.RetiredPages.Or(0) - was.RetiredPages.Or(0); was.RetiredPages.Err() == nil && n > 0 {
		f.badf("%s: %s retired", who, unit.Counted(int64(n), "memory page"))
	}
	if r, ok := is.Remapped.Get(); ok {
		before := was.Remapped.Or(r)
		if n := r.Corrected + r.Uncorrected - before.Corrected - before.Uncorrected; n > 0 {
			f.badf("%s: %s remapped", who, unit.Counted(int64(n), "memory row"))
		}
		if r.Pending && !before.Pending {
			f.badf("%s: memory rows wait to be remapped", who)
		}
	}
}

// crcRate is how many CRC errors a second an NVLink corrects and nobody minds: NVIDIA's DCGM fails a link
// from 100 on (dcgm_gpu_hardware_limits.h).
const crcRate = 100

// portFaults leaves out packets that came out of sequence: where routing is adaptive they do.
// Error counters of InfiniBand ports have 4, 8 or 16 bits. Ports that were not used may have an error a second, as a cable
// within its specification has.
func portFaults(name string, before, after answer.Of[fabric.PortFaults], used bool, seconds float64, f *findings) {
	if err := cmp.Or(before.Err(), after.Err()); err != nil {
		if !isNone(before.Err()) {
			f.unknownf("%s: %v", name, err)
		}
		return
	}
	was, is := before.Or(fabric.PortFaults{}), after.Or(fabric.PortFaults{})
	f.looked++
	may := uint64(max(1, seconds))
	if used {
		may = 0
	}
	f.grew(name, []counter{
		{"symbol errors", was.SymbolErrors, is.SymbolErrors, 1<<16 - 1, may},
		{"times that the link went down", was.LinkDowned, is.LinkDowned, 1<<8 - 1, 0},
		{"recoveries of the link", was.LinkRecovered, is.LinkRecovered, 1<<8 - 1, 0},
		{"receive errors", was.RxErrors, is.RxErrors, 1<<16 - 1, may},
		{"integrity errors", was.Integrity, is.Integrity, 1<<4 - 1, 0},
		{"buffer overruns", was.Overruns, is.Overruns, 1<<4 - 1, 0},
	})
	if used {
		f.grew(name, []counter{
			{"packets that were not sent", was.TxDiscards, is.TxDiscards, 1<<16 - 1, 0},
			{"retransmits", was.Retransmits, is.Retransmits, 0, 0},
		})
	}
}
