package watch

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/nvml/answer"
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
	return &Live{newSampler(m, page)}
}

// Troubles are what went wrong since the beginning, a sentence each, sorted: figures that could not be told, and events. What
// a machine does not have is none.
func (l *Live) Troubles() []string {
	all := []string{}
	same := map[string][]string{} // figures of a source, by why
	for what, why := range l.s.missing {
		if source, figure, _ := strings.Cut(what, " "); strings.HasPrefix(why, answer.ErrUnknown.Error()) {
			same[source+": "+why] = append(same[source+": "+why], figure)
		}
	}
	for text, figures := range same {
		all = append(all, fmt.Sprintf("%s (%s)", text, strings.Join(slices.Sorted(slices.Values(figures)), ", ")))
	}
	for _, e := range l.s.events {
		all = append(all, fmt.Sprintf("gpu%d: Xid %d", e.Device, e.Xid))
	}
	slices.Sort(all)
	return all
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
