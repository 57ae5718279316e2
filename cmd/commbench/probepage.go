package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/commbench/commbench/bench/answer"
	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/bench/watch"
	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/reports"
)

// pageTable is the page for people.
func pageTable(p *probe.Page) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "commbench probe   %s", p.Time.Format("2006-01-02 15:04:05 UTC"))
	if p.Fake != nil {
		fmt.Fprintf(&b, "   a machine that is not there: %s", *p.Fake)
	}
	b.WriteString("\n\n")
	hostLines(&b, p)
	gpus, ok := p.GPUs.Get()
	if !ok {
		line(&b, "GPUs", "%v", p.GPUs.Err())
	} else {
		line(&b, "GPUs", "%d, driver %s, CUDA %s", len(gpus), short(p.Driver.Driver), short(p.Driver.CUDA))
	}
	if len(gpus) > 0 {
		b.WriteByte('\n')
		reports.Draw(&b, gpuStrips(gpus))
		b.WriteByte('\n')
		reports.Draw(&b, linkStrips(gpus))
		fabricLines(&b, gpus)
	}
	nics(&b, &p.Fabric)
	matrix(&b, &p.Topology)
	b.WriteByte('\n')
	for _, v := range p.Verdicts {
		state := v.State
		if state == record.Bad {
			state = "BAD"
		}
		line(&b, state, "%s: %s", v.Name, v.Why)
	}
	return b.Bytes()
}

func line(b *bytes.Buffer, label, format string, args ...any) {
	fmt.Fprintf(b, "%-12s%s\n", label, fmt.Sprintf(format, args...))
}

// short is a value, or a dash; the reasons are in the JSON.
func short[T any](a answer.Of[T]) string {
	if v, ok := a.Get(); ok {
		return fmt.Sprint(v)
	}
	return unit.Unknown
}

func hostLines(b *bytes.Buffer, p *probe.Page) {
	h := &p.Host
	cpus := short(h.CPU)
	if n, ok := h.Sockets.Get(); ok {
		cpus += ", " + unit.Counted(int64(n), "socket")
	}
	if n, ok := h.Physical.Get(); ok {
		cpus += ", " + unit.Counted(int64(n), "core")
	}
	cpus += fmt.Sprintf(", %d CPUs for this process", h.Cores)
	if q, ok := h.Quota.Get(); ok {
		cpus += fmt.Sprintf(" of which a control group allows %s", unit.Number(q))
	}
	line(b, "host", "%s", cpus)
	memory := "memory " + bytesOf(h.MemoryBytes)
	if nodes, ok := h.NUMANodes.Get(); ok {
		memory += " on " + unit.Counted(int64(len(nodes)), "memory node")
	}
	line(b, "", "%s; huge pages: private %s, shared %s, reserved %s", memory, short(h.HugePages.Private), short(h.HugePages.Shared), short(h.HugePages.Total))
	var caches []string
	for _, c := range h.Caches.Or(nil) {
		if c.Type != "Instruction" {
			caches = append(caches, fmt.Sprintf("L%d %s", c.Level, bytesOf(c.SizeBytes)))
		}
	}
	governor := unit.Unknown
	if names, ok := h.Governor.Get(); ok {
		governor = strings.Join(names, ", ")
	}
	line(b, "", "%s; governor %s", strings.Join(slices.Concat([]string{"caches"}, caches), " "), governor)
	line(b, "", "%s %s, %s; hypervisor %s; load %s", h.OS, short(h.Kernel), h.Go, short(h.Hypervisor), short(h.Load1))
}

func bytesOf(a answer.Of[int64]) string {
	return unit.Opt(a.Ptr(), func(v int64) string { return unit.Bytes(v).String() })
}

// strip is a column of words, one for each element.
func strip[T any](all []T, head string, left bool, cell func(*T) string) reports.Strip {
	s := reports.Strip{Head: head, Left: left}
	for i := range all {
		s.Cells = append(s.Cells, cell(&all[i]))
	}
	return s
}

func gpuStrips(gpus []probe.GPU) []reports.Strip {
	now := func(head string, get func(*nvml.Reading) string) reports.Strip {
		return strip(gpus, head, false, func(g *probe.GPU) string { return get(&g.Reading) })
	}
	return []reports.Strip{
		strip(gpus, "\nGPU", false, func(g *probe.GPU) string { return fmt.Sprint(g.Number) }),
		strip(gpus, "\nname", true, func(g *probe.GPU) string { return short(g.Name) }),
		strip(gpus, "\nSMs", false, func(g *probe.GPU) string { return short(g.SMs) }),
		strip(gpus, "memory\nGB", false, func(g *probe.GPU) string {
			return unit.Opt(g.MemoryBytes.Ptr(), func(v int64) string { return unit.Number(unit.Bytes(v).GB()) })
		}),
		now("SM\nMHz", func(r *nvml.Reading) string { return short(r.SMMHz) }),
		strip(gpus, "at most\nMHz", false, func(g *probe.GPU) string { return short(g.MaxSMMHz) }),
		now("memory\nMHz", func(r *nvml.Reading) string { return short(r.MemoryMHz) }),
		now("power\nW", func(r *nvml.Reading) string { return unit.Opt(r.PowerW.Ptr(), whole) }),
		strip(gpus, "limit\nW", false, func(g *probe.GPU) string { return unit.Opt(g.PowerLimitW.Ptr(), whole) }),
		now("temp\nC", func(r *nvml.Reading) string { return short(r.TemperatureC) }),
		now("busy\n%", func(r *nvml.Reading) string { return short(r.UtilizationPct) }),
		strip(gpus, "\nECC", true, func(g *probe.GPU) string { return onOff(g.ECC) }),
		strip(gpus, "\nMIG", true, func(g *probe.GPU) string { return onOff(g.MIG) }),
		strip(gpus, "\npersistence", true, func(g *probe.GPU) string { return onOff(g.Persistence) }),
		now("held down\nby", func(r *nvml.Reading) string { return short(r.Throttle) }),
	}
}

func whole(v float64) string { return fmt.Sprintf("%.0f", v) }

func onOff(a answer.Of[bool]) string {
	return short(answer.Map(a, func(v bool) string { return map[bool]string{true: "on", false: "off"}[v] }))
}

func linkStrips(gpus []probe.GPU) []reports.Strip {
	count := func(head string, get func(*nvml.Faults) answer.Of[uint64]) reports.Strip {
		return strip(gpus, head, false, func(g *probe.GPU) string { return short(get(&g.Faults)) })
	}
	return []reports.Strip{
		strip(gpus, "\nGPU", false, func(g *probe.GPU) string { return fmt.Sprint(g.Number) }),
		strip(gpus, "\nPCI", true, func(g *probe.GPU) string { return short(g.PCI) }),
		strip(gpus, "PCIe\ngen x lanes", true, func(g *probe.GPU) string {
			return fmt.Sprintf("%s x%s of %s x%s", short(g.PCIe.Generation), short(g.PCIe.Width), short(g.PCIe.MaxGeneration), short(g.PCIe.MaxWidth))
		}),
		strip(gpus, "NVLinks\nup", false, func(g *probe.GPU) string { return linksUp(g) }),
		strip(gpus, "a link\nGB/s", false, func(g *probe.GPU) string {
			for _, l := range g.Links.Or(nil) {
				if v, ok := l.SpeedMBps.Get(); ok {
					return unit.Number(float64(v) / 1e3)
				}
			}
			return unit.Unknown
		}),
		strip(gpus, "\nto", true, func(g *probe.GPU) string { return remotes(g) }),
		count("ECC\ncorrected", func(f *nvml.Faults) answer.Of[uint64] { return f.Corrected }),
		count("ECC not\ncorrected", func(f *nvml.Faults) answer.Of[uint64] { return f.Uncorrected }),
		count("PCIe\nreplays", func(f *nvml.Faults) answer.Of[uint64] { return f.PCIeReplays }),
		strip(gpus, "NVLink\nerrors", false, func(g *probe.GPU) string { return short(linkErrors(&g.Faults)) }),
		strip(gpus, "rows\nremapped", true, func(g *probe.GPU) string {
			return short(answer.Map(g.Faults.Remapped, func(r nvml.Remapped) string {
				text := fmt.Sprint(r.Corrected + r.Uncorrected)
				if r.Pending {
					text += ", pending"
				}
				if r.Failed {
					text += ", failed"
				}
				return text
			}))
		}),
	}
}

func linksUp(g *probe.GPU) string {
	links, ok := g.Links.Get()
	if !ok || len(links) == 0 {
		return unit.Unknown
	}
	up := 0
	for _, l := range links {
		if l.Up.Or(false) {
			up++
		}
	}
	return fmt.Sprintf("%d of %d", up, len(links))
}

// remotes are the kinds of what is at the other ends of the links.
func remotes(g *probe.GPU) string {
	var kinds []string
	for _, l := range g.Links.Or(nil) {
		if kind, ok := l.Remote.Get(); ok && !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	if len(kinds) == 0 {
		return unit.Unknown
	}
	return strings.Join(kinds, ", ")
}

// linkErrors are all errors of all links.
func linkErrors(f *nvml.Faults) answer.Of[uint64] {
	return answer.Map(f.Links, func(links []nvml.LinkFaults) (sum uint64) {
		for _, l := range links {
			sum += l.Replays.Or(0) + l.Recoveries.Or(0) + l.CRCFlit.Or(0) + l.CRCData.Or(0) + l.RxErrors.Or(0)
		}
		return sum
	})
}

// fabricLines say which NVLink domain the GPUs are of, if it is more than this machine's board.
func fabricLines(b *bytes.Buffer, gpus []probe.GPU) {
	said := map[string]bool{}
	for i := range gpus {
		f, ok := gpus[i].Fabric.Get()
		if !ok {
			continue
		}
		text := f.State
		if strings.Trim(f.Cluster, "0-") != "" {
			text = fmt.Sprintf("%s, cluster %s, clique %d: GPUs of one clique reach each other, also between machines", f.State, f.Cluster, f.Clique)
		}
		if f.Status != "" && f.Status != "ok" {
			text += ", " + f.Status
		}
		if !said[text] {
			if len(said) == 0 {
				b.WriteByte('\n')
			}
			said[text] = true
			line(b, "NVSwitch", "%s", text)
		}
	}
}

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

// portErrors is the sum of what should not have happened.
func portErrors(p fabric.PortFaults) (sum uint64) {
	for _, n := range []answer.Of[uint64]{p.SymbolErrors, p.LinkDowned, p.LinkRecovered, p.RxErrors, p.TxDiscards, p.Integrity, p.Overruns, p.OutOfSequence, p.Retransmits} {
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
	b.WriteString("\nX itself, NV# so many NVLinks, PIX one PCIe bridge, PXB several, PHB a host bridge, NODE one memory node, SYS across memory nodes\n")
}

// lookTable is one look of --watch: a row for each source, a column for each figure.
func lookTable(p *probe.Page, figures []watch.Figure, now time.Time) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "commbench probe   %s", now.Format("2006-01-02 15:04:05 UTC"))
	if p.Fake != nil {
		fmt.Fprintf(&b, "   a machine that is not there: %s", *p.Fake)
	}
	b.WriteByte('\n')
	for rest := figures; len(rest) > 0; {
		// Sources that have the same figures share a table.
		head, sources := figuresOf(rest), 0
		var rows [][]watch.Figure
		for ; len(rest) > 0 && slices.Equal(figuresOf(rest), head); sources++ {
			rows, rest = append(rows, rest[:len(head)]), rest[len(head):]
		}
		names := reports.Strip{Left: true}
		for _, row := range rows {
			names.Cells = append(names.Cells, row[0].Source)
		}
		strips := []reports.Strip{names}
		for col, name := range head {
			values := make([]*float64, len(rows))
			text := name.Unit
			for i, row := range rows {
				values[i] = row[col].Value
				if text == "B/s" && values[i] != nil {
					values[i] = new(*values[i] / 1e9)
				}
			}
			if text == "B/s" {
				text = "GB/s"
			}
			s := reports.Strip{Head: strings.ReplaceAll(name.Name, "_", " ") + "\n" + text, Cells: unit.Column(values)}
			if text == "bits" {
				s = reports.Strip{Head: "held down\nby", Left: true, Cells: reasonCells(values)}
			}
			strips = append(strips, s)
		}
		b.WriteByte('\n')
		reports.Draw(&b, strips)
	}
	return append(b.Bytes(), '\n')
}

// figureName is a heading.
type figureName struct{ Name, Unit string }

// figuresOf are those of the first source.
func figuresOf(figures []watch.Figure) (names []figureName) {
	for _, f := range figures {
		if f.Source != figures[0].Source {
			break
		}
		names = append(names, figureName{f.Name, f.Unit})
	}
	return names
}

func reasonCells(values []*float64) (cells []string) {
	for _, v := range values {
		cells = append(cells, unit.Opt(v, func(bits float64) string { return nvml.Reasons(bits).String() }))
	}
	return cells
}
