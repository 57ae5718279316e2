package faulty

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/commbench/commbench/transport/driver"
)

const (
	queued = 64 // calls that wait at most

	// Timers are about a millisecond coarse, so the last of a delay is yielded away.
	coarse = time.Millisecond
)

// queue carries calls out in the order in which they come, each at its time.
type queue struct {
	d       *Driver
	chance  *rand.Rand
	last    time.Time // when the call before is due
	calls   chan timed
	flushed chan struct{} // that the flush was carried out which is waited for
	failed  chan error    // the first error, after which nothing is carried out
	err     error         // the same, or that of a wait, for all later calls
	timeout time.Duration
	timer   *time.Timer     // of waits
	stop    <-chan struct{} // closed with the endpoint
	next    stage           // only used by run
}

type timed struct {
	call
	due time.Time
}

func newQueue(e *endpoint, next stage, chance *rand.Rand) *queue {
	q := &queue{d: e.d, chance: chance, calls: make(chan timed, queued), flushed: make(chan struct{}, 1), failed: make(chan error, 1),
		timeout: e.timeout, timer: time.NewTimer(e.timeout), stop: e.stop, next: next}
	q.timer.Stop()
	return q
}

// do takes a call, and waits only if there is no room, or for a flush.
func (q *queue) do(v call) error {
	if q.err == nil {
		q.err = q.add(timed{v, q.due(v.hit)})
	}
	if q.err == nil && v.kind == flush {
		q.err = q.wait()
	}
	return q.err
}

// due draws when a call takes effect: not before those that came before it.
func (q *queue) due(hit bool) time.Time {
	if hit {
		q.d.delayed.Add(1)
		if at := time.Now().Add(time.Duration(q.chance.Int64N(int64(q.d.spec.Delay) + 1))); at.After(q.last) {
			q.last = at
		}
	}
	return q.last
}

func (q *queue) add(t timed) error {
	select {
	case q.calls <- t:
		return nil
	case err := <-q.failed:
		return err
	default:
	}
	q.timer.Reset(q.timeout)
	defer q.timer.Stop()
	select {
	case q.calls <- t:
		return nil
	case err := <-q.failed:
		return err
	case <-q.stop:
		return driver.ErrClosed
	case <-q.timer.C:
		return fmt.Errorf("none of %d delayed verbs was carried out in %v: %w", queued, q.timeout, driver.ErrTimeout)
	}
}

func (q *queue) wait() error {
	q.timer.Reset(q.timeout)
	defer q.timer.Stop()
	select {
	case <-q.flushed:
		return nil
	case err := <-q.failed:
		return err
	case <-q.stop:
		return driver.ErrClosed
	case <-q.timer.C:
		return fmt.Errorf("delayed verbs were not all carried out in %v: %w", q.timeout, driver.ErrTimeout)
	}
}

// run carries calls out until one fails, or the endpoint is closed.
func (q *queue) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var t timed
		select {
		case <-q.stop:
			return
		case t = <-q.calls:
		}
		if !q.until(t.due, timer) {
			return
		}
		if err := q.next.do(t.call); err != nil {
			q.failed <- err
			return
		}
		if t.kind == flush {
			q.flushed <- struct{}{}
		}
	}
}

// until waits, and says whether the endpoint is still open.
func (q *queue) until(due time.Time, timer *time.Timer) bool {
	for {
		left := time.Until(due)
		switch {
		case left <= 0:
			return true
		case left <= coarse:
			runtime.Gosched()
			continue
		}
		timer.Reset(left - coarse)
		select {
		case <-q.stop:
			return false
		case <-timer.C:
		}
	}
}
