package watch

import (
	"maps"
	"slices"
	"time"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
)

// record is the series with their summary.
func (s *sampler) record() *record.Sampling {
	for _, g := range s.gpus {
		g.tail(s)
	}
	r := &record.Sampling{IntervalMS: float64(s.interval.Microseconds()) / 1e3, Seconds: s.last.Sub(s.start).Seconds(),
		Looks: s.looks, Late: s.late, Missing: maps.Clone(s.missing), AtMS: slices.Clone(s.at)}
	if r.Seconds > 0 {
		r.CPUShare = answer.Map(s.cost, func(d time.Duration) float64 { return d.Seconds() / r.Seconds }).Ptr()
	}
	r.CPUBusy, r.CPUSteal = share(s.cpu.busy), share(s.cpu.steal)
	var reasons nvml.Reasons
	for _, g := range s.gpus {
		add(&r.PowerW, mean(g.power))
		if j := g.energy.sum(); j != nil {
			add(&r.EnergyJ, new(*j/1e3))
		}
		add(&r.NVLinkTxBytes, g.linkSent.sum())
		add(&r.PCIeTxBytes, g.busSent.sum())
		if g.temperature.n > 0 && (r.TemperatureC == nil || *r.TemperatureC < g.temperature.most) {
			r.TemperatureC = new(g.temperature.most)
		}
		if g.throttle.n > 0 {
			add(&r.ThrottledS, new(g.throttledSeconds()))
		}
		reasons |= g.reasons
	}
	r.SMMHz, r.MemoryMHz = s.meanOf(func(g *gpuSource) *column { return g.smMHz }), s.meanOf(func(g *gpuSource) *column { return g.memoryMHz })
	r.ThrottledBy = reasons.Names()
	for _, n := range s.nics {
		if !n.local {
			add(&r.NICTxBytes, n.sent.sum())
			add(&r.NICRxBytes, n.received.sum())
		}
	}
	for _, c := range s.columns {
		if c.n > 0 {
			r.Series = append(r.Series, record.Series{Source: c.source, Figure: c.figure, Unit: c.unit, Values: rounded(c.values)})
		}
	}
	return r
}

// add adds what is known to a sum of what is.
func add(sum **float64, v *float64) {
	switch {
	case v == nil:
	case *sum == nil:
		*sum = new(*v)
	default:
		**sum += *v
	}
}

func mean(c *column) *float64 {
	if c.n == 0 {
		return nil
	}
	return new(c.sum / float64(c.n))
}

func share(c *column) *float64 {
	m := mean(c)
	if m == nil {
		return nil
	}
	return new(*m / 100)
}

// meanOf is over all looks of all GPUs.
func (s *sampler) meanOf(of func(*gpuSource) *column) *float64 {
	all := column{}
	for _, g := range s.gpus {
		c := of(g)
		all.sum, all.n = all.sum+c.sum, all.n+c.n
	}
	return mean(&all)
}

// rounded is what a record has of values.
func rounded(values []float64) record.Values {
	short := make(record.Values, len(values))
	for i, v := range values {
		short[i] = unit.Rounded(v)
	}
	return short
}
