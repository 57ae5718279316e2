package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/nvml/answer"
)

// patience is how long an answer may take: a GPU in trouble may never give one.
const patience = 30 * time.Second

// mostGPUs is more than a machine has.
const mostGPUs = 64

// asker asks a machine, and gives up on what does not answer.
type asker struct {
	ctx     context.Context
	machine *probe.Machine
	show    *progress
	last    atomic.Pointer[string] // who was asked
	stuck   bool                   // somebody did not answer: the machine must not be asked any more
}

func newAsker(ctx context.Context, m *probe.Machine, show *progress) *asker {
	a := &asker{ctx: ctx, machine: m, show: show}
	a.last.Store(new("the machine"))
	m.Asking = func(what string) { a.last.Store(&what) }
	return a
}

// patiently is what f returns, which asks the machine. The error is that there was no answer, and from whom, or an
// interrupt.
func patiently[T any](a *asker, f func() T) (v T, err error) {
	defer a.show.clear()
	done := make(chan T, 1)
	go func() { done <- f() }()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for limit, interrupt := time.After(patience), a.ctx.Done(); ; {
		select {
		case v = <-done:
			return v, err
		case <-tick.C:
			a.show.update(bench.Progress{Stage: "asking " + *a.last.Load()})
		case <-interrupt: // what is asked now is about to be answered, as a rule
			err, limit, interrupt = errInterrupted, time.After(time.Second), nil
		case <-limit:
			a.stuck = true
			if err == nil {
				err = fmt.Errorf("no answer from %s for %v", *a.last.Load(), patience)
			}
			return v, err
		}
	}
}

// page is the whole page, or without GPUs if these do not answer.
func (a *asker) page() (*probe.Page, error) {
	host, err := patiently(a, a.machine.ReadHost)
	if err != nil {
		return nil, err
	}
	answered := make(chan probe.GPU, mostGPUs)
	a.machine.Answered = func(g probe.GPU) {
		select {
		case answered <- g:
		default:
		}
	}
	page, err := patiently(a, func() *probe.Page { return a.machine.AddGPUs(host) })
	switch {
	case a.ctx.Err() != nil:
		return nil, errInterrupted
	case err != nil:
		silent := err.Error() + ": the driver or the device hangs; see the kernel's log"
		gpus := answer.Unknown[[]probe.GPU](silent)
		if len(answered) > 0 {
			var all []probe.GPU
			for len(answered) > 0 {
				all = append(all, <-answered)
			}
			gpus = answer.Is(all)
		}
		page = host.WithGPUs(gpus)
		page.Silent = silent
	}
	page.Version = version
	return page, nil
}

// close closes the machine, if it answers.
func (a *asker) close() error {
	if a.stuck {
		return nil
	}
	return a.machine.Close()
}
