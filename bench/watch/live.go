package watch

import (
	"math"
	"sync"

	"github.com/commbench/commbench/bench/probe"
)

// Live looks at a machine for somebody who looks on. It is for one goroutine.
type Live struct{ s *sampler }

// Figure is one of a look.
type Figure struct {
	Source, Name, Unit string
	Value              *float64 // nil is not known
}

// NewLive is for a machine whose page was read.
func NewLive(m *probe.Machine, page *probe.Page) *Live {
	asking := m.Asking
	if asking == nil {
		asking = func(string) {}
	}
	return &Live{newSampler(m, page, asking)}
}

// Look looks once. Rates are since the last look, and the first has none. Figures that have never
// been known are left out.
func (l *Live) Look() []Figure {
	var mu sync.Mutex // nobody else is here
	l.s.look(&mu, 0)
	var figures []Figure
	for _, c := range l.s.columns {
		c.values = c.values[:0]
		if c.n == 0 {
			continue
		}
		f := Figure{c.source, c.figure, c.unit, nil}
		if !math.IsNaN(c.now) {
			f.Value = new(c.now)
		}
		figures = append(figures, f)
	}
	l.s.at = l.s.at[:0]
	return figures
}
