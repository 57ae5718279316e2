//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// patience is how long a trial may take beyond its timeouts: to be measured and to
// end, with up to 16 processes on a machine that others use as well.
const patience = 45 * time.Second

// dumpTime is how long what hangs has to write down where.
const dumpTime = 5 * time.Second

// soak is all trials so far.
type soak struct {
	commbench, self string
	patience        time.Duration
	shared          shared

	trials, failed int
	classes        map[class]int
	tallies        map[string]*tally // by kind
}

func newSoak(commbench, self string) *soak {
	return &soak{commbench: commbench, self: self, patience: patience, shared: newShared(), classes: map[class]int{}, tallies: map[string]*tally{}}
}

// class is what a failure is counted as.
type class string

const (
	classWrong class = "wrong data"
	classHang  class = "hang"
	classLeak  class = "leak"
	classOther class = "other"
)

// failure is a trial that did not do as it should.
type failure struct {
	class class
	error
}

func (f failure) Unwrap() error { return f.error }

func failf(c class, format string, args ...any) error { return failure{c, fmt.Errorf(format, args...)} }

// outcome is how a trial ended.
type outcome struct {
	exits []syscall.WaitStatus // of the processes that soak started
	acted bool                 // what was to be done to it was done while it ran
	took  time.Duration
	dir   string // what it wrote, if that was kept
}

func (o *outcome) String() string {
	if len(o.exits) == 0 {
		return "not run"
	}
	s := "exit code"
	for _, e := range o.exits {
		if e.Signaled() {
			s += fmt.Sprintf(" (%v)", e.Signal())
		} else {
			s += fmt.Sprintf(" %d", e.ExitStatus())
		}
	}
	return s
}

// try runs a trial and judges it. When ctx ends, so do the trial's processes.
func (k *soak) try(ctx context.Context, t *trial) (o outcome, err error) {
	dir, err := os.MkdirTemp("", "commbench-soak-")
	if err != nil {
		return o, err
	}
	defer func() {
		if err != nil && ctx.Err() == nil {
			o.dir = dir
			return
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	begin := time.Now()
	j, err := start(t, k.commbench, k.self, dir)
	defer j.end()
	if err != nil {
		return o, err
	}
	var hung error
	if o.acted, hung = k.act(ctx, t, j); hung == nil && !j.gone(ctx, begin.Add(k.bound(t)), 0) && ctx.Err() == nil {
		hung = failf(classHang, "it still runs %v after its start: %s", k.bound(t), j.dump(min(k.patience, dumpTime)))
	}
	o.took = time.Since(begin)
	j.end()
	for _, cmd := range j.cmds {
		o.exits = append(o.exits, cmd.ProcessState.Sys().(syscall.WaitStatus))
	}
	k.shared.look(t.seed)
	if hung != nil {
		return o, hung
	}
	if err := t.judge(&o, dir); err != nil {
		return o, err
	}
	if t.kind != within && len(allowed[t.kind]) == 1 && o.took > t.Timeout {
		return o, failf(classHang, "nothing was wrong, and it took %v: something was awaited in vain until the timeout, %v", o.took, t.Timeout)
	}
	return o, t.leftovers(dir)
}

// bound is when a trial must be over.
func (k *soak) bound(t *trial) time.Duration { return t.after + t.gap + 2*t.Timeout + k.patience }

// act sends the trial's signals, and says whether they met a process that ran.
func (k *soak) act(ctx context.Context, t *trial, j *job) (acted bool, hung error) {
	if t.signals == nil || t.kind == within || j.gone(ctx, time.Now().Add(t.after), 0) {
		return false, nil
	}
	victim := j.victim(ctx, t)
	if victim == 0 {
		return false, nil
	}
	send(t.signals[0], victim)
	if len(t.signals) == 1 {
		return true, nil
	}
	// A host that hangs must not keep the others.
	wait, but := t.gap, 0
	if t.kind == stopped {
		wait, but = t.Timeout+k.patience, victim
	}
	gone := j.gone(ctx, time.Now().Add(wait), but)
	if !gone && t.kind == stopped && ctx.Err() == nil {
		return true, failf(classHang, "process %d, pid %d, was stopped, and others still run %v later: %s", t.victim, victim, wait, j.dump(min(k.patience, dumpTime)))
	}
	send(t.signals[1], victim)
	return true, nil
}
