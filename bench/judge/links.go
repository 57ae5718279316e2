package judge

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
)

// links judges the links of GPUs, and those of NICs: all, or only the one that was used. before is the page from before
// a run, and nil without one.
func links(before, p *probe.Page, used *string) record.Verdict {
	var f findings
	all := gpus(p, &f)
	m := mesh{guest: guest(p)}
	for i := range all {
		for _, l := range all[i].Links.Or(nil) {
			if l.Up.Or(false) {
				m.fastest = max(m.fastest, l.SpeedMBps.Or(0))
				m.switched = m.switched || l.Remote.Or("") == "switch"
			}
		}
	}
	for i := range all {
		var was []nvml.Link
		if before != nil {
			if old := before.GPUs.Or(nil); i < len(old) {
				was = old[i].Links.Or(nil)
			}
		}
		m.gpu(&all[i], was, &f)
	}
	nicLinks(p, used, m.guest, &f)
	return f.verdict(Links, "all links that were looked at are up, at full width and speed", "no GPU, and no NIC that says what its link is")
}

// guest says whether this is a virtual machine, which does not show the slots that cards are in.
func guest(p *probe.Page) bool {
	h, ok := p.Host.Hypervisor.Get()
	return ok && h != "none"
}

// lessf finds that something has less than it can; in a virtual machine its slot may have no more.
func (f *findings) lessf(guest bool, format string, args ...any) {
	if guest {
		f.unknownf(format+", and a virtual machine does not show what its slot has", args...)
		return
	}
	f.badf(format, args...)
}

// mesh is what NVLinks of a machine are judged by.
type mesh struct {
	fastest  int  // MB/s, of those that are up
	switched bool // they end at a switch: then all are up
	guest    bool
}

// gpu judges the links of a GPU. Without a switch a link that is down may be so for ever: of a card that has no bridge, or one that
// has fewer links, in a virtual machine that has one of eight. So it counts only if it was up before the run. With
// instances (MIG) a GPU has no use for links.
func (m *mesh) gpu(g *probe.GPU, was []nvml.Link, f *findings) {
	width(fmt.Sprintf("GPU %d", g.Number), g.PCIe.Width, g.PCIe.MaxWidth, m.guest, f)
	if now, most := g.PCIe.Generation.Or(0), g.PCIe.MaxGeneration.Or(0); g.Reading.UtilizationPct.Or(0) >= 50 && now > 0 && now < most {
		f.lessf(m.guest, "GPU %d is busy, and has PCIe at generation %d of %d", g.Number, now, most)
	}
	if g.MIG.Or(false) {
		return
	}
	if err := g.Links.Err(); err != nil && !isNone(err) {
		f.unknownf("GPU %d: NVLinks: %v", g.Number, err)
	}
	var down, slow []string
	for i, l := range g.Links.Or(nil) {
		f.looked++
		up, ok := l.Up.Get()
		speed := l.SpeedMBps.Or(m.fastest)
		switch {
		case !ok && !isNone(l.Up.Err()):
			f.unknownf("GPU %d, NVLink %d: %v", g.Number, i, l.Up.Err())
		case !ok:
		case !up && (m.switched || i < len(was) && was[i].Up.Or(false)):
			down = append(down, fmt.Sprint(i))
		case up && speed < m.fastest:
			slow = append(slow, fmt.Sprintf("%d at %s", i, unit.Number(float64(speed)/1e3)))
		}
	}
	if len(down) > 0 {
		f.badf("GPU %d: NVLink %s down", g.Number, strings.Join(down, ", "))
	}
	if len(slow) > 0 {
		f.badf("GPU %d: NVLink %s GB/s, others have %s", g.Number, strings.Join(slow, ", "), unit.Number(float64(m.fastest)/1e3))
	}
}

// width judges the lanes of a PCIe link.
func width(who string, now, most answer.Of[int], guest bool, f *findings) {
	a, b := now.Or(0), most.Or(0)
	switch err := cmp.Or(now.Err(), most.Err()); {
	case isNone(err):
		return
	case err != nil:
		f.unknownf("%s: PCIe lanes: %v", who, err)
	case a < b:
		f.lessf(guest, "%s has %d of %d PCIe lanes", who, a, b)
	}
	f.looked++
}
