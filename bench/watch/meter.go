package watch

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/commbench/commbench/nvml/answer"
)

// meter follows a counter that only grows, but for wrapping round, and for restarting when
// its driver does.
type meter struct {
	most  float64 // that it can grow a second
	bits  int     // after which it wraps round; 0 is not known, and then one of spans
	last  uint64
	at    time.Time
	known bool

	total float64
	seen  bool   // a difference was
	why   string // the total is not all: the first reason
}

// spans are where counters wrap: of 32 bits, counted in bytes, in words of 4 and in KiB, and
// of 64 bits.
var spans = []uint{32, 34, 42, 64}

// The most that counters grow a second, with room to spare.
const (
	mostLinks  = 4e12 // bytes over a GPU's NVLinks
	mostBus    = 3e11 // bytes over a slot of PCIe, and so of a NIC
	mostEnergy = 1e7  // mJ
	mostHeld   = 3e9  // ns, of two causes
)

const restarted = "it went backwards: its driver has restarted"

// restarts says whether a counter is less than it was and has not wrapped round: then others of its driver, that look as
// if they had, have restarted too.
func (m *meter) restarts(v answer.Of[uint64], at time.Time) bool {
	now, ok := v.Get()
	seconds := at.Sub(m.at).Seconds()
	if !ok || !m.known || now >= m.last || seconds <= 0 {
		return false
	}
	_, why := m.growth(now, seconds)
	return why == restarted
}

// add takes the counter at a moment, and returns by how much it grew a second; NaN is not known. all says that another counter
// of its driver has restarted.
func (m *meter) add(v answer.Of[uint64], at time.Time, all bool) float64 {
	now, ok := v.Get()
	if !ok {
		if m.known {
			m.fail("it vanished: " + strings.TrimPrefix(v.Err().Error(), answer.ErrUnknown.Error()+": "))
		}
		m.known = false
		return math.NaN()
	}
	seconds := at.Sub(m.at).Seconds()
	if m.known && seconds <= 0 {
		return math.NaN() // the next reading has what came
	}
	grown, why := math.NaN(), ""
	if m.known {
		if grown, why = m.growth(now, seconds); all && now < m.last {
			why = restarted
		}
	}
	m.last, m.at, m.known = now, at, true
	if why != "" {
		m.fail(why)
		return math.NaN()
	}
	if math.IsNaN(grown) { // the first
		return grown
	}
	m.total += grown
	m.seen = true
	return grown / seconds
}

// mean takes a rate over some seconds in place of a counter.
func (m *meter) mean(rate, seconds float64) {
	m.total += rate * seconds
	m.seen = true
}

// growth is how much the counter grew since the last reading, or why nobody knows.
func (m *meter) growth(now uint64, seconds float64) (grown float64, why string) {
	most := m.most * seconds
	if m.bits > 0 && m.bits < 64 {
		span := uint64(1) << m.bits
		d := (now - m.last) & (span - 1)
		switch {
		case most >= float64(span):
			return 0, fmt.Sprintf("it has %d bits, and may have wrapped round more than once in %.3f s", m.bits, seconds)
		case float64(d) > most:
			return 0, restarted
		}
		return float64(d), ""
	}
	grown, ok := growth(m.last, now, most)
	if !ok {
		return 0, restarted
	}
	return grown, ""
}

func (m *meter) fail(why string) {
	if m.why == "" {
		m.why = why
	}
}

// growth is how much a counter of unknown width grew. One that is less than it was has wrapped round if that
// takes no more than a quarter of a span, and than could have been counted; or else it has
// restarted, and nobody knows.
func growth(last, now uint64, most float64) (float64, bool) {
	if now >= last {
		return float64(now - last), true
	}
	for _, bits := range spans {
		mask := uint64(1)<<bits - 1
		if last > mask {
			continue
		}
		if d := (now - last) & mask; d <= mask/4+1 && float64(d) <= most {
			return float64(d), true
		}
	}
	return 0, false
}

// sum is what was counted in all, nil where nothing was.
func (m *meter) sum() *float64 {
	if !m.seen {
		return nil
	}
	return &m.total
}

// count is a counter at a look.
type count struct {
	name string
	m    *meter
	v    answer.Of[uint64]
	rate *column // nil where nobody shows it
}

// follow takes the counters of a driver, and remembers why one is not known, or not all of it.
func (s *sampler) follow(now time.Time, counts ...count) {
	restarted := slices.ContainsFunc(counts, func(c count) bool { return c.m.restarts(c.v, now) })
	for _, c := range counts {
		rate := c.m.add(c.v, now, restarted)
		if c.rate != nil {
			c.rate.now = rate
		}
		switch {
		case c.m.why != "":
			s.miss(c.name, fmt.Errorf("%w: %s", answer.ErrUnknown, c.m.why))
		case c.v.Err() != nil && !c.m.seen:
			s.miss(c.name, c.v.Err())
		}
	}
}
