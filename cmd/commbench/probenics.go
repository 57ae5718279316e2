package main

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/nvml/answer"
	"github.com/commbench/commbench/reports"
)

// nicRow is a port or an interface.
type nicRow struct {
	name, kind, state, rate, lanes, mtu, driver, pci, link, numa, firmware, errors string
}

func nics(b *bytes.Buffer, f *fabric.Fabric) {
	var rows []nicRow
	for _, d := range f.Devices.Or(nil) {
		for _, p := range d.Ports.Or(nil) {
			state := short(p.State)
			if phys, ok := p.Physical.Get(); ok && phys != "LinkUp" {
				state += " (" + phys + ")"
			}
			r := nicRow{name: probe.PortName(&p), kind: p.Kind, state: state, rate: unit.Opt(p.RateGbps.Ptr(), numeral), lanes: short(p.Width), mtu: mtuOf(f, d.Netdevs),
				driver: short(d.Driver), firmware: short(d.Firmware), errors: short(answer.Map(p.Faults, portErrors))}
			rows = append(rows, r.at(d.Place, d.PCIe))
		}
		if err := d.Ports.Err(); err != nil {
			r := nicRow{name: d.Name, kind: "?", state: err.Error(), driver: short(d.Driver), firmware: short(d.Firmware)}
			rows = append(rows, r.at(d.Place, d.PCIe))
		}
	}
	for _, i := range f.Interfaces.Or(nil) {
		r := nicRow{name: i.Name, kind: i.Kind, state: short(i.State), lanes: unit.Unknown, mtu: short(i.MTU), driver: short(i.Driver), firmware: unit.Unknown, errors: unit.Unknown,
			rate: unit.Opt(i.SpeedMbps.Ptr(), func(v int) string { return numeral(float64(v) / 1e3) })}
		rows = append(rows, r.at(i.Place, i.PCIe))
	}
	b.WriteByte('\n')
	if len(rows) == 0 {
		why := f.Interfaces.Err()
		if why == nil {
			why = fmt.Errorf("none")
		}
		line(b, "NICs", "%v", why)
		return
	}
	word := func(head string, get func(*nicRow) string) reports.Strip { return strip(rows, head, true, get) }
	number := func(head string, get func(*nicRow) string) reports.Strip { return strip(rows, head, false, get) }
	reports.Draw(b, []reports.Strip{
		word("\nNIC", func(r *nicRow) string { return r.name }), word("\nkind", func(r *nicRow) string { return r.kind }),
		word("\nstate", func(r *nicRow) string { return r.state }), number("rate\nGb/s", func(r *nicRow) string { return r.rate }),
		number("\nlanes", func(r *nicRow) string { return r.lanes }), number("\nMTU", func(r *nicRow) string { return r.mtu }),
		word("\ndriver", func(r *nicRow) string { return r.driver }), word("\nfirmware", func(r *nicRow) string { return r.firmware }),
		word("\nPCI", func(r *nicRow) string { return r.pci }), word("PCIe\nGT/s x lanes", func(r *nicRow) string { return r.link }),
		number("memory\nnode", func(r *nicRow) string { return r.numa }), number("\nerrors", func(r *nicRow) string { return r.errors }),
	})
}

func (r nicRow) at(place fabric.Place, link answer.Of[fabric.PCIe]) nicRow {
	r.pci, r.numa, r.link = short(place.PCI), short(place.NUMA), unit.Unknown
	if l, ok := link.Get(); ok && l.Width.Err() == nil {
		r.link = fmt.Sprintf("%s x%s of %s x%s", short(l.SpeedGTs), short(l.Width), short(l.MaxSpeedGTs), short(l.MaxWidth))
	}
	return r
}

func mtuOf(f *fabric.Fabric, netdevs []string) string {
	for _, i := range f.Interfaces.Or(nil) {
		if slices.Contains(netdevs, i.Name) {
			return short(i.MTU)
		}
	}
	return unit.Unknown
}

// portErrors is the sum of what should not have happened. Packets come out of sequence where routing is adaptive.
func portErrors(p fabric.PortFaults) (sum uint64) {
	for _, n := range []answer.Of[uint64]{p.SymbolErrors, p.LinkDowned, p.LinkRecovered, p.RxErrors, p.TxDiscards, p.Integrity, p.Overruns, p.Retransmits} {
		sum += n.Or(0)
	}
	return sum
}

// matrix is who is how near to whom.
func matrix(b *bytes.Buffer, t *probe.Topology) {
	if len(t.Names) < 2 {
		return
	}
	b.WriteByte('\n')
	names := reports.Strip{Left: true, Cells: t.Names}
	strips := []reports.Strip{names}
	for col, name := range t.Names {
		s := reports.Strip{Head: name, Left: true}
		for row := range t.Names {
			s.Cells = append(s.Cells, t.Cells[row][col])
		}
		strips = append(strips, s)
	}
	numa := reports.Strip{Head: "memory node"}
	for _, n := range t.NUMA {
		numa.Cells = append(numa.Cells, unit.Opt(n, func(v int) string { return fmt.Sprint(v) }))
	}
	reports.Draw(b, append(strips, numa))
	b.WriteString("\nX itself, NV# so many NVLinks, PIX one PCIe bridge, PXB several, PHB a host bridge, NODE one memory node, SYS across memory nodes, ? not known\n")
}
