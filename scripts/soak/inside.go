//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/faulty"
	"github.com/commbench/commbench/transport/mem"
	"github.com/commbench/commbench/transport/rendezvous"
	"github.com/commbench/commbench/transport/shm"
	"github.com/commbench/commbench/transport/tcp"
)

// leakText is in the error of a trial of kind inside that leaks.
const leakText = "leak: "

// Each round runs the same. What only the first ones make is kept: threads, their
// stacks, the heap, the poller's descriptors. What is a leak grows in every try.
const (
	insideRuns   = 3
	insideRounds = 8
	insideTries  = 3

	insidePatience = 5 * time.Second
)

// insideRun is a benchmark of one process, which may stand for several: each then has
// drivers and a goroutine of its own, and meets the others over loopback.
type insideRun struct {
	workload
	fault faulty.Spec
	after time.Duration // until it is interrupted; 0 is never
}

// inside runs some benchmarks again and again, and says what they leave.
func inside(ctx context.Context, seed uint64) error {
	d := newDice(seed)
	var runs []insideRun
	for range insideRuns {
		r := insideRun{workload: d.workload()}
		r.LimitTime = time.Millisecond
		switch d.IntN(4) {
		case 0:
			r.fault = faulty.Spec{Cut: int64(d.spread(2000)), Seed: d.Uint64()}
			r.Timeout = time.Second
		case 1:
			r.fault = faulty.Spec{Delay: 100 * time.Microsecond, Reorder: true, Seed: d.Uint64()}
			r.Tokens, r.Channels = min(r.Tokens, 40), min(r.Channels, 3)
		case 2:
			r.after = time.Duration(d.spread(100) * float64(time.Millisecond))
		}
		runs = append(runs, r)
	}
	round := func() error {
		for i := range runs {
			err := runs[i].run(ctx)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if unexpected := runs[i].judge(err); unexpected != nil {
				return fmt.Errorf("run %d of %+v: %w", i, runs[i], unexpected)
			}
		}
		return nil
	}
	if err := round(); err != nil {
		return err
	}
	var excess error
	for range insideTries {
		time.Sleep(100 * time.Millisecond) // what is on its way back would make room for leaks
		before := holding()
		for range insideRounds {
			if err := round(); err != nil {
				return err
			}
		}
		if excess = before.excess(insidePatience); excess == nil {
			return nil
		}
	}
	return excess
}

// judge says whether a run may end so.
func (r *insideRun) judge(err error) error {
	if r.fault.Cut == 0 && r.after == 0 || errors.Is(err, bench.ErrWrong) {
		return err
	}
	return nil // it failed, or had just finished
}

// run is one run in all its processes.
func (r *insideRun) run(ctx context.Context) error {
	if r.after > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.after)
		defer cancel()
	}
	if r.procs == 1 {
		return r.process(ctx, nil)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	errs := make([]error, r.procs)
	var all sync.WaitGroup
	for p := range r.procs {
		c := rendezvous.Config{Process: p, Processes: r.procs, Address: listener.Addr().String(), Secret: []byte("soak"), Timeout: r.Timeout}
		if p == 0 {
			c.Listener = listener
		}
		all.Go(func() { errs[p] = r.member(ctx, c) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// member is one process of several.
func (r *insideRun) member(ctx context.Context, c rendezvous.Config) error {
	s, err := rendezvous.Join(ctx, c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.Context(), func() { cancel(context.Cause(s.Context())) })()
	if err = r.process(ctx, s); err != nil {
		s.Fail(err)
	}
	return errors.Join(err, s.Close())
}

func (r *insideRun) process(ctx context.Context, s *rendezvous.Session) error {
	c, network := r.Config, r.network
	network.Secret = []byte("soak")
	named := func(name string) driver.Driver {
		var d driver.Driver = mem.New()
		switch name {
		case "shm":
			d = shm.New()
		case "tcp":
			d = tcp.New(network)
		}
		if r.fault.String() == "" {
			return d
		}
		return faulty.New(d, r.fault)
	}
	c.ScaleUp = named(r.up)
	if c.ScaleOut = c.ScaleUp; r.out != r.up {
		c.ScaleOut = named(r.out)
	}
	if s != nil {
		c.Peers, c.OnHost = s, r.procs
	}
	_, err := bench.Run(ctx, c)
	return err
}

// held is what a process holds of what must be given back.
type held struct{ goroutines, descriptors, mappings int }

func holding() held {
	maps, _ := os.ReadFile("/proc/self/maps") // a count of 0 would show
	open, _ := os.ReadDir("/proc/self/fd")
	return held{runtime.NumGoroutine(), len(open), bytes.Count(maps, []byte("\n"))}
}

// excess says what there is more of, once what is on its way back had a while. A
// mapping less than one a round is the Go runtime's.
func (before held) excess(patience time.Duration) error {
	var now held
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		now = holding()
		if now.goroutines <= before.goroutines && now.descriptors <= before.descriptors && now.mappings < before.mappings+insideRounds {
			return nil
		}
	}
	var b bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&b, 1) // a buffer takes anything
	return fmt.Errorf(leakText+"%d rounds of %d runs went from %d goroutines, %d descriptors and %d mappings to %d, %d and %d\n%s",
		insideRounds, insideRuns, before.goroutines, before.descriptors, before.mappings, now.goroutines, now.descriptors, now.mappings, b.String())
}
