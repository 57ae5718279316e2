package watch

import (
	"math"
	"time"

	"github.com/commbench/commbench/nvml/answer"
)

// meter follows a counter that only grows, but for wrapping round, and for restarting when
// its driver does.
type meter struct {
	most  float64 // that it can grow a second
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

// add takes the counter at a moment, and returns by how much it grew a second; NaN is not known.
func (m *meter) add(v answer.Of[uint64], at time.Time) float64 {
	now, ok := v.Get()
	if !ok {
		if m.known {
			m.fail("it vanished: " + v.Err().Error())
		}
		m.known = false
		return math.NaN()
	}
	last, seconds, known := m.last, at.Sub(m.at).Seconds(), m.known
	if known && seconds <= 0 {
		return math.NaN() // the next reading has what came
	}
	m.last, m.at, m.known = now, at, true
	if !known {
		return math.NaN()
	}
	grown, ok := growth(last, now, m.most*seconds)
	if !ok {
		m.fail("it went backwards: its driver has restarted")
		return math.NaN()
	}
	m.total += grown
	m.seen = true
	return grown / seconds
}

func (m *meter) fail(why string) {
	if m.why == "" {
		m.why = why
	}
}

// growth is how much a counter grew. One that is less than it was has wrapped round if that
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
