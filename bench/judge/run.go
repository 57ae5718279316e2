package judge

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/commbench/commbench/bench/answer"
	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/host"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/stats"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/nvml"
)

// Seen is what somebody who looked at the GPUs during a run has seen.
type Seen struct {
	Looks   int                  // between the start and the end
	Span    float64              // seconds from the first look to the last
	Reasons map[int]nvml.Reasons // for which each GPU was throttled at a look
	Seconds map[int]float64      // for how long
	Clocked bool                 // all GPUs count the time that they are throttled
	Events  []nvml.Event
	Deaf    error  // why events could not be had; nil if they could
	Silent  string // why looking ended early: "GPU 3 did not answer for 2 s"; "" if it did not
}

// little is the share of a run for which a GPU may be throttled and nobody sees it in a figure.
const little = 0.01

// held says which GPUs were throttled, for how long and why. What a GPU counts itself, and nobody
// saw at a look, must be more than a little.
func (s *Seen) held() (texts []string) {
	for gpu := range maxGPU(s.Reasons, s.Seconds) + 1 {
		reasons, seconds := s.Reasons[gpu]&trouble, s.Seconds[gpu]
		if reasons == 0 && seconds < little*s.Span {
			continue
		}
		switch {
		case reasons != 0 && seconds > 0:
			texts = append(texts, fmt.Sprintf("GPU %d was held down for %s s by %v", gpu, unit.Number(seconds), reasons))
		case reasons != 0:
			texts = append(texts, fmt.Sprintf("GPU %d was held down by %v", gpu, reasons))
		case seconds > 0:
			texts = append(texts, fmt.Sprintf("GPU %d was held down for %s s, by its own count", gpu, unit.Number(seconds)))
		}
	}
	return texts
}

func maxGPU(a map[int]nvml.Reasons, b map[int]float64) int {
	most := -1
	for i := range a {
		most = max(most, i)
	}
	for i := range b {
		most = max(most, i)
	}
	return most
}

// Use is what of a host a run used.
type Use struct {
	Interface      string // that traffic crossed; "" for none
	GPUs           int    // of a node: rank i of it stands for GPU i
	Private, Share bool   // kinds of memory that ranks have
}

// Host judges a host from its pages before and after a run, and from what was seen between
// them. after may be nil: it could not be read.
func Host(before, after *probe.Page, seen *Seen, use Use) []record.Verdict {
	return []record.Verdict{
		nearestNIC(before, use), links(last(before, after), &use.Interface), throttled(last(before, after), seen), grown(before, after, seen),
		governor(&before.Host), hugePages(&before.Host, use.Private, use.Share),
	}
}

func last(before, after *probe.Page) *probe.Page {
	if after == nil {
		return before
	}
	return after
}

// nearestNIC compares the NIC that was used with all others, for each GPU that a rank stands for. A process has
// one interface, for all its ranks: it is bad if no GPU has it as its nearest.
func nearestNIC(p *probe.Page, use Use) record.Verdict {
	var f findings
	all := gpus(p, &f)
	switch {
	case use.Interface == "":
		return none(NearestNIC, "no hop crossed a network")
	case len(all) == 0:
		return f.verdict(NearestNIC, "", noGPU)
	}
	nics := probe.NICs(&p.Fabric)
	at := slices.IndexFunc(nics, func(n probe.NIC) bool { return n.Name == use.Interface })
	for i, d := range p.Fabric.Devices.Or(nil) { // NICs begin with these
		if slices.Contains(d.Netdevs, use.Interface) {
			at = i
		}
	}
	if at < 0 {
		if len(nics) == 0 {
			return none(NearestNIC, "no NIC has a place on the PCI bus")
		}
		return unknown(NearestNIC, "%s is on no PCI bus: which NIC is below it is not known", use.Interface)
	}
	near := 0
	for i := range all[:min(len(all), use.GPUs)] {
		g := &all[i]
		nearest, share := probe.Nearest(g, nics)
		mine, ok := fabric.Between(g.Place, nics[at].Place).Get()
		f.looked++
		switch {
		case !ok:
			f.unknownf("GPU %d: %v", i, fabric.Between(g.Place, nics[at].Place).Err())
		case mine > share:
			f.badf("GPU %d is %v from %s, and %v from %s", i, mine, use.Interface, share, nics[nearest[0]].Name)
		default:
			near++
		}
	}
	if near > 0 {
		return good(NearestNIC, "%s is the nearest NIC, or as near as any, to %d of %s", use.Interface, near, unit.Counted(int64(f.looked), "GPU"))
	}
	return f.verdict(NearestNIC, "", noGPU)
}

// Threads compares the workers of all processes on a host with its cores, and with what a control
// group allows.
func Threads(h *host.Host, n int) record.Verdict {
	who := unit.Counted(int64(n), "worker")
	if quota, ok := h.Quota.Get(); ok && float64(n) > quota {
		return bad(Workers, "%s, and the control group allows %s cores", who, unit.Number(quota))
	}
	if n > h.Cores {
		return bad(Workers, "%s on %s take turns", who, unit.Counted(int64(h.Cores), "core"))
	}
	return good(Workers, "%s on %s", who, unit.Counted(int64(h.Cores), "core"))
}

// grown judges what went wrong between two pages.
func grown(before, after *probe.Page, seen *Seen) record.Verdict {
	var f findings
	if seen.Silent != "" {
		f.unknownf("%s", seen.Silent)
	}
	if seen.Deaf != nil && !isNone(seen.Deaf) {
		f.unknownf("Xid events: %v", seen.Deaf)
	}
	for _, e := range seen.Events {
		f.badf("GPU %d: Xid %d", e.Device, e.Xid)
	}
	if after == nil {
		f.unknownf("the machine was not looked at after the run")
		return f.verdict(Faults, "", noGPU)
	}
	was, is := gpus(before, &f), after.GPUs.Or(nil)
	for i := range was[:min(len(was), len(is))] {
		if answers(&was[i].Reading) && !answers(&is[i].Reading) {
			f.badf("GPU %d answers no more: %v", i, is[i].Reading.SMMHz.Err())
			continue
		}
		gpuFaults(i, &was[i].Faults, &is[i].Faults, &f)
	}
	ports := map[string]answer.Of[fabric.PortFaults]{}
	eachPort(before, func(name string, p *fabric.Port) { ports[name] = p.Faults })
	eachPort(after, func(name string, p *fabric.Port) {
		if old, ok := ports[name]; ok {
			portFaults(name, old, p.Faults, &f)
			delete(ports, name)
		}
	})
	for name := range ports {
		f.badf("%s is gone", name)
	}
	slices.Sort(f.bad)
	return f.verdict(Faults, "no ECC errors, no Xid and no link errors came up", "no GPU and no RDMA port was found")
}

// answers says whether a GPU said anything at all.
func answers(r *nvml.Reading) bool {
	return r.SMMHz.Err() == nil || r.PowerW.Err() == nil || r.TemperatureC.Err() == nil || r.Throttle.Err() == nil
}

func eachPort(p *probe.Page, do func(string, *fabric.Port)) {
	for _, d := range p.Fabric.Devices.Or(nil) {
		for _, port := range d.Ports.Or(nil) {
			do(fmt.Sprintf("%s port %d", port.Device, port.Number), &port)
		}
	}
}

// counter is a count that should not grow.
type counter struct {
	what    string
	was, is answer.Of[uint64]
	most    uint64 // where it stays, of narrow ones; 0 if it does not
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
		case is > was:
			f.badf("%s: %d %s", who, is-was, c.what)
		case c.most > 0 && is >= c.most:
			f.unknownf("%s: %s have been %d, which is all that is counted, since before", who, c.what, is)
		}
	}
}

func gpuFaults(gpu int, was, is *nvml.Faults, f *findings) {
	who := fmt.Sprintf("GPU %d", gpu)
	f.looked++
	f.grew(who, []counter{
		{"memory errors that ECC corrected", was.Corrected, is.Corrected, 0},
		{"memory errors that ECC could not correct", was.Uncorrected, is.Uncorrected, 0},
		{"PCIe replays", was.PCIeReplays, is.PCIeReplays, 0},
	})
	a, b := was.Links.Or(nil), is.Links.Or(nil)
	if err := cmp.Or(was.Links.Err(), is.Links.Err()); err != nil && !isNone(was.Links.Err()) {
		f.unknownf("%s: NVLink errors: %v", who, err)
	}
	for l := range a[:min(len(a), len(b))] {
		f.grew(fmt.Sprintf("%s, NVLink %d", who, l), []counter{
			{"replays", a[l].Replays, b[l].Replays, 0},
			{"recoveries", a[l].Recoveries, b[l].Recoveries, 0},
			{"CRC errors of flits", a[l].CRCFlit, b[l].CRCFlit, 0},
			{"CRC errors of data", a[l].CRCData, b[l].CRCData, 0},
			{"packets with errors", a[l].RxErrors, b[l].RxErrors, 0},
		})
	}
	if r, ok := is.Remapped.Get(); ok && r.Pending && !was.Remapped.Or(r).Pending {
		f.badf("%s: memory rows wait to be remapped", who)
	}
}

// portFaults leaves out packets that came out of sequence: where routing is adaptive they do.
// Error counters of InfiniBand ports have 4, 8 or 16 bits.
func portFaults(name string, before, after answer.Of[fabric.PortFaults], f *findings) {
	if err := cmp.Or(before.Err(), after.Err()); err != nil {
		if !isNone(before.Err()) {
			f.unknownf("%s: %v", name, err)
		}
		return
	}
	was, is := before.Or(fabric.PortFaults{}), after.Or(fabric.PortFaults{})
	f.looked++
	f.grew(name, []counter{
		{"symbol errors", was.SymbolErrors, is.SymbolErrors, 1<<16 - 1},
		{"times that the link went down", was.LinkDowned, is.LinkDowned, 1<<8 - 1},
		{"recoveries of the link", was.LinkRecovered, is.LinkRecovered, 1<<8 - 1},
		{"receive errors", was.RxErrors, is.RxErrors, 1<<16 - 1},
		{"packets that were not sent", was.TxDiscards, is.TxDiscards, 1<<16 - 1},
		{"integrity errors", was.Integrity, is.Integrity, 1<<4 - 1},
		{"buffer overruns", was.Overruns, is.Overruns, 1<<4 - 1},
		{"retransmits", was.Retransmits, is.Retransmits, 0},
	})
}

// isNone says whether an error means that there is nothing.
func isNone(err error) bool { return errors.Is(err, errors.ErrUnsupported) }

// agree is by how much counters may differ from the ledger.
const agree = 0.05

// leastBytes is what must have crossed before counters are compared: below it, what else
// crosses decides.
const leastBytes = 16 << 20

// Bytes compares the NIC's counters with the ledger. Where no hop crossed a network there is
// nothing to compare; why says why the counters could not be read.
func Bytes(c *record.Counted, why string) record.Verdict {
	switch {
	case c == nil && why == "":
		return none(NICBytes, "no hop crossed a network")
	case c == nil:
		return unknown(NICBytes, "%s", why)
	case c.LedgerBytes < leastBytes:
		return none(NICBytes, "the ledger has %v over %s: too few to compare", unit.Bytes(c.LedgerBytes), c.Interface)
	}
	text := fmt.Sprintf("%s counted %v, the ledger has %v (%v with signals and headers)",
		c.Interface, unit.Bytes(c.Bytes), unit.Bytes(c.LedgerBytes), unit.Bytes(c.MostBytes))
	if float64(c.Bytes) < float64(c.LedgerBytes)*(1-agree) || float64(c.Bytes) > float64(c.MostBytes)*(1+agree) {
		return bad(NICBytes, "%s", text)
	}
	return good(NICBytes, "%s", text)
}

// Rate compares what left a host over an interface, or came to it, in GB/s one way, with the line rate of that. Where no
// hop left the host gbps is 0.
func Rate(name string, gbps float64, line answer.Of[float64]) record.Verdict {
	limit, ok := line.Get()
	switch {
	case gbps == 0:
		return none(LineRate, "nothing left the host")
	case !ok && isNone(line.Err()):
		return none(LineRate, "%s has no line rate: %v", name, line.Err())
	case !ok:
		return unknown(LineRate, "%s: %v", name, line.Err())
	case gbps > limit:
		return bad(LineRate, "%s GB/s crossed %s, which carries at most %s", unit.Number(gbps), name, unit.Number(limit))
	}
	return good(LineRate, "%s GB/s crossed %s, of %s", unit.Number(gbps), name, unit.Number(limit))
}

// noisy is the spread above which a machine is called so: five times what a quiet one has, see
// docs/verdicts.md.
const noisy = 0.2

// Spread judges how much iterations differ. steal is the share of CPU time that a
// hypervisor gave to others, if that was looked at.
func Spread(us []float64, steal *float64) record.Verdict {
	if len(us) < 4 {
		return unknown(Noise, "%s: 4 are needed", unit.Counted(int64(len(us)), "iteration"))
	}
	spread, err := stats.Spread(us)
	if err != nil {
		return unknown(Noise, "%v", err)
	}
	text := fmt.Sprintf("the middle half of the iterations is %.0f %% of the median apart", 100*spread)
	if steal != nil && *steal >= 0.01 {
		text += fmt.Sprintf("; a hypervisor took %.0f %% of the CPUs' time for others", 100**steal)
	}
	if spread > noisy {
		return bad(Noise, "%s", text)
	}
	return good(Noise, "%s", text)
}

// Unseen are the verdicts on a host that could not be looked at.
func Unseen(why string) (all []record.Verdict) {
	for _, name := range []string{NearestNIC, Links, Clocks, Faults, Governor, HugePages} {
		all = append(all, unknown(name, "the machine was not looked at: %s", why))
	}
	return all
}
