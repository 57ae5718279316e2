// Command commbench measures and checks Mixture-of-Experts all-to-all
// communication. See the README, or run it with --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/job"
)

// version is set by the Makefile for a release.
var version = "dev"

// Exit codes, as docs/design.md states them.
const (
	exitGood  = 0
	exitFail  = 1
	exitUsage = 2 // the command line or an input file is wrong
	exitWrong = 3 // data were wrong
	exitRule  = 4 // a threshold was broken
)

// once is how long a signal may come again and mean the same.
const once = 500 * time.Millisecond

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C ends the program at once. But who sends a signal to a process and to
	// its group, as timeout and mpirun do, means one.
	context.AfterFunc(ctx, func() { time.AfterFunc(once, stop) })
	// Without stop: a signal that is on its way must not change the exit code now.
	os.Exit(run(ctx, os.Args, os.Stdout, os.Stderr))
}

// run is the program: everything it prints goes to the two writers.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := newApp(stdout, stderr).RunContext(ctx, args)
	if err == nil {
		return exitGood
	}
	if !errors.Is(err, job.ErrReported) {
		for line := range strings.SplitSeq(err.Error(), "\n") { // several causes are several lines
			fmt.Fprintf(stderr, "commbench: %s\n", line)
		}
	}
	return exitCode(err)
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func exitCode(err error) int {
	var input *bench.InputError
	var usage usageError
	switch {
	case errors.As(err, &input), errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, bench.ErrWrong):
		return exitWrong
	case errors.As(err, new(strictError)):
		return exitRule
	}
	return exitFail
}

func newApp(stdout, stderr io.Writer) *cli.App {
	return &cli.App{
		Name:  "commbench",
		Usage: "measure Mixture-of-Experts dispatch and combine, with real bytes and no GPU",
		Description: "Moves tokens between the ranks of a cluster as DeepSeek-V3 does, over scale-out to the\n" +
			"same in-node index on each target node and over scale-up to the experts' ranks, checks\n" +
			"every byte, and compares with the flat all-to-all of NCCL on the same routing.",
		Version:         version,
		Writer:          stdout,
		ErrWriter:       stderr,
		HideHelpCommand: true,
		Commands:        []*cli.Command{dispatchCommand(), combineCommand(), roundtripCommand(), planCommand(), smCommand(), simCommand(), limitsCommand(), hardwareCommand(), probeCommand(), validateCommand(), calibrateCommand(), gpuCommand(), limitsPeerCommand()},
		ExitErrHandler:  func(*cli.Context, error) {}, // run decides
		OnUsageError:    usage,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usageError{fmt.Errorf("no command %q; see commbench --help", c.Args().First())}
			}
			return cli.ShowAppHelp(c)
		},
	}
}

// usage makes a flag error one line that says where help is.
func usage(c *cli.Context, err error, _ bool) error {
	name := c.App.Name
	if c.Command != nil && c.Command.HelpName != "" {
		name = c.Command.HelpName
	}
	return usageError{fmt.Errorf("%w; see %s --help", err, name)}
}
