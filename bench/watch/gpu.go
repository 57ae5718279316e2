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
	reasons                                        nvml.Reasons
	held                                           float64 // seconds, by looks
	last                                           time.Time
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
	}
	g.last = now

	links := r.NVLink
	if g.raw {
		links = r.NVLinkRaw
	}
	s.rate(g.nvlinkTx, &g.linkSent, links.TxBytes, now)
	s.rate(g.nvlinkRx, &g.linkReceived, links.RxBytes, now)
	s.rate(g.pcieTx, &g.busSent, r.PCIe.TxBytes, now)
	s.rate(g.pcieRx, &g.busReceived, r.PCIe.RxBytes, now)
	// Counters of millijoules and nanoseconds are kept as they are counted: meters are of whole numbers.
	s.follow(g.power.source+" energy", &g.energy, answer.Map(r.EnergyJ, func(j float64) uint64 { return uint64(max(0, j) * 1e3) }), now)
	s.follow(g.power.source+" throttled_time", &g.clocked, answer.Map(r.Clocked, func(c nvml.Clocked) uint64 { return c.PowerNS + c.ThermalNS }), now)

	gpm, ok := r.GPM.Get()
	if !ok { // the first reading has none
		for _, c := range []*column{g.sm, g.occupancy, g.dram} {
			c.now = math.NaN()
			if s.looks > 0 {
				s.miss(c.name(), r.GPM.Err())
			}
		}
		return
	}
	number(s, g.sm, gpm.SMPct)
	number(s, g.occupancy, gpm.OccupancyPct)
	number(s, g.dram, gpm.DRAMPct)
}

// throttledSeconds is how long clocks were held down: by the GPU's own count where it has
// one, or else by looks.
func (g *gpuSource) throttledSeconds() float64 {
	if t := g.clocked.sum(); t != nil {
		return *t / 1e9
	}
	return g.held
}
