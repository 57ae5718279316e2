package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/commbench/commbench/bench/answer"
	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/host"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/nvml"
)

// Machine judges what can be told of a machine without a run: links, clocks now, faults that
// stand, governor and huge pages.
func Machine(p *probe.Page) []record.Verdict {
	return []record.Verdict{
		links(p, nil), throttled(p, nil), standing(p), governor(&p.Host), hugePages(&p.Host, true, true),
	}
}

// gpus are those that could be asked; where none could, say says so.
func gpus(p *probe.Page, f *findings) []probe.GPU {
	all, ok := p.GPUs.Get()
	if err := p.GPUs.Err(); !ok && !isNone(err) {
		f.unknownf("GPUs: %v", err)
	}
	return all
}

const noGPU = "no GPU was found"

// links judges the links of GPUs, and those of NICs: all, or only the one that was used.
func links(p *probe.Page, used *string) record.Verdict {
	var f findings
	fastest := 0
	all := gpus(p, &f)
	for i := range all {
		for _, l := range all[i].Links.Or(nil) {
			fastest = max(fastest, l.SpeedMBps.Or(0))
		}
	}
	for i := range all {
		gpuLinks(&all[i], fastest, &f)
	}
	nicLinks(p, used, &f)
	return f.verdict(Links, "all links that were looked at are up, at full width and speed", "no GPU, and no NIC on a PCI bus")
}

func gpuLinks(g *probe.GPU, fastest int, f *findings) {
	width(fmt.Sprintf("GPU %d", g.Number), g.PCIe.Width, g.PCIe.MaxWidth, f)
	if err := g.Links.Err(); err != nil && !isNone(err) {
		f.unknownf("GPU %d: NVLinks: %v", g.Number, err)
	}
	var down, slow []string
	for i, l := range g.Links.Or(nil) {
		f.looked++
		up, ok := l.Up.Get()
		speed := l.SpeedMBps.Or(fastest)
		switch {
		case !ok && !isNone(l.Up.Err()):
			f.unknownf("GPU %d, NVLink %d: %v", g.Number, i, l.Up.Err())
		case ok && !up:
			down = append(down, fmt.Sprint(i))
		case speed < fastest:
			slow = append(slow, fmt.Sprintf("%d at %d", i, speed))
		}
	}
	if len(down) > 0 {
		f.badf("GPU %d: NVLink %s down", g.Number, strings.Join(down, ", "))
	}
	if len(slow) > 0 {
		f.badf("GPU %d: NVLink %s MB/s, others have %d", g.Number, strings.Join(slow, ", "), fastest)
	}
}

// width judges the lanes of a PCIe link.
func width(who string, now, most answer.Of[int], f *findings) {
	a, b := now.Or(0), most.Or(0)
	switch err := cmp.Or(now.Err(), most.Err()); {
	case isNone(err):
		return
	case err != nil:
		f.unknownf("%s: PCIe lanes: %v", who, err)
	case a < b:
		f.badf("%s has %d of %d PCIe lanes", who, a, b)
	}
	f.looked++
}

// nicLinks judges NICs: the one that was used, or all. Of all, a port that has no cable is bad only
// where a GPU has no nearer NIC: others may be left so on purpose.
func nicLinks(p *probe.Page, used *string, f *findings) {
	fab, rails := &p.Fabric, railsOf(p)
	pcie := func(name string, a answer.Of[fabric.PCIe]) {
		l, ok := a.Get()
		if !ok {
			return
		}
		width(name, l.Width, l.MaxWidth, f)
		if now, most := l.SpeedGTs.Or(0), l.MaxSpeedGTs.Or(0); now > 0 && now < most {
			f.badf("%s has PCIe at %v of %v GT/s", name, now, most)
		}
	}
	fastest := map[string]float64{} // by kind of board
	devices := fab.Devices.Or(nil)
	for i := range devices {
		for _, port := range devices[i].Ports.Or(nil) {
			board := devices[i].Board.Or("") + port.Kind
			fastest[board] = max(fastest[board], port.RateGbps.Or(0))
		}
	}
	for i := range devices {
		d := &devices[i]
		if used != nil && *used != d.Name && !slices.Contains(d.Netdevs, *used) {
			continue
		}
		pcie(d.Name, d.PCIe)
		for _, port := range d.Ports.Or(nil) {
			if used == nil && unplugged(&port) && rails != nil && !rails[d.Name] {
				continue
			}
			portLink(&port, fastest[d.Board.Or("")+port.Kind], f)
		}
	}
	for _, i := range fab.Interfaces.Or(nil) {
		owned := slices.ContainsFunc(devices, func(d fabric.Device) bool { return slices.Contains(d.Netdevs, i.Name) })
		if !owned && (used == nil || *used == i.Name) {
			pcie(i.Name, i.PCIe)
		}
	}
}

// unplugged says whether a port has no cable, nobody at its other end, or was switched off.
func unplugged(p *fabric.Port) bool {
	return p.State.Or("") == "DOWN" && slices.Contains([]string{"Disabled", "Polling", "Sleep"}, p.Physical.Or(""))
}

// railsOf are the NICs that are nearest to a GPU, nil where there is none.
func railsOf(p *probe.Page) map[string]bool {
	var rails map[string]bool
	gpus, nics := p.GPUs.Or(nil), probe.NICs(&p.Fabric)
	for i := range gpus {
		if rails == nil {
			rails = map[string]bool{}
		}
		nearest, _ := probe.Nearest(&gpus[i], nics)
		for _, n := range nearest {
			rails[nics[n].Name] = true
		}
	}
	return rails
}

// portLink judges a port of an RDMA device.
func portLink(p *fabric.Port, fastest float64, f *findings) {
	who := fmt.Sprintf("%s port %d", p.Device, p.Number)
	f.looked++
	state, ok := p.State.Get()
	switch {
	case !ok:
		f.unknownf("%s: %v", who, p.State.Err())
		return
	case state != "ACTIVE":
		f.badf("%s is %s (%v)", who, state, p.Physical)
		return
	}
	width, rate := p.Width.Or(0), p.RateGbps.Or(fastest)
	switch {
	case width == 1 && p.Kind == "infiniband":
		f.badf("%s has one lane; InfiniBand cables have more", who)
	case rate < fastest:
		f.badf("%s runs at %v Gb/s, others of its kind at %v", who, rate, fastest)
	}
}

// trouble are reasons that nobody chose. Clocks that were set, or follow another GPU's, are wanted.
const trouble = nvml.PowerCap | nvml.HardwareSlow | nvml.SoftwareHeat | nvml.HardwareHeat | nvml.PowerBrake

// Trouble are the reasons among those given for which a GPU is throttled against its owner's will.
func Trouble(r nvml.Reasons) nvml.Reasons { return r & trouble }

// throttled judges clocks: now, and during a run if there was one.
func throttled(p *probe.Page, seen *Seen) record.Verdict {
	var f findings
	for _, g := range gpus(p, &f) {
		f.looked++
		reasons, ok := g.Reading.Throttle.Get()
		switch {
		case !ok && !isNone(g.Reading.Throttle.Err()):
			f.unknownf("GPU %d: %v", g.Number, g.Reading.Throttle.Err())
		case reasons&trouble != 0 && seen == nil:
			f.badf("GPU %d is held down to %v MHz by %v", g.Number, g.Reading.SMMHz, reasons&trouble)
		}
	}
	if seen == nil {
		return f.verdict(Clocks, "no GPU is throttled now", noGPU)
	}
	f.bad = append(f.bad, seen.held()...)
	if seen.Looks == 0 && len(f.bad) == 0 && f.looked > 0 && !seen.Clocked {
		f.unknownf("nobody looked between the start and the end: give --sample 100ms")
	}
	return f.verdict(Clocks, "no GPU was throttled", noGPU)
}

// standing judges faults that a GPU had before.
func standing(p *probe.Page) record.Verdict {
	var f findings
	for _, g := range gpus(p, &f) {
		f.looked++
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

func governor(h *host.Host) record.Verdict {
	names, ok := h.Governor.Get()
	switch {
	case !ok && isNone(h.Governor.Err()):
		return none(Governor, "%v", h.Governor.Err())
	case !ok:
		return unknown(Governor, "%v", h.Governor.Err())
	}
	slow := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "performance" })
	if len(slow) > 0 {
		return bad(Governor, "CPUs that this process may use have governor %s, not performance", strings.Join(slow, ", "))
	}
	return good(Governor, "performance")
}

// hugePages judges the settings for the kinds of memory that are used.
func hugePages(h *host.Host, private, shared bool) record.Verdict {
	var f findings
	look := func(what, file string, a answer.Of[string], never ...string) {
		v, ok := a.Get()
		switch {
		case !ok && isNone(a.Err()):
		case !ok:
			f.unknownf("%s: %v", what, a.Err())
		case slices.Contains(never, v):
			f.badf("%s gets none: %s is %s", what, file, v)
		default:
			f.looked++
		}
	}
	if private {
		look("private memory", "transparent_hugepage/enabled", h.HugePages.Private, "never")
	}
	if shared {
		look("shared memory", "transparent_hugepage/shmem_enabled", h.HugePages.Shared, "never", "deny")
	}
	return f.verdict(HugePages, "memory may lie on huge pages", "this system has no transparent huge pages")
}
