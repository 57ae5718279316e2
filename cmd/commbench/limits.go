package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/limits"
	"github.com/commbench/commbench/reports"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/tcp"
)

// What --quick takes in place of the defaults.
const (
	quickDuration = 5 * time.Millisecond
	quickRepeats  = 5
)

func limitsCommand() *cli.Command {
	return &cli.Command{
		Name:  "limits",
		Usage: "measure this host's ceilings: copies, sums, casts, loopback, signals",
		Description: "Measures how fast this host can do the very things that a dispatch and a combine do, with\n" +
			"nothing around them: for 1, 2, 4, ... workers, in cache and out of it, in random order and one\n" +
			"after the other, with ordinary stores and with such that pass the caches by. It takes 10 to 20 s.\n\n" +
			"Nothing else should run meanwhile. The other commands measure their own ceilings, in the memory\n" +
			"and between the iterations of each run.\n\n" +
			"Examples:\n" +
			"  commbench limits\n" +
			"  commbench limits --quick --workers 2\n" +
			"  commbench limits --repeats 20 --format json -o limits.json",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "workers", Category: runFlags, Usage: "most threads at once", DefaultText: "the cores that may be used"},
			intFlag("repeats", runFlags, limits.DefaultRepeats, "samples of each case, taken in turn with those of all others"),
			&cli.DurationFlag{Name: "duration", Category: runFlags, Value: limits.DefaultDuration, Usage: "length of a sample"},
			&cli.BoolFlag{Name: "quick", Category: runFlags, Usage: fmt.Sprintf("%d repeats of %v, unless these are given", quickRepeats, quickDuration)},
			&cli.StringFlag{Name: "format", Category: outputFlags, Value: "table", Usage: "`FORMAT`: " + strings.Join(reports.CeilingFormats(), ", ")},
			&cli.StringFlag{Name: "output", Category: outputFlags, Aliases: []string{"o"}, Usage: "write the result to `FILE`, not to standard output; it is replaced"},
			&cli.BoolFlag{Name: "quiet", Category: outputFlags, Aliases: []string{"q"}, Usage: "show no progress"},
		},
		Action:       runLimits,
		OnUsageError: usage,
	}
}

func runLimits(c *cli.Context) error {
	cfg, err := limitsConfig(c)
	if err != nil {
		return err
	}
	out, err := openOutput(c.String("output"), c.String("format"), c.App.Writer)
	if err != nil {
		return err
	}
	show := newProgress(c.App.ErrWriter, c.Bool("quiet"))
	cfg.Progress = func(stage string, done, all int) { show.update(bench.Progress{Stage: stage, Done: done, All: all}) }
	result, runErr := limits.Run(c.Context, cfg)
	show.clear()
	if errors.Is(runErr, limits.ErrShape) {
		runErr = usageError{runErr}
	}
	return out.finish(len(result.Cases) > 0, runErr, func(w io.Writer) error {
		return reports.WriteCeilings(w, c.String("format"), result)
	})
}

// limitsConfig turns flags into a measurement.
func limitsConfig(c *cli.Context) (limits.Config, error) {
	cfg := limits.Config{
		Workers: c.Int("workers"), Repeats: c.Int("repeats"), Duration: c.Duration("duration"),
		Memory: (bench.FreeMemory() + 1) / 2, Driver: signalDriver(), Peer: []string{peerCommand}, Version: version,
	}
	if err := noArguments(c); err != nil {
		return cfg, err
	}
	if f := c.String("format"); !slices.Contains(reports.CeilingFormats(), f) {
		return cfg, usageError{fmt.Errorf("--format %q: want %s", f, strings.Join(reports.CeilingFormats(), ", "))}
	}
	// A zero that was asked for is not a default.
	for _, name := range []string{"workers", "repeats"} {
		if c.IsSet(name) && c.Int(name) < 1 {
			return cfg, usageError{fmt.Errorf("--%s %d: want at least 1", name, c.Int(name))}
		}
	}
	if c.IsSet("duration") && cfg.Duration <= 0 {
		return cfg, usageError{fmt.Errorf("--duration %v: want a positive duration", cfg.Duration)}
	}
	if c.Bool("quick") {
		if !c.IsSet("repeats") {
			cfg.Repeats = quickRepeats
		}
		if !c.IsSet("duration") {
			cfg.Duration = quickDuration
		}
	}
	return cfg, nil
}

// signalDriver is the transport whose memory and signals are measured: the
// default one, where this system has it.
func signalDriver() driver.Driver {
	if runtime.GOOS == "linux" {
		return drivers["shm"](tcp.Config{})
	}
	return drivers["mem"](tcp.Config{})
}

// peerCommand is what limits starts this program with again, for the process at
// the other end of its signals.
const peerCommand = "limits-peer"

func limitsPeerCommand() *cli.Command {
	return &cli.Command{
		Name:   peerCommand,
		Hidden: true,
		Action: func(c *cli.Context) error {
			// An interrupt from the terminal reaches both processes; this one ends with
			// the other.
			return limits.Peer(context.WithoutCancel(c.Context), signalDriver(), os.Stdin, os.Stdout)
		},
	}
}
