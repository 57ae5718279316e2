package judge

import (
	"slices"
	"strings"

	"github.com/commbench/commbench/bench/host"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
)

// Machine judges what can be told of a machine without a run: links, clocks now, faults that
// stand, governor and huge pages.
func Machine(p *probe.Page) []record.Verdict {
	return []record.Verdict{
		links(nil, p, nil), throttled(p, nil), standing(p), governor(&p.Host), hugePages(&p.Host, true, true),
	}
}

// gpus are those that answered; that others did not is a finding.
func gpus(p *probe.Page, f *findings) []probe.GPU {
	all, ok := p.GPUs.Get()
	if err := p.GPUs.Err(); !ok && !isNone(err) {
		f.unknownf("GPUs: %v", err)
	}
	if p.Silent != "" {
		f.unknownf("%s", p.Silent)
	}
	return all
}

const noGPU = "no GPU was found"

// trouble are reasons that nobody chose. Clocks that were set, or follow another GPU's, are wanted.
const trouble = nvml.PowerCap | nvml.HardwareSlow | nvml.SoftwareHeat | nvml.HardwareHeat | nvml.PowerBrake | nvml.BoardLimit

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
	if seen.Silent != "" && f.looked > 0 {
		f.unknownf("%s", seen.Silent)
	}
	if seen.Looks == 0 && len(f.bad) == 0 && f.looked > 0 && !seen.Clocked {
		f.unknownf("nobody looked between the start and the end: give --sample 100ms")
	}
	if seen.Looks == 0 {
		return f.verdict(Clocks, "the driver held no GPU down, by its own count; --sample shows brakes of the hardware too", noGPU)
	}
	return f.verdict(Clocks, "no GPU was throttled", noGPU)
}

func governor(h *host.Host) record.Verdict {
	names, ok := h.Governor.Get()
	switch {
	case !ok && isNone(h.Governor.Err()):
		return none(Governor, "%v", h.Governor.Err())
	case !ok:
		return unknown(Governor, "%v", h.Governor.Err())
	}
	slow := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "performance" || strings.HasSuffix(n, "(EPP performance)") })
	if len(slow) > 0 {
		return bad(Governor, "CPUs that this process may use have governor %s, not performance", strings.Join(slow, ", "))
	}
	return good(Governor, "%s", strings.Join(names, ", "))
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
