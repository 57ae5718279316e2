package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/sim"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/simulate"
	"github.com/commbench/commbench/reports"
)

func simCommand() *cli.Command {
	return &cli.Command{
		Name:  "sim",
		Usage: "simulate dispatch or combine on hardware that one need not own",
		Description: "Plays the plans of all ranks in virtual time: SMs that run roles chunk by chunk, rings with\n" +
			"credits or room for all, NICs, scale-up ports, leaf switches, latencies. Nothing is moved. The\n" +
			"result is a record as a run has, with \"simulated\" as its source; equal flags give equal figures.\n" +
			"How, and how near to measurements: docs/model.md. commbench hardware list says what hardware there is.\n\n" +
			"Examples:\n" +
			"  commbench sim dispatch --hardware h800 --nodes 4\n" +
			"  commbench sim combine --hardware h100 --nodes 8 --baseline alltoall\n" +
			"  commbench sim dispatch --hardware h800 --nodes 256 --experts 2048",
		HideHelpCommand: true,
		Subcommands:     []*cli.Command{simOp(record.Dispatch), simOp(record.Combine)},
		OnUsageError:    usage,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usageError{fmt.Errorf("sim %s: want dispatch or combine; see commbench sim --help", c.Args().First())}
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

func simOp(op string) *cli.Command {
	return &cli.Command{
		Name:  op,
		Usage: "simulate " + op,
		Description: "Examples:\n" +
			"  commbench sim " + op + " --hardware h800 --nodes 4 --kernels v1 --sms 20\n" +
			"  commbench sim " + op + " --hardware h800 --sweep nodes=1,2,4,8,16,32\n" +
			"  commbench sim " + op + " --hardware h800 --kernels v1 --sweep sms=4,8,12,16,20,24\n" +
			"  commbench sim " + op + " --hardware h100 --slow-rank 5:0.5 --slow-link 3-11:0.1\n" +
			"  commbench sim " + op + " --hardware my.yaml --routing zipf:0.8 --format json\n\n" +
			"Presets:" + presetHelp(),
		Flags:        simFlags(),
		Action:       runSim(op),
		OnUsageError: usage,
	}
}

// simulated are the flags of dispatch that say what a simulation moves.
var simulated = []string{"preset", "nodes", "gpus-per-node", "experts", "topk", "topk-groups", "tokens", "hidden", "dtype", "seed",
	"routing", "masked", "ragged", "empty-ranks", "algorithm", "format", "output", "quiet"}

func simFlags() []cli.Flag {
	flags := slices.DeleteFunc(benchFlags(), func(f cli.Flag) bool { return !slices.Contains(simulated, f.Names()[0]) })
	return append(flags,
		&cli.StringFlag{Name: "hardware", Category: runFlags, Usage: "a `NAME` of the catalogue or a FILE.yaml"},
		&cli.StringFlag{Name: "kernels", Category: runFlags, Value: "v2", Usage: "`GENERATION` of kernels: " + strings.Join(hardware.Profiles(), ", ") + ", or a FILE.yaml"},
		&cli.StringFlag{Name: "baseline", Category: runFlags, Usage: "`ALGORITHM` to compare with"},
		&cli.IntFlag{Name: "sms", Category: runFlags, Usage: "SMs of each GPU", DefaultText: "the fewest within 2 % of the best time, as sm --hardware has it"},
		&cli.IntFlag{Name: "chunk", Category: runFlags, Usage: "tokens between two signals of a channel", DefaultText: "the kernels' own"},
		&cli.IntFlag{Name: "ring", Category: runFlags, Usage: "rows of a channel's ring from each peer", DefaultText: "the kernels' own"},
		&cli.StringSliceFlag{Name: "slow-rank", Category: runFlags, Usage: "`RANK:SHARE` of its SMs' speed, as 5:0.5; may be repeated"},
		&cli.StringSliceFlag{Name: "slow-link", Category: runFlags, Usage: "`RANK-RANK:SHARE` of a port's rate, as 3-7:0.1, both ways; may be repeated"},
		&cli.Float64Flag{Name: "jitter", Category: runFlags, Usage: "each step and latency takes up to `TIMES` as much more, drawn by the seed"},
		&cli.StringFlag{Name: "sweep", Category: runFlags, Usage: "`FLAG=LIST` of values, a record each: nodes=1,2,4,8"})
}

// simSwept are the flags that --sweep of sim may name.
var simSwept = append(slices.DeleteFunc(slices.Clone(swept), func(name string) bool { return name == "op" }), "sms", "chunk", "ring", "jitter", "seed")

func runSim(op string) cli.ActionFunc {
	return func(c *cli.Context) error {
		if err := noArguments(c); err != nil {
			return err
		}
		if !c.IsSet("hardware") {
			return usageError{errors.New("--hardware: want a name of commbench hardware list, or a FILE.yaml")}
		}
		flag, values := "", []string{""}
		if c.IsSet("sweep") {
			var err error
			if flag, values, err = sweepOf(c, simSwept); err != nil {
				return err
			}
		}
		out, err := openOutput(c.String("output"), c.String("format"), c.App.Writer)
		if err != nil {
			return err
		}
		recs, err := simulateAll(c, op, flag, values)
		return out.finish(len(recs) > 0, err, func(w io.Writer) error {
			return reports.Write(w, c.String("format"), recs, &reports.Options{Meaning: simMeaning})
		})
	}
}

// simMeaning explains what the figures count.
var simMeaning = []string{
	"Time is the slowest rank's, in virtual time, from the common start; notify and epilogue are apart. Logical counts the",
	"own node's and the rank's own tokens, as DeepEP does; wire does not. Busy is the share of the time, a mean over ranks.",
}

// simulateAll makes the records of a sweep; one value where there is none. What was simulated
// before an error is returned with it.
func simulateAll(c *cli.Context, op, flag string, values []string) (recs []record.Record, err error) {
	show := newProgress(c.App.ErrWriter, c.Bool("quiet"))
	defer show.clear()
	for _, v := range values {
		if flag != "" {
			if err := c.Set(flag, v); err != nil {
				return recs, usageError{fmt.Errorf("--sweep: --%s %q: %w", flag, v, err)}
			}
		}
		cfg, err := simConfig(c, op)
		if err == nil {
			cfg.Progress = show.update
			var more []record.Record
			more, err = simulate.Run(c.Context, cfg)
			recs = append(recs, more...)
		}
		if err != nil && flag != "" {
			err = fmt.Errorf("--sweep: --%s %s: %w", flag, v, err)
		}
		if err != nil {
			return recs, err
		}
	}
	return recs, nil
}

// simConfig turns flags into a simulation.
func simConfig(c *cli.Context, op string) (s simulate.Config, err error) {
	if s.Config, err = config(c, op); err != nil {
		return s, err
	}
	if s.Baseline != "" && !slices.Contains(plan.Algorithms, s.Baseline) {
		return s, usageError{fmt.Errorf("--baseline %q: want one of %v", s.Baseline, plan.Algorithms)}
	}
	s.SMs, s.Ring, s.Jitter = c.Int("sms"), c.Int("ring"), c.Float64("jitter")
	for _, name := range []string{"sms", "chunk", "ring"} {
		if c.IsSet(name) && c.Int(name) < 1 {
			return s, usageError{fmt.Errorf("--%s %d: want at least 1", name, c.Int(name))}
		}
	}
	if s.Hardware, err = hardware.Open(c.String("hardware")); err != nil {
		return s, usageError{err}
	}
	if s.Kernels, err = hardware.Kernels(kernelsOf(c)); err != nil {
		return s, usageError{err}
	}
	for _, text := range c.StringSlice("slow-rank") {
		rank, share, ok := cutShare(text)
		r, err := strconv.Atoi(rank)
		if !ok || err != nil {
			return s, usageError{fmt.Errorf("--slow-rank %q: want RANK:SHARE, as 5:0.5", text)}
		}
		s.SlowRanks = append(s.SlowRanks, sim.SlowRank{Rank: r, Share: share})
	}
	for _, text := range c.StringSlice("slow-link") {
		ranks, share, ok := cutShare(text)
		one, other, _ := strings.Cut(ranks, "-")
		a, err := strconv.Atoi(one)
		b, err2 := strconv.Atoi(other)
		if !ok || err != nil || err2 != nil {
			return s, usageError{fmt.Errorf("--slow-link %q: want RANK-RANK:SHARE, as 3-7:0.1", text)}
		}
		s.SlowLinks = append(s.SlowLinks, sim.SlowLink{A: a, B: b, Share: share})
	}
	return s, nil
}

// cutShare takes the share behind the colon off.
func cutShare(text string) (before string, share float64, ok bool) {
	before, after, ok := strings.Cut(text, ":")
	share, err := strconv.ParseFloat(after, 64)
	return before, share, ok && err == nil
}
