package exec

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/transport/numa"
)

// pool is the fixed set of workers.
type pool struct {
	tasks   []chan func(worker int)
	wg      sync.WaitGroup // workers in the current task
	end     sync.WaitGroup
	wait    time.Duration
	job     *job             // that runs
	stepJob func(worker int) // a worker's part of it; made once, so that a run allocates nothing
	slots   []numa.Slot      // where workers run; nil where they are not pinned
	active  int              // workers that take part, the first ones
	news    news
}

// newPool starts the workers, pinned where there are slots.
func newPool(workers int, timeout time.Duration, slots []numa.Slot) (*pool, error) {
	p := &pool{wait: timeout, slots: slots, active: workers}
	p.stepJob = func(w int) { p.job.work(p.node(w), p.wait) }
	pinned := make(chan error, workers)
	for w := range workers {
		c := make(chan func(int), 1)
		p.tasks = append(p.tasks, c)
		p.end.Add(1)
		go func() {
			defer p.end.Done()
			unpin, err := p.pin(w)
			pinned <- err
			for f := range c {
				f(w)
				p.wg.Done()
			}
			_ = unpin() // the thread ends with the goroutine if it cannot be used by others
		}()
	}
	var errs []error
	for range workers {
		errs = append(errs, <-pinned)
	}
	if err := errors.Join(errs...); err != nil {
		p.close()
		return nil, fmt.Errorf("exec: pinning workers: %w", err)
	}
	return p, nil
}

// pin ties the calling worker to its core, if it has one.
func (p *pool) pin(w int) (unpin func() error, err error) {
	if p.slots != nil {
		unpin, err = numa.Pin(p.slots[w].CPU)
	}
	if unpin == nil {
		unpin = func() error { return nil }
	}
	return unpin, err
}

// node is the memory node that a worker runs on.
func (p *pool) node(w int) int {
	if p.slots == nil {
		return 0
	}
	return p.slots[w].Node
}

// each calls f on every active worker and returns when all calls have.
func (p *pool) each(f func(worker int)) {
	p.wg.Add(p.active)
	for _, c := range p.tasks[:p.active] {
		c <- f
	}
	p.wg.Wait()
}

// run finishes the job or fails. It allocates nothing.
func (p *pool) run(ctx context.Context, j *job, plans []plan.Plan) error {
	j.ctx, j.news = ctx, &p.news
	j.rewind(plans)
	p.job = j
	j.start = time.Now()
	p.each(p.stepJob)
	if j.err == errStuck {
		return j.stuck(p.wait)
	}
	return j.err
}

func (p *pool) close() {
	for _, c := range p.tasks {
		close(c)
	}
	p.end.Wait()
}
