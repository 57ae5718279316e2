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
	"github.com/commbench/commbench/transport/numa"
)

// watched is what a process tells the others when a run is through.
type watched struct {
	On       string // which host it is on
	CPUs     []int  // that it may use; none where the system does not say
	Watches  bool   // and has seen what follows
	Verdicts []record.Verdict
	Sampling *record.Sampling // without its series
}

// shares says whether two processes may use one CPU.
func (w *watched) shares(with *watched) bool {
	return w.On == with.On && (len(with.CPUs) == 0 || slices.ContainsFunc(w.CPUs, func(cpu int) bool { return slices.Contains(with.CPUs, cpu) }))
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
	mine := watched{On: host.Identity("pid"), Watches: c.Watch != nil}
	mine.CPUs, _ = numa.UsableCPUs()
	if c.Watch == nil {
		r.seen.Host = host.Read("").Record()
	} else {
		r.seen = c.Watch.End(r.use())
		mine.Verdicts = r.seen.Verdicts
		if s := r.seen.Sampling; s != nil {
			mine.Sampling = withoutSeries(s)
		}
	}
	if r.sharing = c.OnHost; r.seen.Page != nil && r.seen.Page.Host.Cores < r.seen.Page.Host.Online.Or(0) {
		r.sharing = 1 // bound to some, as engines bind processes
	}
	if c.alone() || !well {
		return
	}
	all, err := share(ctx, c, "hosts", mine)
	if err != nil {
		return // what was measured does not depend on it
	}
	r.sharing = 0
	for _, w := range all {
		if w.shares(&mine) {
			r.sharing++
		}
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
		rec.Verdicts = append(rec.Verdicts, judge.Threads(&r.seen.Page.Host, r.c.Workers*r.sharing))
	}
	if rec.Op != record.Roundtrip {
		why := ""
		rec.Counted, why = r.crossing.compare(o)
		rec.Verdicts = append(rec.Verdicts, judge.Bytes(rec.Counted, why), r.crossing.rate(o, *rec.TimeUS.P50))
	}
	rec.Verdicts = append(rec.Verdicts, judge.Spread(rec.SamplesUS, steal))
	judge.Order(rec.Verdicts)
}
