//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commbench/commbench/scripts/internal/program"
)

// TestMain lets trials of kind inside run this binary.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "-inside" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestCommandLine(t *testing.T) {
	s, err := parse([]string{"-only", "4", "-duration", "3s"}, io.Discard)
	if err != nil || !s.one || s.seed != 4 || s.duration != 3*time.Second {
		t.Errorf("%+v (%v)", s, err)
	}
	if s, err := parse([]string{"-seed", "9"}, io.Discard); err != nil || s.one || s.seed != 9 {
		t.Errorf("%+v (%v)", s, err)
	}
	for _, args := range [][]string{{"-bogus"}, {"extra"}, {"-duration", "0s"}, {"-seed", "-1"}} {
		if _, err := parse(args, io.Discard); !errors.As(err, new(program.UsageError)) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// A seed is a trial, whatever came before it.
func TestDrawRepeats(t *testing.T) {
	for seed := range uint64(200) {
		a, b := draw(seed), draw(seed)
		if fmt.Sprintf("%+v", a) != fmt.Sprintf("%+v", b) {
			t.Fatalf("seed %d is %+v, and then %+v", seed, a, b)
		}
		if ranks := a.Nodes * a.GPUsPerNode; ranks%a.procs != 0 || a.victim >= a.procs {
			t.Errorf("seed %d: %d ranks in %d processes, and something is done to process %d", seed, ranks, a.procs, a.victim)
		}
	}
}

// trials finds two of each kind that are quick to run.
func trials() (all []trial) {
	found := map[string]int{}
	for seed := uint64(1); len(all) < 2*len(kinds); seed++ {
		t := draw(seed)
		// A child that is stopped as it ends is given time to end all the same.
		slow := t.procs > 4 || t.after > 100*time.Millisecond || t.kind == stopped && t.launch == children
		if found[t.kind] == 2 || slow {
			continue
		}
		found[t.kind]++
		if t.Timeout == faultTimeout {
			t.Timeout = time.Second
		}
		all = append(all, t)
	}
	return all
}

func newTestSoak(t *testing.T) *soak {
	t.Helper()
	path := filepath.Join(t.TempDir(), "commbench")
	if out, err := exec.Command("go", "build", "-o", path, "../../cmd/commbench").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return newSoak(path, self)
}

func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("trials run the command, and some wait for its timeout")
	}
	k := newTestSoak(t)
	for _, trial := range trials() {
		o, err := k.try(t.Context(), &trial)
		k.count(&trial, &o, err)
		if err != nil {
			t.Errorf("%v\n%s", err, k.repeat(&trial, &o))
		}
		t.Logf("%d: %v: %v, %v", trial.seed, &trial, &o, o.took.Round(time.Millisecond))
	}
	var b bytes.Buffer
	if err := k.summary(&b, time.Second); err != nil || !strings.Contains(b.String(), fmt.Sprintf("%d trials", 2*len(kinds))) {
		t.Errorf("%s (%v)", &b, err)
	}
}

// What ends a soak ends the trial that runs, and leaves none of its processes.
func TestInterrupt(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the command")
	}
	k := newTestSoak(t)
	all := trials()
	job := all[slices.IndexFunc(all, func(t trial) bool { return t.kind == clean })]
	job.Iterations, job.procs, job.asked, job.launch = 1<<20, job.Nodes*job.GPUsPerNode, "rank", children
	job.up, job.out = "shm", "tcp"
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	o, err := k.try(ctx, &job)
	if err != nil && ctx.Err() == nil {
		t.Error(err)
	}
	if len(o.exits) != 1 || !o.exits[0].Signaled() {
		t.Errorf("%v, %v; expected a process that was killed", &o, err)
	}
}
