// Command targets measures how fast commbench must be and is: one line for each
// target of docs/performance.md, which -write puts there.
//
//	make targets               # all of them
//	go run ./scripts/targets -only 4
//
// Targets 2 and 3 compare with other programs; make peers builds those.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/commbench/commbench/scripts/internal/doc"
	"github.com/commbench/commbench/scripts/internal/program"
)

// settings are the command line.
type settings struct {
	rounds    int
	only      int
	commbench string
	peers     string
	write     string
}

// target is something that must be so fast.
type target struct {
	asked   string // in words
	measure func(context.Context, *settings) (string, error)
}

var targets = []target{
	{"two-hop dispatch over shm: bytes copied a second, over this host copying the same blocks in random order: at least 1.0, aim 1.3", dispatchOverLimit},
	{"two-hop combine over shm: bytes that sums read a second, over the best C AVX-512 loop on as many addends: at least 0.9", combineOverLoop},
	{"Open MPI alltoallv on the same routing, shared memory, pack + exchange + unpack or reduce: two-hop at least 3 times as fast on 32 ranks, 1.3 times on 2", overMPI},
	{"layout + notify of 4,096 tokens x 32 ranks: under 5 % of the dispatch", notifyShare},
	{"decode (128 tokens): time that is not copying: under 20 %", decodeSoftware},
	{"time is linear in tokens (256 to 8,192) and in hidden (1,024 to 16,384), to 15 %; 8 to 512 ranks cost a byte at most 1.3 times what 32 do", linearity},
	{"harness (barrier, timers, records): under 1 % of the default run", harness},
	{"--version under 20 ms; the default command spends under 30 % of its time outside timed iterations and checks", startUp},
}

func main() {
	os.Exit(program.ExitCode("targets", program.Run(run)))
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("targets", flag.ContinueOnError)
	f.IntVar(&s.rounds, "rounds", 10, "rounds of what takes turns")
	f.IntVar(&s.only, "only", 0, "the `number` of one target; 0 is all")
	f.StringVar(&s.commbench, "commbench", "bin/commbench", "the command; make build")
	f.StringVar(&s.peers, "peers", "out/peers", "folder of the programs that make peers builds")
	f.StringVar(&s.write, "write", "", "document in which the block between the targets markers is replaced")
	err := program.Parse(f, args, stderr, func() error {
		switch {
		case s.only != 0 && s.write != "":
			return errors.New("-only would leave the others out of the document: not with -write")
		case f.NArg() > 0 || s.rounds < 1 || s.only < 0 || s.only > len(targets):
			return fmt.Errorf("want at least 1 round, and a target from 1 to %d", len(targets))
		}
		return nil
	})
	return s, err
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| | target | measured | command |\n|---|---|---|---|\n")
	for i, t := range targets {
		if s.only != 0 && s.only != i+1 {
			continue
		}
		fmt.Fprintf(stderr, "%d: %s\n", i+1, t.asked)
		got, err := t.measure(ctx, &s)
		if err != nil {
			if context.Cause(ctx) != nil || errors.As(err, new(doc.WrongError)) {
				return err
			}
			got = "could not be measured: " + firstLine(err)
		}
		fmt.Fprintf(stderr, "   %s\n", got)
		fmt.Fprintf(&b, "| %d | %s | %s | `go run ./scripts/targets -only %d` |\n", i+1, t.asked, got, i+1)
	}
	fmt.Fprint(stdout, b.String())
	if s.write == "" {
		return nil
	}
	head := fmt.Sprintf("%s; %s, `-rounds %d`.\n\n", doc.Machine(ctx), time.Now().Format(time.DateOnly), s.rounds)
	return doc.Replace(s.write, "targets", head+b.String())
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
