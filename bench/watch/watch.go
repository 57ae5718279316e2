package watch

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/nvml/answer"
)

// Patience is how long is waited for a machine to be looked at before and after a run. A GPU
// that is in trouble may never answer.
const (
	patienceBefore = 15 * time.Second // NVML may have to wake eight GPUs
	patienceAfter  = 10 * time.Second
)

// Watch looks at one machine beside one run. Its methods are for one goroutine, in the order
// Begin, End, Stop.
type Watch struct {
	machine  *probe.Machine
	interval time.Duration
	process  int

	doing atomic.Pointer[string] // what is being asked, and of whom
	ready chan struct{}          // before is there
	begin chan struct{}
	first chan struct{} // the first look is over
	end   chan struct{}
	done  chan struct{}

	ended bool // end is closed

	mu      sync.Mutex  // of what the looking goroutine writes
	host    *probe.Page // before, without GPUs
	before  *probe.Page
	after   *probe.Page
	sampler *sampler
}

// Start begins to look at the machine, which it closes in the end. With an interval it samples
// between Begin and End. process is this one's number in its job.
func Start(m *probe.Machine, interval time.Duration, process int) *Watch {
	w := &Watch{machine: m, interval: interval, process: process,
		ready: make(chan struct{}), begin: make(chan struct{}), first: make(chan struct{}), end: make(chan struct{}), done: make(chan struct{})}
	w.asking("the machine")
	m.Asking = w.asking
	go w.look()
	return w
}

// asking says what is asked next, for whoever gives up on the answer.
func (w *Watch) asking(what string) { w.doing.Store(&what) }

// look is all that the looking goroutine does.
func (w *Watch) look() {
	defer close(w.done)
	defer func() { _ = w.machine.Close() }() // nothing depends on it any more
	page := w.machine.ReadHost()
	w.mu.Lock()
	w.host = page
	w.mu.Unlock()
	page = w.machine.AddGPUs(page)
	w.mu.Lock()
	w.before = page
	w.mu.Unlock()
	close(w.ready)
	select {
	case <-w.begin:
	case <-w.end:
		if !closed(w.begin) { // a short run has begun and ended
			return
		}
	}
	s := newSampler(w.machine, page)
	w.mu.Lock()
	w.sampler = s
	w.mu.Unlock()
	s.run(w.interval, w.first, w.end, &w.mu)
	w.asking("the machine, after the run")
	after := w.machine.Again(page)
	w.mu.Lock()
	w.after = after
	w.mu.Unlock()
}

// Begin waits until the machine was looked at, starts sampling, and waits for the first look: what
// follows is within the samples. It waits for some seconds at most, or until ctx ends.
func (w *Watch) Begin(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patienceBefore)
	defer cancel()
	select {
	case <-w.ready:
	case <-ctx.Done():
	}
	close(w.begin)
	select {
	case <-w.first:
	case <-w.done: // it was stopped
	case <-ctx.Done():
	}
}

// Report is what was seen.
type Report struct {
	Host     record.HostInfo
	Verdicts []record.Verdict // on the host
	Sampling *record.Sampling // nil without an interval
	Page     *probe.Page      // before the run; nil if not even the host answered
}

// Stop ends the looking if nobody has, and waits for nothing. It is fine on nil, and twice.
func (w *Watch) Stop() {
	if w != nil && !w.ended {
		w.ended = true
		close(w.end)
	}
}

// End ends the looking that Begin began, waits some seconds for a last look, and says what was seen.
func (w *Watch) End(use judge.Use) Report {
	w.Stop()
	silent := ""
	select {
	case <-w.done:
	case <-time.After(patienceAfter):
		silent = fmt.Sprintf("no answer for %v from %s", patienceAfter, *w.doing.Load())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.before
	if before == nil && w.host != nil {
		page := *w.host
		page.GPUs = answer.Unknown[[]probe.GPU](silent)
		before = &page
	}
	r := Report{Page: before}
	if before == nil {
		r.Verdicts = judge.Unseen(silent)
		return r
	}
	r.Host = before.Record()
	seen := judge.Seen{Silent: silent}
	if w.sampler != nil {
		w.sampler.seen(&seen)
		if w.interval > 0 {
			r.Sampling = w.sampler.record()
			r.Sampling.Process = w.process
		}
	}
	r.Verdicts = judge.Host(before, w.after, &seen, use)
	return r
}
