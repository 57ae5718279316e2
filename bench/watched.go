package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/commbench/commbench/bench/host"
	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/transport/driver"
)

// watched is what a process that watches its host tells the others when a run is through.
type watched struct {
	Watches  bool
	Verdicts []record.Verdict
	Sampling *record.Sampling // without its series
}

// look begins to look at this host.
func (r *runner) look(ctx context.Context) {
	if r.c.Watch != nil {
		r.progress("looking at the machine", 0, 0)
		r.c.Watch.Begin(ctx)
	}
}

// looked ends the looking, and brings together what was seen on all hosts. well says that the run
// went well: then all processes are here, and tell.
func (r *runner) looked(ctx context.Context, well bool) {
	c := &r.c
	mine := watched{Watches: c.Watch != nil}
	if c.Watch == nil {
		r.seen.Host = host.Read("").Record()
	} else {
		r.seen = c.Watch.End(r.use())
		mine.Verdicts = r.seen.Verdicts
		if s := r.seen.Sampling; s != nil {
			mine.Sampling = withoutSeries(s)
		}
	}
	if c.alone() || !well {
		return
	}
	all, err := share(ctx, c, "hosts", mine)
	if err != nil {
		return // what was measured does not depend on it
	}
	var names []string
	var lists [][]record.Verdict
	for p, w := range all {
		if !w.Watches {
			continue
		}
		names, lists = append(names, fmt.Sprintf("host of process %d", p)), append(lists, w.Verdicts)
		if w.Sampling != nil && r.seen.Sampling != nil && p != c.Peers.Process() {
			r.seen.Sampling.Others = append(r.seen.Sampling.Others, *w.Sampling)
		}
	}
	if len(lists) > 0 {
		r.seen.Verdicts = judge.Merge(names, lists)
	}
}

func withoutSeries(s *record.Sampling) *record.Sampling {
	summary := *s
	summary.AtMS, summary.Series, summary.Missing = nil, nil, nil
	return &summary
}

// use is what the run used of this host.
func (s *setting) use() judge.Use {
	u := judge.Use{Interface: s.crossing.leaves(), GPUs: s.c.GPUsPerNode}
	for _, d := range []driver.Driver{s.c.ScaleUp, s.c.ScaleOut} {
		if strings.HasPrefix(d.Name(), "shm") {
			u.Share = true
		} else {
			u.Private = true
		}
	}
	return u
}

// sign gives a record what was seen beside the run, and the verdicts on it. The series
// go into the first record of a run.
func (r *runner) sign(rec *record.Record, o *series, first bool) {
	rec.Host = r.seen.Host
	if r.c.Watch == nil {
		return // nobody looked
	}
	var steal *float64
	if s := r.seen.Sampling; s != nil {
		steal = s.CPUSteal
		if rec.Sampling = s; !first {
			rec.Sampling = withoutSeries(s)
		}
	}
	rec.Verdicts = slices.Clone(r.seen.Verdicts)
	if r.seen.Page != nil && !r.sweeps { // which goes beyond the cores on purpose
		rec.Verdicts = append(rec.Verdicts, judge.Threads(&r.seen.Page.Host, r.c.Workers, r.c.Workers*r.c.OnHost))
	}
	if rec.Op != record.Roundtrip {
		why := ""
		rec.Counted, why = r.crossing.compare(o)
		rec.Verdicts = append(rec.Verdicts, judge.Bytes(rec.Counted, why), r.crossing.rate(o, *rec.TimeUS.P50))
	}
	rec.Verdicts = append(rec.Verdicts, judge.Spread(rec.SamplesUS, steal))
	judge.Order(rec.Verdicts)
}
