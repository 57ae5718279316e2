// Command network measures how fast transport/tcp must be and is, over loopback: beside
// a bare net.Conn, iperf3 and Open MPI, each in turn with the others, in one run. It
// prints a line for each target, and -write puts them into docs/performance.md.
//
//	make network                        # all of them
//	go run ./scripts/network -only 2    # after make build peers
//	go run ./scripts/network -quick     # to see that it works
//
// All sides run on the cores that this process may use, with the system's congestion
// control. Where two processes are measured, one is this program again (trial.go).
// What is timed: docs/peers.md.
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

// settings are the command line, and what follows from -quick.
type settings struct {
	rounds, only     int
	quick            bool
	commbench, peers string
	write            string

	warm, sample time.Duration // of what is sent without a pause
	trips        int           // of a sample of latency
	tokens       int           // of a rank
	nodes, gpus  int           // of the default workload
}

// target is something that must be so fast.
type target struct {
	asked   string // in words
	measure func(context.Context, *settings) (result, error)
}

// result is what was found.
type result struct {
	met      *bool // nil where nothing is asked
	measured string
	table    string // Markdown: more of it
}

var targets = []target{
	{"puts of 1 MiB from process to process, 1, 2, 4 and 8 streams: at least 0.9 of bare net.Conns, and more than iperf3", bandwidth},
	{"round trip of a put-signal of 64 bytes between processes: at most 1.5 times a bare net.Conn's", latency},
	{"default dispatch over tcp, in one process: at least 0.8 of what loopback carries", dispatches},
	{"default workload by direct over tcp: ahead of Open MPI's MPI_Alltoallv over TCP with the same bytes for each pair, and with a process for each rank of its pack, exchange and unpack; 4 and 2 ranks beside it", overMPI},
	{"all ranks reach each other: at most 2 x streams sockets for each process that a process reaches, and one that listens", resources},
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == childArg {
		os.Exit(child(os.Args[2]))
	}
	os.Exit(doc.ExitCode("network", program.Run(run)))
}

func parse(args []string, stderr io.Writer) (settings, error) {
	s := settings{warm: time.Second, sample: 2 * time.Second, trips: 5000, tokens: 1024, nodes: 4, gpus: 8}
	f := flag.NewFlagSet("network", flag.ContinueOnError)
	f.IntVar(&s.rounds, "rounds", 7, "rounds in which all sides take turns")
	f.IntVar(&s.only, "only", 0, "the `number` of one target; 0 is all")
	f.BoolVar(&s.quick, "quick", false, "1 round of short samples, to see that everything works; the figures mean nothing")
	f.StringVar(&s.commbench, "commbench", "bin/commbench", "the command; make build")
	f.StringVar(&s.peers, "peers", "out/peers", "folder of a2av.openmpi; make peers")
	f.StringVar(&s.write, "write", "", "document in which the block between the network markers is replaced")
	err := program.Parse(f, args, stderr, func() error {
		switch {
		case f.NArg() > 0 || s.rounds < 1 || s.only < 0 || s.only > len(targets):
			return fmt.Errorf("want at least 1 round, and a target from 1 to %d", len(targets))
		case s.write != "" && (s.only != 0 || s.quick):
			return errors.New("-only and -quick are not for a document: not with -write")
		}
		return nil
	})
	if s.quick {
		s.rounds, s.warm, s.sample, s.trips, s.tokens, s.nodes, s.gpus = 1, 5*time.Millisecond, 20*time.Millisecond, 100, 16, 2, 2
	}
	return s, err
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	var lines, tables strings.Builder
	fmt.Fprintf(&lines, "| | target | measured | | command |\n|---|---|---|---|---|\n")
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
			what, _, _ := strings.Cut(err.Error(), "\n")
			got = result{measured: "could not be measured: " + what}
		}
		fmt.Fprintf(stderr, "   %s %s\n", got.measured, got.verdict())
		fmt.Fprintf(&lines, "| %d | %s | %s | %s | `go run ./scripts/network -only %d` |\n", i+1, t.asked, got.measured, got.verdict(), i+1)
		if got.table != "" {
			tables.WriteString("\n" + got.table)
		}
	}
	fmt.Fprint(stdout, lines.String()+tables.String())
	if s.write == "" {
		return nil
	}
	head := fmt.Sprintf("%s; congestion control %s; %s, `-rounds %d`. Medians over rounds, with extremes.\n\n",
		machine(ctx), congestion(), time.Now().Format(time.DateOnly), s.rounds)
	return doc.Replace(s.write, "network", head+lines.String()+tables.String())
}

func (r *result) verdict() string {
	switch {
	case r.met == nil:
		return ""
	case *r.met:
		return "met"
	}
	return "**missed**"
}

// machine says what this machine is, and which versions are compared.
func machine(ctx context.Context) string {
	said := doc.Machine(ctx, [2]string{"Open MPI", "mpirun.openmpi"})
	if out, err := doc.Output(ctx, nil, "iperf3", "--version"); err == nil {
		if fields := strings.Fields(string(out)); len(fields) > 1 {
			said += ", iperf3 " + fields[1]
		}
	}
	return said
}

// congestion is the system's congestion control, or "".
func congestion() string {
	name, _ := os.ReadFile("/proc/sys/net/ipv4/tcp_congestion_control")
	return strings.TrimSpace(string(name))
}
