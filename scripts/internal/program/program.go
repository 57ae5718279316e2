// Package program is how the programs of scripts begin and end: a command line, an
// interrupt and an exit code mean the same in all of them.
package program

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// UsageError is a command line that was complained of.
type UsageError struct{ error }

// Parse reads a command line. wrong says what else is not right with it, once all flags
// have their values. A complaint is printed, and is a UsageError. Who asks for help gets it,
// and flag.ErrHelp.
func Parse(f *flag.FlagSet, args []string, stderr io.Writer, wrong func() error) error {
	f.SetOutput(stderr)
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return UsageError{err} // which f has printed
	}
	if err := wrong(); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", f.Name(), err)
		return UsageError{err}
	}
	return nil
}

// Run runs a program, whose context ends with the first Ctrl-C. A second one ends the
// process at once.
func Run(run func(ctx context.Context, args []string, stdout, stderr io.Writer) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return run(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

// ExitCode is that of a program which has ended so: 0, also after help; 2 for a UsageError; else 1.
// It prints what nobody has printed yet.
func ExitCode(name string, err error) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, new(UsageError)):
		return 2
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	return 1
}
