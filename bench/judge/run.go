package judge

import (
	"fmt"
	"maps"
	"slices"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
)

// Seen is what somebody who looked at the GPUs during a run has seen.
type Seen struct {
	Looks   int                  // between the start and the end
	Span    float64              // seconds from the first look to the last
	Reasons map[int]nvml.Reasons // for which each GPU was throttled at a look
	Seconds map[int]float64      // for how long
	Clocked bool                 // all GPUs count the time that they are throttled
	Events  []nvml.Event
	Deaf    error  // why events could not be had; nil if they could
	Silent  string // why looking ended early: "GPU 3 did not answer for 2 s"; "" if it did not
}

// little is the share of a run for which a GPU may be throttled and nobody sees it in a figure.
const little = 0.01

// held says which GPUs were throttled, for how long and why. What a GPU counts itself, and nobody
// saw at a look, must be more than a little.
func (s *Seen) held() (texts []string) {
	gpus := slices.AppendSeq(slices.Collect(maps.Keys(s.Reasons)), maps.Keys(s.Seconds))
	slices.Sort(gpus)
	for _, gpu := range slices.Compact(gpus) {
		reasons, seconds := s.Reasons[gpu]&trouble, s.Seconds[gpu]
		if reasons == 0 && seconds < little*s.Span {
			continue
		}
		switch {
		case reasons != 0 && seconds > 0:
			texts = append(texts, fmt.Sprintf("GPU %d was held down for %s s by %v", gpu, unit.Number(seconds), reasons))
		case reasons != 0:
			texts = append(texts, fmt.Sprintf("GPU %d was held down by %v", gpu, reasons))
		case seconds > 0:
			texts = append(texts, fmt.Sprintf("GPU %d was held down for %s s, by its own count", gpu, unit.Number(seconds)))
		}
	}
	return texts
}

// Use is what of a host a run used.
type Use struct {
	Interface      string // that traffic crossed; "" for none
	GPUs           int    // of a node: rank i of it stands for GPU i
	Private, Share bool   // kinds of memory that ranks have

	Only []string // PCI addresses, as sysfs has them, of the GPUs that count, and no NIC does; nil is all of the host
}

// Host judges a host from its pages before and after a run, and from what was seen between
// them. after may be nil: it could not be read.
func Host(before, after *probe.Page, seen *Seen, use Use) []record.Verdict {
	if use.Only != nil {
		before, after, seen = only(before, use.Only), only(after, use.Only), seen.only(before, use.Only)
	}
	return []record.Verdict{
		nearestNIC(before, use), links(before, last(before, after), &use.Interface), throttled(last(before, after), seen), Grown(before, after, seen, use.Interface),
		governor(&before.Host), hugePages(&before.Host, use.Private, use.Share),
	}
}

// only is a page without the GPUs that do not count, and without NICs. Where one that does is not on it, nothing can be said of
// GPUs: they are there.
func only(p *probe.Page, pci []string) *probe.Page {
	if p == nil {
		return nil
	}
	some, all := *p, p.GPUs.Or(nil)
	some.Fabric = fabric.Fabric{Interfaces: answer.Is([]fabric.Interface{}), Devices: answer.Is([]fabric.Device{})}
	some.GPUs = answer.Is(slices.DeleteFunc(slices.Clone(all), func(g probe.GPU) bool { return !counts(&g, pci) }))
	for _, at := range pci {
		if !slices.ContainsFunc(all, func(g probe.GPU) bool { return g.PCI.Or("") == at }) {
			why := fmt.Sprintf("NVML does not show the one at %s", at)
			if err := p.GPUs.Err(); err != nil {
				why = err.Error()
			}
			some.GPUs = answer.Unknown[[]probe.GPU](why)
		}
	}
	return &some
}

func counts(g *probe.GPU, pci []string) bool { return slices.Contains(pci, g.PCI.Or("")) }

// only is what was seen of GPUs that count.
func (s *Seen) only(p *probe.Page, pci []string) *Seen {
	some, used := *s, map[int]bool{}
	for _, g := range p.GPUs.Or(nil) {
		used[g.Number] = counts(&g, pci)
	}
	some.Reasons, some.Seconds = maps.Clone(s.Reasons), maps.Clone(s.Seconds)
	maps.DeleteFunc(some.Reasons, func(gpu int, _ nvml.Reasons) bool { return !used[gpu] })
	maps.DeleteFunc(some.Seconds, func(gpu int, _ float64) bool { return !used[gpu] })
	some.Events = slices.DeleteFunc(slices.Clone(s.Events), func(e nvml.Event) bool { return !used[e.Device] })
	return &some
}

func last(before, after *probe.Page) *probe.Page {
	if after == nil {
		return before
	}
	return after
}

// Unseen are the verdicts on a host that could not be looked at.
func Unseen(why string) (all []record.Verdict) {
	for _, name := range []string{NearestNIC, Links, Clocks, Faults, Governor, HugePages} {
		all = append(all, unknown(name, "the machine was not looked at: %s", why))
	}
	return all
}
