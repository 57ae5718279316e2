package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
)

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
	bridged := slices.ContainsFunc(all, func(g probe.GPU) bool {
		return slices.ContainsFunc(g.Links.Or(nil), func(l nvml.Link) bool { return l.Up.Or(false) })
	})
	for i := range all {
		gpuLinks(&all[i], fastest, bridged, &f)
	}
	nicLinks(p, used, &f)
	return f.verdict(Links, "all links that were looked at are up, at full width and speed", "no GPU, and no NIC on a PCI bus")
}

// gpuLinks judges the links of a GPU. Where no GPU has an NVLink that is up, nothing connects them: cards without a
// bridge, a virtual machine that has one of eight.
func gpuLinks(g *probe.GPU, fastest int, bridged bool, f *findings) {
	width(fmt.Sprintf("GPU %d", g.Number), g.PCIe.Width, g.PCIe.MaxWidth, f)
	if err := g.Links.Err(); err != nil && !isNone(err) {
		f.unknownf("GPU %d: NVLinks: %v", g.Number, err)
	}
	if busy := g.Reading.UtilizationPct.Or(0); busy >= 50 && g.PCIe.Generation.Or(0) > 0 && g.PCIe.Generation.Or(0) < g.PCIe.MaxGeneration.Or(0) {
		f.badf("GPU %d is busy, and has PCIe at generation %d of %d", g.Number, g.PCIe.Generation.Or(0), g.PCIe.MaxGeneration.Or(0))
	}
	var down, slow []string
	for i, l := range g.Links.Or(nil) {
		f.looked++
		up, ok := l.Up.Get()
		speed := l.SpeedMBps.Or(fastest)
		switch {
		case !ok && !isNone(l.Up.Err()):
			f.unknownf("GPU %d, NVLink %d: %v", g.Number, i, l.Up.Err())
		case ok && !up && bridged:
			down = append(down, fmt.Sprint(i))
		case speed < fastest:
			slow = append(slow, fmt.Sprintf("%d at %s", i, unit.Number(float64(speed)/1e3)))
		}
	}
	if len(down) > 0 {
		f.badf("GPU %d: NVLink %s down", g.Number, strings.Join(down, ", "))
	}
	if len(slow) > 0 {
		f.badf("GPU %d: NVLink %s GB/s, others have %s", g.Number, strings.Join(slow, ", "), unit.Number(float64(fastest)/1e3))
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
// where no other port of its card has one, and a GPU has no nearer NIC: others may be left so on purpose.
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
	active := map[string]bool{}     // by slot
	devices := fab.Devices.Or(nil)
	for i := range devices {
		for _, port := range devices[i].Ports.Or(nil) {
			active[slot(&devices[i])] = active[slot(&devices[i])] || port.State.Or("") == "ACTIVE"
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
			if used == nil && unplugged(&port) && (active[slot(d)] || rails != nil && !rails[d.Name]) {
				continue
			}
			best := fastest[d.Board.Or("")+port.Kind]
			if d.Board.Err() != nil {
				best = 0 // nobody knows which others are of its kind
			}
			portLink(&port, best, f)
		}
	}
	for _, i := range fab.Interfaces.Or(nil) {
		if fab.Owner(i.Name) == nil && (used == nil && i.Up.Or(false) || used != nil && *used == i.Name) {
			pcie(i.Name, i.PCIe)
		}
	}
}

// slot is the PCI address of a device without its function: the ports of a card are functions of one.
func slot(d *fabric.Device) string {
	at, _, _ := strings.Cut(d.Place.PCI.Or(d.Name), ".")
	return at
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
	who := p.String()
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
