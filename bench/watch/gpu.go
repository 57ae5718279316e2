package watch

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
)

// gpuSource is a GPU.
type gpuSource struct {
	number  int
	device  nvml.Device
	reading nvml.Reading

	smMHz, memoryMHz, power, temperature, throttle *column
	utilization, sm, occupancy, dram               *column
	nvlinkTx, nvlinkRx, pcieTx, pcieRx             *column
	linkSent, linkReceived, busSent, busReceived   meter
	energy, clocked                                meter
	raw                                            bool // NVLinks are counted with headers
	byMean                                         bool // PCIe is by GPM's rates, and not by counters
	reasons                                        nvml.Reasons
	held                                           float64 // seconds, by looks
	last, lastMean                                 time.Time
}

func newGPUSource(s *sampler, i int, d nvml.Device) *gpuSource {
	name := fmt.Sprintf("gpu%d", i)
	c := func(figure, unit string) *column { return s.column(name, figure, unit) }
	return &gpuSource{number: i, device: d,
		smMHz: c("sm_clock", "MHz"), memoryMHz: c("memory_clock", "MHz"), power: c("power", "W"), temperature: c("temperature", "C"),
		throttle: c("throttled", "bits"), utilization: c("utilization", "%"),
		sm: c("sm_active", "%"), occupancy: c("sm_occupancy", "%"), dram: c("dram_active", "%"),
		nvlinkTx: c("nvlink_tx", "B/s"), nvlinkRx: c("nvlink_rx", "B/s"), pcieTx: c("pcie_tx", "B/s"), pcieRx: c("pcie_rx", "B/s"),
		linkSent: meter{most: mostLinks}, linkReceived: meter{most: mostLinks}, busSent: meter{most: mostBus}, busReceived: meter{most: mostBus},
		energy: meter{most: mostEnergy}, clocked: meter{most: mostHeld},
	}
}

// take makes values of the reading.
func (g *gpuSource) take(now time.Time, s *sampler) {
	r := &g.reading
	number(s, g.smMHz, r.SMMHz)
	number(s, g.memoryMHz, r.MemoryMHz)
	number(s, g.power, r.PowerW)
	number(s, g.temperature, r.TemperatureC)
	number(s, g.utilization, r.UtilizationPct)
	number(s, g.throttle, answer.Map(r.Throttle, func(v nvml.Reasons) int { return int(judge.Trouble(v)) }))
	if reasons := judge.Trouble(r.Throttle.Or(0)); reasons != 0 {
		g.reasons |= reasons
		if !g.last.IsZero() {
			g.held += now.Sub(g.last).Seconds()
		}
	}
	if g.last.IsZero() { // once: a count with headers is another counter. Blackwell does not count payload apart
		g.raw = errors.Is(r.NVLink.TxBytes.Err(), errors.ErrUnsupported) && errors.Is(r.NVLink.RxBytes.Err(), errors.ErrUnsupported)
		g.narrow(r, s.interval)
	}
	g.last = now

	links := r.NVLink
	if g.raw {
		links = r.NVLinkRaw
	}
	counts := []count{
		{g.nvlinkTx.name(), &g.linkSent, links.TxBytes, g.nvlinkTx}, {g.nvlinkRx.name(), &g.linkReceived, links.RxBytes, g.nvlinkRx},
		// Counters of millijoules and nanoseconds are kept as they are counted: meters are of whole numbers.
		{g.power.source + " energy", &g.energy, answer.Map(r.EnergyJ, func(j float64) uint64 { return uint64(max(0, j) * 1e3) }), nil},
		{g.power.source + " throttled_time", &g.clocked, answer.Map(r.Clocked, func(c nvml.Clocked) uint64 { return c.PowerNS + c.ThermalNS }), nil},
	}
	if !g.byMean {
		counts = append(counts, count{g.pcieTx.name(), &g.busSent, r.PCIe.TxBytes, g.pcieTx}, count{g.pcieRx.name(), &g.busReceived, r.PCIe.RxBytes, g.pcieRx})
	}
	s.follow(now, counts...)

	gpm, ok := r.GPM.Get()
	means := []struct {
		to  *column
		v   answer.Of[float64]
		sum *meter
	}{{g.sm, gpm.SMPct, nil}, {g.occupancy, gpm.OccupancyPct, nil}, {g.dram, gpm.DRAMPct, nil}, {g.pcieTx, gpm.PCIeTxBps, &g.busSent}, {g.pcieRx, gpm.PCIeRxBps, &g.busReceived}}
	if !g.byMean {
		means = means[:3]
	}
	for _, m := range means {
		switch {
		case ok && s.looks > 0: // the first is of the time before
			number(s, m.to, m.v)
			if m.sum != nil && m.v.Err() == nil {
				m.sum.mean(m.to.now, gpm.Seconds)
			}
			continue
		case s.looks > 0 && !errors.Is(r.GPM.Err(), nvml.ErrEarly):
			s.miss(m.to.name(), r.GPM.Err())
		}
		m.to.now = math.NaN()
	}
	if ok {
		g.lastMean = now
	}
}

// tail says what is not in the sums: means that would have been of too short a time at the end.
func (g *gpuSource) tail(s *sampler) {
	if short := s.last.Sub(g.lastMean); g.byMean && g.busSent.seen && short > 0 {
		for _, c := range []*column{g.pcieTx, g.pcieRx} {
			s.miss(c.name(), fmt.Errorf("%w: the last %v, too short for a mean", answer.ErrUnknown, short.Round(time.Millisecond)))
		}
	}
}

// slot bounds what goes over PCIe by the link's most lanes and generation.
func (g *gpuSource) slot(at nvml.PCIe) {
	transfers := []float64{1: 2.5e9, 2: 5e9, 3: 8e9, 4: 16e9, 5: 32e9, 6: 64e9, 7: 128e9} // of a lane, a bit each
	generation, ok := at.MaxGeneration.Get()
	if lanes, known := at.MaxWidth.Get(); ok && known && generation > 0 && generation < len(transfers) && lanes > 0 {
		g.busSent.most = 1.05 * transfers[generation] / 8 * float64(lanes)
		g.busReceived.most = g.busSent.most
	}
}

// narrow takes note of counters of PCIe that wrap round faster than somebody looks, as those of 32 bits do in 70 ms at
// generation 5. Where GPM has means, these are taken in their place.
func (g *gpuSource) narrow(r *nvml.Reading, interval time.Duration) {
	g.busSent.bits, g.busReceived.bits = r.PCIeBits, r.PCIeBits
	if r.PCIeBits == 0 || r.PCIeBits >= 64 || errors.Is(r.GPM.Err(), errors.ErrUnsupported) {
		return
	}
	late := 1.5 * interval.Seconds()
	g.byMean = interval == 0 || g.busSent.most*late >= math.Pow(2, float64(r.PCIeBits))
}

// throttledSeconds is how long clocks were held down: by the GPU's own count where it has
// one, or else by looks.
func (g *gpuSource) throttledSeconds() float64 {
	if t := g.clocked.sum(); t != nil {
		return *t / 1e9
	}
	return g.held
}
