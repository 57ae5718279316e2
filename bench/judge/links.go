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

// links judges the links of GPUs, and those of NICs: all, or only the one that was used. before is the page from before
// a run, and nil without one.
func links(before, p *probe.Page, used *string) record.Verdict {
	var f findings
	all := gpus(p, &f)
	if p.Silent != "" {
		f.unknownf("%s", p.Silent)
	}
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
	nicLinks(p, used, &f)
	return f.verdict(Links, "all links that were looked at are up, at full width and speed", "no GPU, and no NIC that says what its link is")
}

// guest says whether this is a virtual machine, which does not show the slots that cards are in.
func guest(p *probe.Page) bool {
	h, ok := p.Host.Hypervisor.Get()
	return ok && h != "none"
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
	if busy := g.Reading.UtilizationPct.Or(0); busy >= 50 && g.PCIe.Generation.Or(0) > 0 && g.PCIe.Generation.Or(0) < g.PCIe.MaxGeneration.Or(0) {
		f.badf("GPU %d is busy, and has PCIe at generation %d of %d", g.Number, g.PCIe.Generation.Or(0), g.PCIe.MaxGeneration.Or(0))
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
	case a < b && guest:
		f.unknownf("%s has %d of %d PCIe lanes, and a virtual machine does not show how many its slot has", who, a, b)
	case a < b:
		f.badf("%s has %d of %d PCIe lanes", who, a, b)
	}
	f.looked++
}

// nicLinks judges NICs: the one that was used with those that it stands on, or all.
func nicLinks(p *probe.Page, used *string, f *findings) {
	fab, in := &p.Fabric, guest(p)
	var mine []string
	if used != nil {
		mine = fab.Below(*used)
	}
	pcie := func(name string, a answer.Of[fabric.PCIe]) {
		l, ok := a.Get()
		if !ok {
			return
		}
		width(name, l.Width, l.MaxWidth, in, f)
		if now, most := l.SpeedGTs.Or(0), l.MaxSpeedGTs.Or(0); now > 0 && now < most && !in {
			f.badf("%s has PCIe at %v of %v GT/s", name, now, most)
		}
	}
	all := portsOf(p)
	devices := fab.Devices.Or(nil)
	for i := range devices {
		d := &devices[i]
		isMine := func(name string) bool { return slices.Contains(mine, name) }
		if used != nil && !isMine(d.Name) && !slices.ContainsFunc(d.Netdevs, isMine) {
			continue
		}
		pcie(d.Name, d.PCIe)
		for _, port := range d.Ports.Or(nil) {
			if !all.spare(d, &port, used != nil) {
				portLink(&port, all.fastest[all.kin(d, &port)], f)
			}
		}
	}
	for _, i := range fab.Interfaces.Or(nil) {
		if fab.Owner(i.Name) == nil && (used == nil && i.Up.Or(false) || slices.Contains(mine, i.Name)) {
			pcie(i.Name, i.PCIe)
		}
	}
}

// ports are those of a machine, to tell which should be like which others.
type ports struct {
	rails   map[string]bool    // devices that are nearest to a GPU; nil where no GPU is known
	fastest map[string]float64 // Gb/s, of those that are up, by kin
	up      map[string]bool    // slots with a port that is up
}

func portsOf(p *probe.Page) ports {
	all := ports{railsOf(p), map[string]float64{}, map[string]bool{}}
	for _, d := range p.Fabric.Devices.Or(nil) {
		for _, port := range d.Ports.Or(nil) {
			if port.State.Or("") == active { // one that is down says some rate
				all.fastest[all.kin(&d, &port)] = max(all.fastest[all.kin(&d, &port)], port.RateGbps.Or(0))
				all.up[slot(&d)] = true
			}
		}
	}
	return all
}

const active = "ACTIVE"

// kin is the same for ports that should run alike: of one kind of board, and rails all, or of one card. A machine has
// boards of one kind for several networks.
func (all *ports) kin(d *fabric.Device, p *fabric.Port) string {
	board := d.Board.Or("")
	if d.Board.Err() != nil {
		board = p.String() // nobody knows which others are of its kind
	}
	switch {
	case all.rails == nil:
		return strings.Join([]string{board, p.Kind}, " ")
	case all.rails[d.Name]:
		return strings.Join([]string{board, p.Kind, "rail"}, " ")
	}
	return strings.Join([]string{board, p.Kind, slot(d)}, " ")
}

// spare says whether a port that is not up may be so on purpose: a virtual function that nobody has set up, and where others
// are up one without a cable that is no rail, or has a port beside it that is up. One that was used is never spare for
// its card's sake.
func (all *ports) spare(d *fabric.Device, p *fabric.Port, used bool) bool {
	switch state, ok := p.State.Get(); {
	case !ok || state == active:
		return false
	case d.Virtual && !used:
		return true
	case !unplugged(p):
		return false
	case slices.ContainsFunc(d.Ports.Or(nil), func(p fabric.Port) bool { return p.State.Or("") == active }):
		return true
	case used:
		return false
	}
	return len(all.up) > 0 && (all.up[slot(d)] || !all.rails[d.Name])
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

// railsOf are the NICs that are nearest to a GPU, below one host bridge with it, nil where no GPU is known. What is farther is as near
// to all.
func railsOf(p *probe.Page) map[string]bool {
	var rails map[string]bool
	gpus, nics := p.GPUs.Or(nil), probe.NICs(&p.Fabric)
	for i := range gpus {
		if rails == nil {
			rails = map[string]bool{}
		}
		nearest, at := probe.Nearest(&gpus[i], nics)
		for _, n := range nearest {
			if at <= fabric.Host {
				rails[nics[n].Name] = true
			}
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
	case state != active:
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
