package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/transport/numa"
)

// SweepOptions say with how many workers a sweep runs its operation. Workers are
// the host's stand-in for SMs.
type SweepOptions struct {
	Workers []int // in any order; none: 1, 2, 3, 4, 6, 8, 12, 16, ... up to Max
	Max     int   // 0: twice the cores that may be used, which shows that more do not help
}

// SweepResult is what a sweep found.
type SweepResult struct {
	Records []record.Record // for each number of workers, ascending
	GBps    []*float64      // for each record, what it copied (dispatch) or reduced (combine) in its p50; nil if nothing
	Knee    int             // the record with the fewest workers that are as good as the best; -1: not known
	Meaning []string        // what that means, in words
}

// maxCounts bounds the numbers of workers: each is measured in each round.
const maxCounts = 64

// Sweep runs a dispatch or a combine by one algorithm with different numbers of
// workers, over one group. In each round each number has one iteration: bandwidth
// drifts from one second to the next, so figures that are compared are taken in
// turn. With CheckLast the last round is checked. Workers and Baseline of the
// Config are not looked at. Records and errors are as those of Run.
func Sweep(ctx context.Context, c Config, o SweepOptions) (SweepResult, error) {
	start, none := time.Now(), SweepResult{Knee: -1}
	defer c.Watch.Stop()
	counts, err := o.counts()
	if err != nil {
		return none, err
	}
	c.Workers, c.Baseline = counts[len(counts)-1], ""
	c = c.defaults()
	if err := c.checkSweep(); err != nil {
		return none, err
	}
	s, err := prepare(ctx, c)
	if err != nil {
		return none, err
	}
	h, err := s.group.NewHandle(c.Algorithm)
	if err != nil {
		return none, errors.Join(err, s.group.Close())
	}
	w := &sweep{steps: s.c.Warmup + s.c.Iterations*len(counts)}
	for _, n := range counts {
		own := *s // the group is common, the number of workers is not
		own.c.Workers = n
		w.teams = append(w.teams, &runner{setting: &own, start: start, sweeps: true,
			sides: []*side{{alg: c.Algorithm, handle: h, ops: map[string]*series{}}}})
	}
	all := w.teams[len(w.teams)-1]
	all.look(ctx)
	err = w.run(ctx)
	all.looked(ctx, err == nil)
	seen := all.seen
	for i, r := range w.teams {
		if r.seen = seen; i > 0 && seen.Sampling != nil {
			r.seen.Sampling = withoutSeries(seen.Sampling)
		}
	}
	result, recErr := w.result(err)
	err = errors.Join(err, recErr, s.group.Close())
	if n := w.wrong(); n > 0 {
		err = errors.Join(fmt.Errorf("%w: %d tokens differ from the reference, over all numbers of workers", ErrWrong, n), err)
	}
	return result, err
}

// counts are the numbers of workers, ascending.
func (o *SweepOptions) counts() ([]int, error) {
	if len(o.Workers) == 0 {
		cores := runtime.GOMAXPROCS(0)
		most := o.Max
		if most == 0 {
			most = min(2*cores, maxWorkers)
		}
		if most < 1 || most > maxWorkers {
			return nil, inputf("at most %d workers: want a number from 1 to %d", most, maxWorkers)
		}
		return steps(most, cores), nil
	}
	if o.Max != 0 {
		return nil, inputf("the numbers of workers are given, and a largest one as well: want one of the two")
	}
	counts := slices.Compact(slices.Sorted(slices.Values(o.Workers)))
	for _, n := range counts {
		if n < 1 || n > maxWorkers {
			return nil, inputf("workers %d: want numbers from 1 to %d", n, maxWorkers)
		}
	}
	if len(counts) > maxCounts {
		return nil, inputf("%d numbers of workers: want at most %d", len(counts), maxCounts)
	}
	return counts, nil
}

// steps are two for each power of two, and with them the cores, which all other
// runs take, and the most.
func steps(most, cores int) []int {
	counts := []int{most}
	if cores < most {
		counts = append(counts, cores)
	}
	for n := 1; n < most; n *= 2 {
		counts = append(counts, n)
		if n > 1 && n+n/2 < most {
			counts = append(counts, n+n/2)
		}
	}
	slices.Sort(counts)
	return slices.Compact(counts)
}

// checkSweep says what a run can do and a sweep cannot.
func (c *Config) checkSweep() error {
	if !c.alone() {
		return inputf("a sweep over workers is of one process, not of %d", c.Peers.Processes())
	}
	if c.Op == record.Roundtrip {
		return inputf("a sweep over workers is of dispatch or of combine, not of roundtrip: sweep each")
	}
	if c.Check == CheckAll {
		return inputf("check %q: a sweep over workers checks its last round or none: want last or none", c.Check)
	}
	if !c.Pin {
		return nil
	}
	t, err := numa.Read("")
	if err != nil {
		return err
	}
	return spread(t)
}

// spread refuses places that fit the largest number of workers only: of those the
// first few would all be on the first memory node.
func spread(t numa.Topology) error {
	if n := len(t.Nodes); n > 1 {
		return inputf("pinned workers on %d memory nodes cannot be swept: the first of them would all be on one node; leave them unpinned, or allow one node's cores only (taskset)", n)
	}
	return nil
}

// sweep is runners that take turns on one group, by their number of workers.
type sweep struct {
	teams       []*runner
	steps, done int
}

func (w *sweep) run(ctx context.Context) error {
	all := w.teams[len(w.teams)-1]
	s := all.sides[0]
	if all.c.combines() {
		if _, _, err := all.group.Notify(ctx, s.handle, all.here()); err != nil {
			return err
		}
		all.progress(string(s.alg)+": expert outputs", 0, w.steps)
		all.outputs(s.alg)
	}
	if all.c.Warmup == 0 { // it touches every page before anything is timed
		all.spoil(s.alg, all.c.combines())
	}
	for range all.c.Warmup {
		if err := w.step(ctx, all, false, false); err != nil {
			return err
		}
	}
	for i := range all.c.Iterations {
		for _, r := range w.teams {
			if err := w.step(ctx, r, true, r.checks(i == r.c.Iterations-1)); err != nil {
				return err
			}
		}
	}
	return nil
}

// step is one iteration of one runner, with its number of workers.
func (w *sweep) step(ctx context.Context, r *runner, timed, check bool) error {
	if err := r.group.Use(r.c.Workers); err != nil {
		return err
	}
	move := r.dispatch
	if r.c.combines() {
		move = r.combine
	}
	r.done, r.steps = w.done, w.steps
	w.done++
	return move(ctx, r.sides[0], timed, check)
}

// result makes the records of what was measured.
func (w *sweep) result(cause error) (SweepResult, error) {
	result := SweepResult{Knee: -1}
	var timed, checking time.Duration
	for _, r := range w.teams {
		timed, checking = timed+r.timed, checking+r.checking
	}
	huge := w.teams[0].hugeBytes(context.Background())
	var times []float64
	for _, r := range w.teams {
		r.timed, r.checking = timed, checking // a record's are of the whole run
		r.huge = huge
		recs, err := r.records(cause)
		if err != nil {
			return result, err
		}
		for i := range recs {
			result.Records = append(result.Records, recs[i])
			result.GBps = append(result.GBps, moved(&recs[i], 0))
			times = append(times, *recs[i].TimeUS.P50)
		}
	}
	// With numbers that were not measured the best is not known, and without rates
	// nothing was moved.
	if len(result.Records) == len(w.teams) && !slices.Contains(result.GBps, nil) {
		result.Knee = knee(times)
	}
	result.Meaning = w.meaning(&result)
	return result, nil
}

func (w *sweep) wrong() (n int64) {
	for _, r := range w.teams {
		n += r.wrong()
	}
	return n
}
