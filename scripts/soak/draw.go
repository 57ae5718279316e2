//go:build linux

package main

import (
	"fmt"
	"strconv"
	"syscall"
	"time"
)

// The kinds of trial.
const (
	clean       = "clean"       // nothing is done to it: it must be right
	late        = "late"        // verbs are late, puts change places: it must be right
	paused      = "paused"      // a process is stopped for a moment: it must be right
	lost        = "lost"        // verbs are lost: it must end, and must not crash
	cut         = "cut"         // channels are cut: it must fail, and data must not be wrong
	killed      = "killed"      // a process is killed: the others must leave
	stopped     = "stopped"     // a process is stopped for good, as on a host that hangs: the others must leave
	interrupted = "interrupted" // the first process is told to end: all must leave
	within      = "inside"      // many runs in one process
)

// kinds and how many of a hundred trials are of each.
var kinds = []struct {
	name  string
	share int
}{{clean, 38}, {late, 10}, {paused, 6}, {lost, 8}, {cut, 10}, {killed, 12}, {stopped, 4}, {interrupted, 9}, {within, 3}}

// How the processes of a trial are started.
const (
	alone    = "alone"    // there is one
	children = "children" // by the first, with --procs
	byFlags  = "flags"    // by soak, which says so in flags
	byEngine = "slurm"    // by soak, which says so as Slurm does
)

// trial is one run of the command.
type trial struct {
	workload
	seed     uint64
	kind     string
	launch   string
	backward bool          // the first process is started last
	secret   string        // of the job, if one is given
	asked    string        // of --procs
	fault    string        // of --fault
	output   string        // of --output
	format   string        // of --format
	victim   int           // the process that something is done to
	after    time.Duration // of the start, until then
	gap      time.Duration // until the next thing is done to it
	signals  []syscall.Signal
}

// faultTimeout is the command's where something is done to it. It is what a trial
// takes in which nobody is told of a loss.
const faultTimeout = 3 * time.Second

// draw makes the trial of a seed.
func draw(seed uint64) trial {
	d := newDice(seed)
	t := trial{workload: d.workload(), seed: seed, format: pick(d, "json", "json", "jsonl")}
	if d.chance(0.25) {
		t.output = "records"
	}
	n := d.IntN(100)
	for _, k := range kinds {
		if t.kind = k.name; n < k.share {
			break
		}
		n -= k.share
	}
	d.launch(&t)
	spec := fmt.Sprintf("seed=%d", d.Uint32())
	t.victim = d.IntN(t.procs)
	t.after = time.Duration(d.spread(1e3) * float64(time.Millisecond))
	t.gap = time.Duration(d.spread(100) * float64(time.Millisecond))
	switch t.kind {
	case late:
		// Each channel has a goroutine that waits, and cores are few.
		t.Channels, t.Tokens = min(t.Channels, 3), min(t.Tokens, 40)
		t.fault = pick(d, "reorder,", "delay=20us,", "delay=300us,reorder,", "delay=2ms,reorder,") + spec
	case lost:
		t.fault = pick(d, fmt.Sprintf("drop=%.6f,", 1/d.spread(1e4)), fmt.Sprintf("drop-at=%.0f,", d.spread(5000))) + spec
	case cut:
		t.fault = fmt.Sprintf("cut=%.0f,", d.spread(5000)) + pick(d, "", "", "reorder,", "delay=100us,") + spec
	case killed:
		t.signals = []syscall.Signal{syscall.SIGKILL}
	case paused:
		t.signals = []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT}
	case stopped:
		t.signals = []syscall.Signal{syscall.SIGSTOP, pick(d, syscall.SIGCONT, syscall.SIGKILL)}
	case interrupted:
		t.victim = 0
		t.signals = []syscall.Signal{pick(d, syscall.SIGINT, syscall.SIGTERM)}
		if d.chance(0.3) { // twice: at once, if you please
			t.signals = append(t.signals, t.signals[0])
		}
	}
	switch t.kind {
	case lost, cut, killed, stopped, interrupted:
		t.Timeout = faultTimeout
	}
	if t.signals != nil {
		t.Iterations = d.from(1, 15) // so that there is something to meet
	}
	return t
}

// launch draws how the processes are started.
func (d dice) launch(t *trial) {
	ranks := t.Nodes * t.GPUsPerNode
	t.asked = strconv.Itoa(t.procs)
	if t.procs == ranks && d.chance(0.5) {
		t.asked = "rank"
	}
	if t.procs == t.Nodes && d.chance(0.5) {
		t.asked = "node"
	}
	switch t.launch = pick(d, children, children, children, byFlags, byEngine); {
	case t.procs == 1 && d.chance(0.5):
		t.launch, t.asked = alone, ""
	case t.procs == 1:
		t.launch = alone
	}
	t.backward = d.chance(0.5)
	if d.chance(0.3) {
		t.secret = fmt.Sprintf("soak%x", d.Uint64())
	}
}

// String is a trial in a few words.
func (t *trial) String() string {
	if t.kind == within {
		return t.kind
	}
	s := fmt.Sprintf("%-11s %-9s %-8s %dx%d %s+%s, %s %d", t.kind, t.Op, t.Algorithm, t.Nodes, t.GPUsPerNode, t.up, t.out, t.launch, t.procs)
	if t.fault != "" {
		s += ", " + t.fault
	}
	if t.signals != nil {
		s += fmt.Sprintf(", process %d: %v", t.victim, t.signals)
	}
	return s
}
