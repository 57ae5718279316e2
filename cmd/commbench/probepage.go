package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
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
		count := fmt.Sprint(len(gpus))
		if p.Silent != "" && len(gpus) > 0 {
			count = fmt.Sprintf("%d of %d, asked in their order", len(gpus), len(gpus[0].Peers))
		}
		line(&b, "GPUs", "%s, driver %s, CUDA %s", count, short(p.Driver.Driver), short(p.Driver.CUDA))
		if p.Silent != "" {
			line(&b, "", "%s; those after it were not asked", p.Silent)
		}
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
	if p.Fake == nil {
		cpus += fmt.Sprintf(", %d CPUs for this process", h.Cores)
	}
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
	governor := "governor " + short(answer.Map(h.Governor, func(names []string) string { return strings.Join(names, ", ") }))
	if len(caches) > 0 {
		governor = "caches " + strings.Join(caches, " ") + "; " + governor
	}
	line(b, "", "%s", governor)
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
		now("held down\nby", func(r *nvml.Reading) string { return short(answer.Map(r.Throttle, judge.Trouble)) }),
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
			if g.PCIe.Generation.Err() != nil && g.PCIe.Width.Err() != nil {
				return unit.Unknown
			}
			return fmt.Sprintf("%s x%s of %s x%s", short(g.PCIe.Generation), short(g.PCIe.Width), short(g.PCIe.MaxGeneration), short(g.PCIe.MaxWidth))
		}),
		strip(gpus, "NVLinks\nup", false, func(g *probe.GPU) string { return linksUp(g) }),
		strip(gpus, "slowest\nGB/s", false, func(g *probe.GPU) string {
			slowest := 0
			for _, l := range g.Links.Or(nil) {
				if v, ok := l.SpeedMBps.Get(); ok && (slowest == 0 || v < slowest) {
					slowest = v
				}
			}
			if slowest == 0 {
				return unit.Unknown
			}
			return unit.Number(float64(slowest) / 1e3)
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
			line(b, "NVLinks", "registered with the switches' fabric: %s", text)
		}
	}
}
