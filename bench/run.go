package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/commbench/commbench/alltoall/exec"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench/limits"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/watch"
)

// Result is what a benchmark found.
type Result struct {
	Records []record.Record // for each operation the algorithm's, then the baseline's
	Meaning []string        // what they mean, in words
}

// Run runs the benchmark. It returns the records of what was measured with every
// error: an *InputError when nothing could be run, ErrWrong when tokens differ
// from the reference, the cause of ctx when it was interrupted, and otherwise
// what failed. Only one run at a time should use the machine.
func Run(ctx context.Context, c Config) (Result, error) {
	c = c.defaults()
	start := time.Now()
	defer c.Watch.Stop()
	s, err := prepare(ctx, c)
	if err != nil {
		return Result{}, c.failed(err)
	}
	r := &runner{setting: s, start: start}
	for _, alg := range s.c.algorithms() {
		h, err := s.group.NewHandle(alg)
		if err != nil {
			return Result{}, errors.Join(err, s.group.Close())
		}
		r.sides = append(r.sides, &side{alg: alg, handle: h, ops: map[string]*series{}})
	}
	r.look(ctx)
	err = r.c.failed(r.iterate(ctx))
	if err == nil || r.c.alone() {
		r.huge = r.hugeBytes(ctx)
	}
	r.looked(ctx, err == nil)
	recs, recErr := r.records(err)
	if r.loopback != nil {
		err = errors.Join(err, r.loopback.Close())
	}
	err = errors.Join(err, recErr, s.group.Close())
	if n := r.wrong(); n > 0 {
		err = errors.Join(fmt.Errorf("%w: %d tokens differ from the reference", ErrWrong, n), err)
	}
	return Result{recs, r.meaning(recs)}, err
}

// runner holds a benchmark's samples while it runs.
type runner struct {
	*setting
	sides       []*side
	steps, done int
	loopback    *limits.Loopback // nil until it is needed
	huge        *int64           // bytes of the ranks' memory on huge pages

	start           time.Time
	timed, checking time.Duration

	seen    watch.Report // beside the run
	sharing int          // processes that may use a CPU of this one's, itself among them
	sweeps  bool         // over numbers of workers
}

// side is one of the algorithms that take turns.
type side struct {
	alg    plan.Algorithm
	handle *exec.Handle
	routed bool
	ops    map[string]*series
}

// series are the samples of one operation of one side, in microseconds.
type series struct {
	transfer, fastest        []float64 // slowest and fastest rank
	layout, notify, epilogue []float64
	ledgers                  []*plan.Ledger
	tally                    tally    // of what crossed a network
	verdict                  *verdict // nil while unchecked
	ceiling                  *ceiling // nil where there is none
}

func (s *side) op(name string) *series {
	if s.ops[name] == nil {
		s.ops[name] = &series{}
	}
	return s.ops[name]
}

// batch is a number of iterations of one side in a row.
type batch struct{ warm, timed int }

// schedule says in what batches the sides take turns. Dispatches alternate one
// by one. Combines come in two blocks, because a change of sides means making
// gigabytes of expert outputs anew.
func (c *Config) schedule() (batches []batch) {
	if !c.combines() {
		for range c.Warmup {
			batches = append(batches, batch{1, 0})
		}
		for range c.Iterations {
			batches = append(batches, batch{0, 1})
		}
		return batches
	}
	if c.Baseline == "" || c.Iterations == 1 {
		return []batch{{c.Warmup, c.Iterations}}
	}
	half := c.Iterations / 2
	return []batch{{(c.Warmup + 1) / 2, c.Iterations - half}, {(c.Warmup + 1) / 2, half}}
}

func (r *runner) iterate(ctx context.Context) error {
	batches := r.c.schedule()
	for _, b := range batches {
		r.steps += (b.warm + b.timed) * len(r.sides)
	}
	for _, s := range r.sides {
		if r.c.Warmup > 0 {
			break // it touches every page before anything is timed
		}
		if r.c.dispatches() {
			r.spoil(s.alg, false)
		}
		if r.c.combines() {
			r.spoil(s.alg, true)
		}
	}
	for i, b := range batches {
		for _, s := range r.sides {
			if err := r.turn(ctx, s, b, i == len(batches)-1); err != nil {
				return err
			}
		}
	}
	return nil
}

// turn runs one side's batch: its dispatches, then its combines.
func (r *runner) turn(ctx context.Context, s *side, b batch, last bool) error {
	n := b.warm + b.timed
	if !s.routed && !r.c.dispatches() {
		if _, _, err := r.group.Notify(ctx, s.handle, r.here()); err != nil {
			return err
		}
		s.routed = true
	}
	if r.c.dispatches() {
		for i := range n {
			if err := r.dispatch(ctx, s, i >= b.warm, r.checks(last && i == n-1)); err != nil {
				return err
			}
		}
	}
	if !r.c.combines() {
		return nil
	}
	r.progress(string(s.alg)+": expert outputs", r.done, r.steps)
	r.outputs(s.alg)
	for i := range n {
		if err := r.combine(ctx, s, i >= b.warm, r.checks(last && i == n-1)); err != nil {
			return err
		}
	}
	return nil
}

// checks says whether an iteration is checked.
func (r *runner) checks(last bool) bool {
	return r.c.Check == CheckAll || r.c.Check == CheckLast && last
}

// dispatch is one iteration: layout and notify unless the handle is cached,
// transfer, and the epilogue of an expanded layout.
func (r *runner) dispatch(ctx context.Context, s *side, timed, check bool) error {
	if !r.c.combines() {
		r.done++
	}
	r.progress(string(s.alg)+" dispatch", r.done, r.steps)
	o := s.op(record.Dispatch)
	var sample series
	var took time.Duration
	if !s.routed || !r.c.Cached {
		begin := time.Now()
		layout, notify, err := r.group.Notify(ctx, s.handle, r.here())
		if err != nil {
			return err
		}
		s.routed = true
		took = time.Since(begin)
		sample.layout, sample.notify = us(layout.Slowest()), us(notify.Slowest())
	}
	if timed && r.c.LimitTime > 0 {
		if len(o.transfer) == 0 {
			o.ceiling = r.ceiling(s, r.copyCeiling, r.received)
		}
		if err := r.sample(ctx, o.ceiling); err != nil {
			return err
		}
	}
	if check {
		begin := time.Now()
		r.spoil(s.alg, false)
		r.checking += time.Since(begin)
	}
	r.crossing.begin(&o.tally)
	begin := time.Now()
	p, err := r.group.Dispatch(ctx, s.handle)
	if err != nil {
		return err
	}
	sample.transfer, sample.fastest = us(p.Slowest()), us(p.Fastest())
	if r.c.Expand && !s.alg.ByExpert() {
		p, err := r.group.Expand(ctx, s.handle)
		if err != nil {
			return err
		}
		sample.epilogue = us(p.Slowest())
	}
	took += time.Since(begin)
	r.crossing.end(&o.tally)
	if o.ledgers == nil { // first: samples without them say nothing
		if o.ledgers, err = r.ledgers(ctx); err != nil {
			return err
		}
	}
	if timed {
		// By low-latency nobody is told anything first: notes are for buffers and checks alone.
		o.add(&sample, r.c.Cached || s.alg == plan.AlgLowLatency)
		r.timed += took
	}
	if check {
		r.c.Peers.Phase("check")
		begin := time.Now()
		v := r.checkDispatch(s)
		r.checking += time.Since(begin)
		if err := context.Cause(ctx); err != nil {
			return err // the check did not come to its end
		}
		if v, err = r.judge(ctx, v); err != nil {
			return err
		}
		o.verdict = o.verdict.with(v)
	}
	return nil
}

// combine is one iteration: a transfer with the dispatch's handle.
func (r *runner) combine(ctx context.Context, s *side, timed, check bool) error {
	r.done++
	r.progress(string(s.alg)+" combine", r.done, r.steps)
	o := s.op(record.Combine)
	if timed && r.c.LimitTime > 0 {
		if len(o.transfer) == 0 {
			o.ceiling = r.ceiling(s, r.reduceCeiling, r.combined)
		}
		if err := r.sample(ctx, o.ceiling); err != nil {
			return err
		}
	}
	if check {
		begin := time.Now()
		r.spoil(s.alg, true)
		r.checking += time.Since(begin)
	}
	r.crossing.begin(&o.tally)
	begin := time.Now()
	p, err := r.group.Combine(ctx, s.handle)
	if err != nil {
		return err
	}
	took := time.Since(begin)
	r.crossing.end(&o.tally)
	if o.ledgers == nil {
		if o.ledgers, err = r.ledgers(ctx); err != nil {
			return err
		}
	}
	if timed {
		r.timed += took
		o.add(&series{transfer: us(p.Slowest()), fastest: us(p.Fastest())}, true)
	}
	if check {
		r.c.Peers.Phase("check")
		begin := time.Now()
		v := r.checkCombine(s.alg)
		r.checking += time.Since(begin)
		if err := context.Cause(ctx); err != nil {
			return err // the check did not come to its end
		}
		if v, err = r.judge(ctx, v); err != nil {
			return err
		}
		o.verdict = o.verdict.with(v)
	}
	return nil
}

// add appends an iteration's times. The notes of a cached handle belong to no
// iteration.
func (o *series) add(s *series, cached bool) {
	o.transfer = append(o.transfer, s.transfer...)
	o.fastest = append(o.fastest, s.fastest...)
	o.epilogue = append(o.epilogue, s.epilogue...)
	if !cached {
		o.layout = append(o.layout, s.layout...)
		o.notify = append(o.notify, s.notify...)
	}
}

// wrong is the number of tokens of any side and operation that differ.
func (r *runner) wrong() (n int64) {
	for _, s := range r.sides {
		for _, o := range s.ops {
			n += o.verdict.wrong()
		}
	}
	return n
}

func us(d time.Duration) []float64 { return []float64{float64(d.Nanoseconds()) / 1e3} }
