package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/reports"
	"github.com/commbench/commbench/transport/tcp"
)

func smCommand() *cli.Command {
	return &cli.Command{
		Name:  "sm",
		Usage: "find how many SMs an operation needs: measured by workers here, or predicted for hardware",
		Description: "With --measured: runs a dispatch or a combine with 1, 2, 3, 4, 6, 8, ... workers, which stand for the SMs that\n" +
			"it would take from a GPU, in turn over one set of ranks, each beside the limit of as many workers.\n" +
			"The knee is the fewest workers whose median time is within 2 % of the best.\n\n" +
			"With --hardware: predicts the time and GB/s of so many SMs on a GPU that one need not own, and\n" +
			"what bounds them, as --format table, json or svg; with --kernels v2 also by the closed form of\n" +
			"DeepEP V2. Nothing is run. --algorithm takes low-latency too. How: docs/model.md.\n" +
			"commbench hardware list says what hardware there is.\n\n" +
			"Examples:\n" +
			"  commbench sm --measured\n" +
			"  commbench sm --measured --op combine --algorithm direct --tokens 256\n" +
			"  commbench sm --measured --workers 1,2,4 --format jsonl -o sweep.jsonl\n" +
			"  commbench sm --hardware h100 --nodes 4\n" +
			"  commbench sm --hardware h800 --kernels v1 --preset v3-train --op combine\n" +
			"  commbench sm --hardware h800 --what-if nic=2x --what-if engine+one-domain\n" +
			"  commbench sm --hardware h800 --format svg -o h800.svg\n" +
			"  commbench sm --hardware h800 --sweep nodes=1,2,4,8,16,32\n\n" +
			"Presets:" + presetHelp(),
		Flags:        smFlags(),
		Action:       runSM,
		OnUsageError: usage,
	}
}

// smFlags are dispatch's, but for those that a sweep has no use for or reads
// otherwise.
func smFlags() []cli.Flag {
	own := []string{"baseline", "workers", "warmup", "iters", "check"}
	flags := slices.DeleteFunc(slices.Concat(benchFlags(), watchFlags()), func(f cli.Flag) bool { return slices.Contains(own, f.Names()[0]) })
	return append(flags,
		biasFlag(),
		&cli.BoolFlag{Name: "measured", Category: runFlags, Usage: "measure on this host"},
		&cli.StringFlag{Name: "hardware", Category: runFlags, Usage: "predict for a `NAME` of the catalogue or a FILE.yaml"},
		&cli.StringFlag{Name: "kernels", Category: runFlags, Value: "v2", Usage: "`GENERATION` of kernels that --hardware predicts: v1, v2 or ll, of DeepEP, or a FILE.yaml", DefaultText: "v2; ll by low-latency"},
		&cli.StringSliceFlag{Name: "what-if", Category: runFlags, Usage: "with --hardware, `CHANGES` joined by +, whose knee is said too: nic=2x, scale-up=900, memory=2x, sms=2x, sm=2x, engine (no SMs do the work), one-domain (scale-up joins all ranks); may be repeated"},
		&cli.StringFlag{Name: "sweep", Category: runFlags, Usage: "with --hardware, a `FLAG=LIST` whose values make a table of knees: nodes=1,2,4,8"},
		&cli.StringFlag{Name: "op", Category: runFlags, Value: "dispatch", Usage: "`OPERATION`: dispatch or combine"},
		&cli.StringFlag{Name: "workers", Category: runFlags, Usage: "`LIST` of numbers of workers: 1,2,4", DefaultText: "1, 2, 3, 4, 6, 8, 12, ... up to --max-workers"},
		&cli.IntFlag{Name: "max-workers", Category: runFlags, Usage: "the largest number of workers", DefaultText: "twice the cores that may be used"},
		intFlag("warmup", runFlags, bench.DefaultWarmup, "iterations before those that count, with the largest number of workers"),
		intFlag("iters", runFlags, bench.DefaultIterations, "rounds that count, each an iteration of every number of workers"),
		&cli.StringFlag{Name: "check", Category: runFlags, Value: string(bench.CheckLast), Usage: "`WHICH` rounds are compared with the reference: none or last"})
}

func runSM(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	switch measured := c.Bool("measured"); {
	case measured == c.IsSet("hardware"):
		return usageError{errors.New("sm: want one of --measured, to run here, and --hardware NAME, to predict")}
	case measured && (c.IsSet("kernels") || c.IsSet("what-if") || c.IsSet("sweep")):
		return usageError{errors.New("--kernels, --what-if and --sweep are for --hardware")}
	case !measured:
		return runBudget(c)
	}
	cfg, err := config(c, c.String("op"))
	if err != nil {
		return err
	}
	options, err := sweepOptions(c)
	if err != nil {
		return err
	}
	if cfg.Op != "dispatch" && cfg.Op != "combine" {
		return usageError{fmt.Errorf("--op %q: want dispatch or combine", cfg.Op)}
	}
	if cfg.Bias != 0 && cfg.Op != "combine" {
		return usageError{fmt.Errorf("--bias %d: a %s adds nothing up; want --op combine with it", cfg.Bias, cfg.Op)}
	}
	if err := checkWatch(c); err != nil {
		return err
	}
	if err := connect(c, &cfg, tcp.Config{}, nil); err != nil {
		return err
	}
	out, err := openOutput(c.String("output"), c.String("format"), c.App.Writer)
	if err != nil {
		return err
	}
	watchHost(c, &cfg, nil)
	show := newProgress(c.App.ErrWriter, c.Bool("quiet"))
	cfg.Progress = show.update
	result, runErr := bench.Sweep(c.Context, cfg, options)
	show.clear()
	err = out.finish(len(result.Records) > 0, runErr, func(w io.Writer) error {
		return reports.WriteSweep(w, c.String("format"), reports.Sweep(result))
	})
	broken := judge.Broken(result.Records)
	warnOf(c, tableShown(c), broken)
	return strictly(c, err, broken)
}

// sweepOptions reads the numbers of workers; bench bounds them.
func sweepOptions(c *cli.Context) (o bench.SweepOptions, err error) {
	if c.IsSet("max-workers") {
		if o.Max = c.Int("max-workers"); o.Max < 1 {
			return o, usageError{fmt.Errorf("--max-workers %d: want at least 1", o.Max)}
		}
	}
	if !c.IsSet("workers") {
		return o, nil
	}
	if c.IsSet("max-workers") {
		return o, usageError{errors.New("--workers names the numbers of workers and --max-workers the largest: want one of the two")}
	}
	for part := range strings.SplitSeq(c.String("workers"), ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			return o, usageError{fmt.Errorf("--workers %q: want numbers of workers, such as 1,2,4", c.String("workers"))}
		}
		o.Workers = append(o.Workers, n)
	}
	return o, nil
}
