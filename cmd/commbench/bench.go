package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/job"
	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/reports"
	"github.com/commbench/commbench/transport/tcp"
)

// runBench is the action of dispatch, combine and roundtrip.
func runBench(op string) cli.ActionFunc {
	return func(c *cli.Context) error {
		cfg, err := config(c, op)
		if err != nil {
			return err
		}
		network, err := networkOf(c)
		if err != nil {
			return err
		}
		if _, _, err := transports(c, 1); err != nil {
			return err // before others are waited for
		}
		if err := checkWatch(c); err != nil {
			return err
		}
		j, err := joinJob(c, &cfg, &network)
		if err != nil {
			return err
		}
		return conclude(c, j, func(ctx context.Context) error { return runJoined(ctx, c, cfg, network, j) })
	}
}

// runJoined runs the benchmark, and reports it if that is for this process to do.
func runJoined(ctx context.Context, c *cli.Context, cfg bench.Config, network tcp.Config, j *job.Job) error {
	if err := connect(c, &cfg, network, j); err != nil {
		return err
	}
	watchHost(c, &cfg, j)
	sabotage(&cfg)
	if j != nil && j.Process() > 0 {
		_, err := bench.Run(ctx, cfg)
		return err
	}
	out, err := openOutput(c.String("output"), c.String("format"), c.App.Writer)
	if err != nil {
		cfg.Watch.Stop()
		return err
	}
	show := newProgress(c.App.ErrWriter, c.Bool("quiet"))
	cfg.Progress = show.update
	result, runErr := bench.Run(ctx, cfg)
	show.clear()
	if spec := c.String("fault"); spec != "" {
		for i := range result.Records {
			result.Records[i].Warnings = append(result.Records[i].Warnings, "faults were injected: "+spec)
		}
	}
	err = out.finish(len(result.Records) > 0, runErr, func(w io.Writer) error {
		return reports.Write(w, c.String("format"), result.Records, &reports.Options{Meaning: result.Meaning})
	})
	broken := judge.Broken(result.Records)
	warnOf(c, tableShown(c), broken)
	return strictly(c, err, broken)
}

// sabotage is for tests, which have processes fail in the middle of a run.
var sabotage = func(*bench.Config) {}

// plainly says what an interrupt is. Data that were found wrong before it are
// not forgotten.
func plainly(err error) error {
	switch {
	case !errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, bench.ErrWrong):
		return fmt.Errorf("%w; %w", errInterrupted, bench.ErrWrong)
	}
	return errInterrupted
}

var errInterrupted = job.ErrInterrupted

func dispatchCommand() *cli.Command {
	return &cli.Command{
		Name:  "dispatch",
		Usage: "measure dispatch: tokens to the ranks of their experts",
		Description: "Runs the two-hop dispatch and, in turn with it, the flat all-to-all on the same routing.\n\n" +
			"Examples:\n" +
			"  commbench dispatch --nodes 4 --experts 256\n" +
			"  commbench dispatch --preset v3-train --tokens 256\n" +
			"  commbench dispatch --nodes 8 --routing zipf:0.8 --ragged --check all\n" +
			"  commbench dispatch --routing trace:choices.jsonl.gz --format json\n" +
			"  commbench dispatch --procs node --scale-out tcp\n" +
			"  mpirun -n 4 commbench dispatch --nodes 4\n\n" +
			"Presets:" + presetHelp(),
		Flags: append(jobFlags(),
			&cli.BoolFlag{Name: "cached", Category: runFlags, Usage: "reuse the first iteration's handle: no layout and no notify"},
			&cli.BoolFlag{Name: "expand", Category: runFlags, Usage: "lay received tokens out by expert as well (two-hop and direct), timed apart"},
			intFlag("expert-alignment", runFlags, 1, "rows of an expert start at a multiple of this, in layouts by expert")),
		Action:       runBench("dispatch"),
		OnUsageError: usage,
	}
}

func biasFlag() cli.Flag {
	return intFlag("bias", workloadFlags, 0, "bias tensors that combine adds, 0 to 2")
}

func combineCommand() *cli.Command {
	return &cli.Command{
		Name:  "combine",
		Usage: "measure combine: expert outputs back to their tokens, added up",
		Description: "Runs the two-hop combine and, in turn with it, the flat all-to-all's way back.\n\n" +
			"Examples:\n" +
			"  commbench combine --nodes 4 --experts 256\n" +
			"  commbench combine --preset v3-decode --bias 1 --algorithm direct\n\n" +
			"Presets:" + presetHelp(),
		Flags:        append(jobFlags(), biasFlag()),
		Action:       runBench("combine"),
		OnUsageError: usage,
	}
}

func roundtripCommand() *cli.Command {
	return &cli.Command{
		Name:  "roundtrip",
		Usage: "measure dispatch and the combine that answers it",
		Description: "Dispatches, lets stand-in experts make outputs of what arrived, and combines those. A byte\n" +
			"that dispatch gets wrong is therefore wrong in the combined tokens as well.\n\n" +
			"Examples:\n" +
			"  commbench roundtrip --nodes 4 --experts 256\n" +
			"  commbench roundtrip --preset v3-decode --check all --format jsonl -o runs.jsonl\n\n" +
			"Presets:" + presetHelp(),
		Flags: append(jobFlags(), biasFlag(),
			&cli.BoolFlag{Name: "cached", Category: runFlags, Usage: "reuse the first iteration's handle: no layout and no notify"}),
		Action:       runBench("roundtrip"),
		OnUsageError: usage,
	}
}
