// Command peers runs commbench and what a user would run in its place, in turns
// on the same routing: Open MPI and MPICH (scripts/peers/c/a2av.c). Beside them
// stands what plain C loops reach on this machine (limit.c). It prints a table
// for each operation and cluster, and with -write puts them into a document.
//
//	make peers build && go run ./scripts/peers -quick
//
// What is counted: docs/peers.md.
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
	"strings"
	"syscall"
	"time"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/scripts/internal/doc"
)

// settings are the command line.
type settings struct {
	rounds, iters, warmup int
	tokens, mib           int
	commbench, peers      string // binaries, and the folder of the peers'
	write                 string // the document; "" is none
	command               string // as it was typed, for the document
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	var wrong doc.WrongError
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return
	case errors.As(err, new(usageError)):
		os.Exit(2)
	}
	fmt.Fprintf(os.Stderr, "peers: %v\n", err)
	if errors.As(err, &wrong) {
		os.Exit(doc.ExitWrong)
	}
	os.Exit(1)
}

// usageError is a command line that the flag package has complained of.
type usageError struct{ error }

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("peers", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&s.rounds, "rounds", 10, "rounds in which all sides take turns")
	f.IntVar(&s.iters, "iters", 3, "timed iterations of a side in a round")
	f.IntVar(&s.warmup, "warmup", 1, "iterations of a side in a round before those")
	f.IntVar(&s.tokens, "tokens", 1024, "tokens of a rank")
	f.IntVar(&s.mib, "mib", 512, "MiB of memory for a thread of the C loops to read, and as many to write; much more than the caches")
	f.StringVar(&s.commbench, "commbench", "bin/commbench", "the command; make build")
	f.StringVar(&s.peers, "peers", "out/peers", "folder of a2av.openmpi, a2av.mpich and limit; make peers")
	f.StringVar(&s.write, "write", "", "document in which the block between the bench-peers markers is replaced")
	quick := f.Bool("quick", false, "2 rounds with few tokens, to see that everything works; the figures mean nothing")
	if err := f.Parse(args); err != nil {
		return s, usageError{err}
	}
	s.command = strings.Join(append([]string{"go run ./scripts/peers"}, args...), " ")
	if *quick {
		s.rounds, s.tokens, s.mib = min(s.rounds, 2), min(s.tokens, 16), min(s.mib, 16)
	}
	if f.NArg() > 0 || min(s.rounds, s.iters, s.tokens, s.mib) < 1 || s.warmup < 0 {
		err := usageError{errors.New("want no arguments but flags, and numbers of at least 1")}
		fmt.Fprintf(stderr, "peers: %v\n", err)
		return s, err
	}
	return s, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "peers")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var sections []section
	for _, cluster := range clusters {
		for _, op := range []string{record.Dispatch, record.Combine} {
			sec := section{op: op, cluster: cluster, settings: s, matrix: filepath.Join(dir, fmt.Sprintf("%s-%v", op, cluster))}
			if err := measure(ctx, &sec, stderr); err != nil {
				return err
			}
			fmt.Fprintln(stdout, sec.table())
			sections = append(sections, sec)
		}
	}
	if s.write == "" {
		return nil
	}
	return doc.Replace(s.write, "bench-peers", block(sections, facts(ctx), time.Now()))
}

// measure lets the sides of a section take turns. Each round begins with another
// side, so that none always runs after the same one.
func measure(ctx context.Context, sec *section, progress io.Writer) error {
	if err := sec.plan(ctx); err != nil {
		return err
	}
	sec.sides = sec.contenders()
	for round := range sec.rounds {
		for i := range sec.sides {
			side := &sec.sides[(round+i)%len(sec.sides)]
			samples, err := side.run(ctx)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", sec, side.name, err)
			}
			side.rounds = append(side.rounds, samples)
			fmt.Fprintf(progress, "%s, round %d of %d: %s %s ms\n", sec, round+1, sec.rounds, side.name, ms(figure(total).round(samples)))
		}
	}
	return nil
}
