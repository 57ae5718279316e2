package watch

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/nvml/answer"
)

// Live looks at a machine for somebody who looks on. It is for one goroutine.
type Live struct {
	s      *sampler
	before *probe.Page
	faults record.Verdict // at the last look at them
	asked  time.Time      // when that was
	since  map[string]time.Time
}

// faultsEvery is how often faults are looked at: of eight GPUs they are a thousand calls.
const faultsEvery = 2 * time.Second

// Figure is one of a look.
type Figure struct {
	Source, Name, Unit string
	Value              *float64 // nil is not known
}

// NewLive is for a machine whose page was read.
func NewLive(m *probe.Machine, page *probe.Page) *Live {
	return &Live{s: newSampler(m, page), before: page, asked: time.Now(), since: map[string]time.Time{}}
}

// Troubles are what went wrong since the beginning, a sentence each with the time at which it was seen, sorted: figures that
// could not be told, events, and errors that came up. What a machine does not have is none.
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
	const faults = "errors came up: "
	if l.faults.State == record.Bad {
		all = append(all, faults+l.faults.Why)
	}
	slices.Sort(all)
	seen := map[string]time.Time{}
	for i, text := range all {
		what := text
		if strings.HasPrefix(text, faults) { // counts grow
			what = faults
		}
		at, known := l.since[what]
		if !known {
			at = time.Now()
		}
		seen[what] = at
		all[i] = fmt.Sprintf("%s  (%s)", text, at.UTC().Format("15:04:05 UTC"))
	}
	l.since = seen
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
	if now := time.Now(); now.Sub(l.asked) >= faultsEvery {
		l.asked = now
		l.faults = judge.Grown(l.before, l.s.machine.Again(l.before), &judge.Seen{Span: now.Sub(l.before.Time).Seconds()}, "")
	}
	return figures
}
