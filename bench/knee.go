package bench

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
)

const (
	// kneeWithin is how near to the best median a time is as good.
	kneeWithin = 0.02
	// sameLimit is how near two limits are no different.
	sameLimit = 0.10
)

// knee is the first of the times, which are those of more and more workers, that
// is as good as the best. It is -1 if there are none.
func knee(times []float64) int {
	if len(times) == 0 {
		return -1
	}
	best := slices.Min(times)
	return slices.IndexFunc(times, func(t float64) bool { return t <= best*(1+kneeWithin) })
}

// meaning says where the knee is, and what bounds the operation on either side.
func (w *sweep) meaning(s *SweepResult) []string {
	switch {
	case len(s.Records) == 0:
		return nil
	case total(w.teams[0].counts.Copies) == 0:
		return []string{s.Records[0].Op + ": no token goes anywhere"}
	case s.Knee < 0:
		return []string{fmt.Sprintf("knee: not known, as %d of %d numbers of workers were measured", len(s.Records), len(w.teams))}
	}
	at := &s.Records[s.Knee]
	text := fmt.Sprintf("knee: %s, the fewest whose median time is within %.0f %% of the best", workers(at), 100*kneeWithin)
	best := slices.MinFunc(s.Records, func(a, b record.Record) int { return cmp.Compare(p50(&a), p50(&b)) })
	if *best.Exec.Workers != *at.Exec.Workers {
		text += fmt.Sprintf(" (%s: %v)", workers(&best), unit.Micros(p50(&best)))
	}
	text += fmt.Sprintf("; %v", unit.GBps(*s.GBps[s.Knee]))
	if at.Efficiency != nil {
		text += fmt.Sprintf(", %s the limit", unit.Ratio(*at.Efficiency))
	}
	if few, many := s.rounds(); few != many {
		text += fmt.Sprintf("; by single rounds from %d to %d", few, many)
	}
	return []string{text, s.below(), s.above(runtime.GOMAXPROCS(0))}
}

// rounds is the fewest and the most workers of a knee by a single round: how
// certain that by medians is.
func (s *SweepResult) rounds() (few, many int) {
	done := len(s.Records[len(s.Records)-1].SamplesUS) // the last has the fewest
	for i := range done {
		var times []float64
		for _, r := range s.Records {
			times = append(times, r.SamplesUS[i])
		}
		n := *s.Records[knee(times)].Exec.Workers
		if i == 0 {
			few, many = n, n
		}
		few, many = min(few, n), max(many, n)
	}
	return few, many
}

// below says what bounds the operation with fewer workers than at the knee.
func (s *SweepResult) below() string {
	at := &s.Records[s.Knee]
	if s.Knee == 0 {
		if *at.Exec.Workers == 1 {
			return "below it: nothing, 1 worker is enough"
		}
		return "below it: not measured; name fewer with --workers"
	}
	few := &s.Records[s.Knee-1]
	text := fmt.Sprintf("below it: %s %s %s of that rate", workers(few), verb(few, "reaches", "reach"),
		unit.Ratio(*s.GBps[s.Knee-1] / *s.GBps[s.Knee]))
	if limit(few) == 0 || limit(at) == 0 {
		return text
	}
	ratio := limit(few) / limit(at)
	text += fmt.Sprintf(", and %s limit is %s of the knee's", verb(few, "its", "their"), unit.Ratio(ratio))
	if ratio < 1-sameLimit {
		return text + ": what so few can move at all bounds it"
	}
	return text + ": that much could be moved; what else is done (steps, signals, waiting) bounds it"
}

// above says why more workers than at the knee are no better. So many cores may
// be used.
func (s *SweepResult) above(cores int) string {
	at, last := &s.Records[s.Knee], &s.Records[len(s.Records)-1]
	if s.Knee == len(s.Records)-1 {
		return "above it: not measured; take a larger --max-workers"
	}
	text := fmt.Sprintf("above it: %s take %s the time", workers(last), unit.Ratio(p50(last)/p50(at)))
	if *at.Exec.Workers >= cores {
		return text + fmt.Sprintf(": cores bound it, of which %d may be used", cores)
	}
	if limit(at) == 0 {
		return text
	}
	most := at
	for i := range s.Records[s.Knee:] {
		if r := &s.Records[s.Knee+i]; limit(r) > limit(most) {
			most = r
		}
	}
	if limit(most) <= limit(at)*(1+sameLimit) {
		return text + fmt.Sprintf(": memory bounds it, as the limit is at most %v", unit.GBps(limit(most)))
	}
	return text + fmt.Sprintf(": memory does not bound it, as the limit goes on from %s to %v with %s; what bounds it is its own waiting (signals, too few --channels), or other programs on this host",
		unit.Number(limit(at)), unit.GBps(limit(most)), workers(most))
}

func p50(r *record.Record) float64 { return *r.TimeUS.P50 }

// limit is what so many workers can do, in GB/s; 0 is not known. Loopback's has none.
func limit(r *record.Record) float64 {
	if r.Limit == nil || r.Limit.Kind == record.LimitLoopback {
		return 0
	}
	return r.Limit.GBps
}

// workers is "1 worker" or "4 workers".
func workers(r *record.Record) string { return unit.Counted(int64(*r.Exec.Workers), "worker") }

// verb is the one word for 1 worker and the other for several.
func verb(r *record.Record, one, several string) string {
	if *r.Exec.Workers == 1 {
		return one
	}
	return several
}
