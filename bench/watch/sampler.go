package watch

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
)

// maxLooks bounds what a sampler keeps: when it is full every second look goes, and from then on
// only every second is kept. 20,000 are 33 minutes of 100 ms.
const maxLooks = 20_000

// sampler looks at GPUs, NICs and CPUs again and again.
type sampler struct {
	machine *probe.Machine

	columns []*column
	gpus    []*gpuSource
	nics    []*nicSource
	cpu     *cpuSource

	interval time.Duration // 0 is that readings may be far apart
	start    time.Time
	last     time.Time
	at       []float64 // ms from start, of each look that is kept
	looks    int       // all, also those that are not kept
	late     int
	keep     int // every how many looks is kept
	events   []nvml.Event
	deaf     error                    // why there are none
	cost     answer.Of[time.Duration] // CPU time of the thread
	missing  map[string]string
}

// column is a figure of a source, a value for each look that is kept.
type column struct {
	source, figure, unit string
	values               []float64
	now                  float64 // at this look; NaN is not known
	sum                  float64 // over all looks, also those that are not kept
	n                    int
	most                 float64
}

func (c *column) name() string { return c.source + " " + c.figure }

// newSampler takes the machine as it was seen.
func newSampler(m *probe.Machine, page *probe.Page) *sampler {
	s := &sampler{machine: m, keep: 1, missing: map[string]string{}}
	if m.GPUs != nil {
		known := page.GPUs.Or(nil)
		for i, d := range m.GPUs.Devices() {
			g := newGPUSource(s, i, d)
			if i < len(known) {
				g.slot(known[i].PCIe)
			}
			s.gpus = append(s.gpus, g)
		}
	}
	for _, meter := range m.Meters(&page.Fabric) {
		s.nics = append(s.nics, newNICSource(s, meter))
	}
	s.cpu = newCPUSource(s)
	if page.Fake != nil {
		s.cpu.path = "" // /proc is of this machine
	}
	return s
}

// column adds a figure.
func (s *sampler) column(source, figure, unit string) *column {
	c := &column{source: source, figure: figure, unit: unit, now: math.NaN()}
	s.columns = append(s.columns, c)
	return c
}

// run looks once, closes first, looks at every interval until end is closed, and once more. Without
// an interval it looks at the start and at the end. What it has is guarded by mu.
func (s *sampler) run(interval time.Duration, first chan<- struct{}, end <-chan struct{}, mu *sync.Mutex) {
	runtime.LockOSThread() // whose CPU time is the cost
	defer runtime.UnlockOSThread()
	before := threadTime()
	s.interval = interval
	s.look(mu, 0)
	close(first)
	var ticks <-chan time.Time
	if interval > 0 {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		ticks = ticker.C
	}
	for {
		select {
		case <-end:
		case <-ticks:
		}
		if closed(end) { // even where looks take longer than an interval, and there is always a tick
			break
		}
		s.look(mu, interval)
	}
	s.look(mu, 0)
	after := threadTime()
	mu.Lock()
	defer mu.Unlock()
	s.cost = answer.From(after.Or(0)-before.Or(0), before.Err())
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// look asks everything once. Only what was answered is written, and all of it at once: whoever
// gives up in between sees whole looks.
func (s *sampler) look(mu *sync.Mutex, interval time.Duration) {
	now := time.Now()
	for _, g := range s.gpus {
		s.machine.Ask(fmt.Sprintf("GPU %d", g.number))
		g.reading = g.device.Reading()
	}
	var events []nvml.Event
	var deaf error
	if s.machine.GPUs != nil {
		s.machine.Ask("NVML, for events")
		events, deaf = s.machine.GPUs.Events()
	}
	for _, n := range s.nics {
		s.machine.Ask(n.name)
		n.counters, n.err = n.read()
	}
	s.machine.Ask("the CPUs")
	s.cpu.look()

	mu.Lock()
	defer mu.Unlock()
	if s.looks == 0 {
		s.start = now
	} else if interval > 0 && now.Sub(s.last) > 2*interval {
		s.late++
	}
	for _, g := range s.gpus {
		g.take(now, s)
	}
	for _, n := range s.nics {
		n.take(now, s)
	}
	s.cpu.take(s)
	if s.deaf == nil {
		s.deaf = deaf
	}
	s.events = append(s.events, events[:min(len(events), maxEvents-len(s.events))]...)
	s.store(now)
}

// maxEvents bounds the events that are kept: a GPU in trouble has the same ones again and again.
const maxEvents = 64

// store adds up this look's values, and keeps them.
func (s *sampler) store(now time.Time) {
	for _, c := range s.columns {
		if !math.IsNaN(c.now) {
			c.sum += c.now
			c.most = max(c.most, c.now)
			c.n++
		}
	}
	if s.looks%s.keep == 0 {
		if len(s.at) == maxLooks {
			s.halve()
		}
		if s.looks%s.keep == 0 {
			s.at = append(s.at, float64(now.Sub(s.start).Round(100*time.Microsecond).Microseconds())/1e3)
			for _, c := range s.columns {
				c.values = append(c.values, c.now)
			}
		}
	}
	s.looks++
	s.last = now
}

// halve forgets every second look.
func (s *sampler) halve() {
	s.keep *= 2
	s.at = half(s.at)
	for _, c := range s.columns {
		c.values = half(c.values)
	}
}

func half(v []float64) []float64 {
	kept := v[:0]
	for i := 0; i < len(v); i += 2 {
		kept = append(kept, v[i])
	}
	return kept
}

// miss remembers the first reason for which a figure is not known.
func (s *sampler) miss(what string, err error) {
	if s.missing[what] == "" {
		s.missing[what] = err.Error()
	}
}

// number is an answer as a value of a look; why there is none is remembered.
func number[T int | float64](s *sampler, c *column, a answer.Of[T]) {
	v, ok := a.Get()
	if !ok {
		c.now = math.NaN()
		s.miss(c.name(), a.Err())
		return
	}
	c.now = float64(v)
}

// seen is what judges want to know.
func (s *sampler) seen(to *judge.Seen) {
	to.Span = s.last.Sub(s.start).Seconds()
	to.Looks, to.Events, to.Deaf = max(0, s.looks-2), slices.Clone(s.events), s.deaf
	to.Reasons, to.Seconds = map[int]nvml.Reasons{}, map[int]float64{}
	to.Clocked = len(s.gpus) > 0
	for _, g := range s.gpus {
		if g.reasons != 0 {
			to.Reasons[g.number] = g.reasons
		}
		if t := g.throttledSeconds(); t > 0 {
			to.Seconds[g.number] = t
		}
		to.Clocked = to.Clocked && g.clocked.seen
	}
}
