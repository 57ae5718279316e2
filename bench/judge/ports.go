package judge

import (
	"slices"
	"strings"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/nvml/answer"
)

// nicLinks judges NICs: the one that was used with those that it stands on, or all.
func nicLinks(p *probe.Page, used *string, guest bool, f *findings) {
	fab := &p.Fabric
	var mine []string
	if used != nil {
		mine = fab.Below(*used)
	}
	pcie := func(name string, a answer.Of[fabric.PCIe]) {
		l, ok := a.Get()
		if !ok {
			return
		}
		width(name, l.Width, l.MaxWidth, guest, f)
		if now, most := l.SpeedGTs.Or(0), l.MaxSpeedGTs.Or(0); now > 0 && now < most {
			f.lessf(guest, "%s has PCIe at %v of %v GT/s", name, now, most)
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
	rails   map[string]bool    // devices that are nearest to a GPU
	fastest map[string]float64 // Gb/s, of those that are up, by kin
	up      map[string]bool    // slots with a port that is up
}

func portsOf(p *probe.Page) ports {
	all := ports{railsOf(p), map[string]float64{}, map[string]bool{}}
	for _, d := range p.Fabric.Devices.Or(nil) {
		for _, port := range d.Ports.Or(nil) {
			if port.State.Or("") == active { // one that is down says some rate
				kin := all.kin(&d, &port)
				all.fastest[kin] = max(all.fastest[kin], port.RateGbps.Or(0))
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
	board := d.Board.Or(p.String()) // where that is not said nobody knows which others are of its kind
	place := slot(d)
	if all.rails[d.Name] {
		place = "rail"
	}
	return strings.Join([]string{board, p.Kind, place}, " ")
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

// railsOf are the NICs that are nearest to a GPU, below one host bridge with it. What is farther is as near to all.
func railsOf(p *probe.Page) map[string]bool {
	rails := map[string]bool{}
	gpus, nics := p.GPUs.Or(nil), probe.NICs(&p.Fabric)
	for i := range gpus {
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
