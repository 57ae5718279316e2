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
	"path/filepath"
	"strings"
	"time"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/scripts/internal/doc"
	"github.com/commbench/commbench/scripts/internal/program"
	"github.com/commbench/commbench/scripts/internal/turns"
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
	os.Exit(doc.ExitCode("peers", program.Run(run)))
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("peers", flag.ContinueOnError)
	f.IntVar(&s.rounds, "rounds", 10, "rounds in which all sides take turns")
	f.IntVar(&s.iters, "iters", 3, "timed iterations of a side in a round")
	f.IntVar(&s.warmup, "warmup", 1, "iterations of a side in a round before those")
	f.IntVar(&s.tokens, "tokens", 1024, "tokens of a rank")
	f.IntVar(&s.mib, "mib", 512, "MiB of memory for a thread of the C loops to read, and as many to write; much more than the caches")
	f.StringVar(&s.commbench, "commbench", "bin/commbench", "the command; make build")
	f.StringVar(&s.peers, "peers", "out/peers", "folder of a2av.openmpi, a2av.mpich and limit; make peers")
	f.StringVar(&s.write, "write", "", "document in which the block between the bench-peers markers is replaced")
	quick := f.Bool("quick", false, "2 rounds with few tokens, to see that everything works; the figures mean nothing")
	err := program.Parse(f, args, stderr, func() error {
		if f.NArg() > 0 || min(s.rounds, s.iters, s.tokens, s.mib) < 1 || s.warmup < 0 {
			return errors.New("want no arguments but flags, and numbers of at least 1")
		}
		return nil
	})
	s.command = strings.Join(append([]string{"go run ./scripts/peers"}, args...), " ")
	if *quick {
		s.rounds, s.tokens, s.mib = min(s.rounds, 2), min(s.tokens, 16), min(s.mib, 16)
	}
	return s, err
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

// measure lets the sides of a section take turns.
func measure(ctx context.Context, sec *section, progress io.Writer) error {
	if err := sec.plan(ctx); err != nil {
		return err
	}
	sec.sides = sec.contenders()
	return turns.Take(ctx, sec.rounds, sec.String(), sec.sides, func(round int, name string, samples []sample) {
		fmt.Fprintf(progress, "%s, round %d of %d: %s %s ms\n", sec, round+1, sec.rounds, name, ms(figure(total).round(samples)))
	})
}
