package judge

import (
	"slices"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
)

// nearestNIC compares the NIC that was used with all others, for each GPU that a rank stands for. A process has
// one interface, for all its ranks: it is bad if no GPU has it as its nearest. NICs without an interface that is up
// could not have been used.
func nearestNIC(p *probe.Page, use Use) record.Verdict {
	var f findings
	all := gpus(p, &f)
	switch {
	case use.Interface == "":
		return none(NearestNIC, "no hop crossed a network")
	case len(all) == 0:
		return f.verdict(NearestNIC, "", noGPU)
	}
	mine := nicsOf(p, use.Interface)
	nics := slices.DeleteFunc(probe.NICs(&p.Fabric), func(n probe.NIC) bool {
		return !slices.Contains(mine, n.Name) && !reachable(&p.Fabric, n.Name)
	})
	var used []probe.NIC
	for _, n := range nics {
		if slices.Contains(mine, n.Name) {
			used = append(used, n)
		}
	}
	if len(used) == 0 {
		if len(nics) == 0 {
			return none(NearestNIC, "no NIC has a place on the PCI bus")
		}
		return unknown(NearestNIC, "%s is on no PCI bus: which NIC is below it is not known", fabric.Shown(use.Interface))
	}
	near := 0
	for i := range all[:min(len(all), use.GPUs)] {
		g := &all[i]
		nearest, share := probe.Nearest(g, nics)
		own, is := probe.Nearest(g, used)
		f.looked++
		switch {
		case len(own) == 0:
			f.unknownf("GPU %d: %v", i, fabric.Between(g.Place, used[0].Place).Err())
		case is > share:
			f.badf("GPU %d is %v from %s, and %v from %s", i, is, fabric.Shown(use.Interface), share, nics[nearest[0]].Name)
		default:
			near++
		}
	}
	if near > 0 {
		return good(NearestNIC, "%s is the nearest NIC that sockets can use, or as near as any, to %d of %s", fabric.Shown(use.Interface), near, unit.Counted(int64(f.looked), "GPU"))
	}
	return f.verdict(NearestNIC, "", noGPU)
}

// reachable says whether sockets can use a NIC: it is, or it has, an interface that is up.
func reachable(f *fabric.Fabric, nic string) bool {
	return slices.ContainsFunc(f.Interfaces.Or(nil), func(i fabric.Interface) bool {
		d := f.Owner(i.Name)
		return i.Up.Or(false) && (i.Name == nic || d != nil && d.Name == nic)
	})
}
