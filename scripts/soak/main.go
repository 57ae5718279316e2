//go:build linux

// Command soak runs the built commbench for minutes, with workloads, transports,
// numbers of processes and faults drawn at random, and looks after every run for
// data that are wrong, for what hangs, and for what is left behind.
//
//	make soak                            # ten minutes
//	go run ./scripts/soak -only 1234     # one trial again
//
// # Terms
//
// A trial is one run of the command, in one or several processes. All of it follows
// from the trial's seed, but for the moment at which a fault meets the processes,
// which is the machine's. Trials have seeds in a row, so -seed N does the same
// trials again, and -only N one of them. A kind is what is done to a trial: see kinds.
//
// The trials of kind inside run this program itself, which calls bench.Run many times
// in one process and sees whether goroutines, descriptors and mappings come back.
//
// # What it needs
//
// Linux, for /proc. It runs one trial at a time; what else goes on at the machine
// only makes it slower.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/commbench/commbench/scripts/internal/program"
)

// settings are the command line.
type settings struct {
	duration  time.Duration
	seed      uint64
	one       bool // -only
	keepGoing bool
	verbose   bool
	commbench string
	inside    bool
}

func main() {
	// Not by program.Run: a second Ctrl-C, which ends a process at once, would leave those
	// of the trial, which have sessions of their own.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(program.ExitCode("soak", err))
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	var only, inside uint64
	f := flag.NewFlagSet("soak", flag.ContinueOnError)
	f.DurationVar(&s.duration, "duration", 10*time.Minute, "how long to go on")
	f.Uint64Var(&s.seed, "seed", uint64(time.Now().Unix())*1000, "seed of the first trial")
	f.Uint64Var(&only, "only", 0, "the `seed` of one trial")
	f.BoolVar(&s.keepGoing, "keep-going", false, "count failures, and do not end at the first")
	f.BoolVar(&s.verbose, "v", false, "print every trial")
	f.StringVar(&s.commbench, "commbench", "bin/commbench", "the command; make build")
	f.Uint64Var(&inside, "inside", 0, "be a trial of kind inside, with this `seed`")
	err := program.Parse(f, args, stderr, func() error {
		if f.NArg() > 0 || s.duration <= 0 {
			return errors.New("want a duration above 0, and nothing behind the flags")
		}
		return nil
	})
	f.Visit(func(given *flag.Flag) {
		switch given.Name {
		case "only":
			s.one, s.seed = true, only
		case "inside":
			s.inside, s.seed = true, inside
		}
	})
	return s, err
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if s.inside {
		return inside(ctx, s.seed)
	}
	if s.commbench, err = filepath.Abs(s.commbench); err != nil {
		return err
	}
	if _, err := os.Stat(s.commbench); err != nil {
		return fmt.Errorf("%w: make build", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	k := newSoak(s.commbench, self)
	show := newScreen(stderr)
	start := time.Now()
	if !s.one {
		fmt.Fprintf(stderr, "soak: %v from seed %d on\n", s.duration, s.seed)
	}
	for seed := s.seed; ; seed++ {
		t := draw(seed)
		show.line("%8v  trials %-6d failed %-3d now %d: %v", time.Since(start).Round(time.Second), k.trials, k.failed, seed, &t)
		o, err := k.try(ctx, &t)
		if ctx.Err() != nil {
			break // the trial was cut short: it says nothing
		}
		k.count(&t, &o, err)
		show.clear()
		if s.verbose || s.one || err != nil {
			fmt.Fprintf(stderr, "%d: %v: %v, %v\n", seed, &t, &o, o.took.Round(time.Millisecond))
		}
		if err != nil {
			fmt.Fprintf(stderr, "soak: seed %d failed: %v\n", seed, err)
		}
		if s.one || err != nil {
			fmt.Fprint(stderr, k.repeat(&t, &o))
		}
		if s.one || err != nil && !s.keepGoing || time.Since(start) > s.duration {
			break
		}
	}
	show.clear()
	if err := k.shared.settle(); err != nil {
		k.failed++
		k.classes[classLeak]++
		fmt.Fprintf(stderr, "soak: %v\n", err)
	}
	if err := k.summary(stdout, time.Since(start)); err != nil {
		return err
	}
	if k.failed > 0 {
		return fmt.Errorf("%d of %d trials failed", k.failed, k.trials)
	}
	return nil
}
