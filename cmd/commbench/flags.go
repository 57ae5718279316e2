package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/reports"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/mem"
	"github.com/commbench/commbench/transport/shm"
	"github.com/commbench/commbench/transport/tcp"
)

// drivers are the transports of this binary, by name.
var drivers = map[string]func(tcp.Config) driver.Driver{
	"mem": func(tcp.Config) driver.Driver { return mem.New() },
	"shm": func(tcp.Config) driver.Driver { return shm.New() },
	"tcp": func(c tcp.Config) driver.Driver { return tcp.New(c) },
}

const driverNames = "mem, shm or tcp"

// Flag categories, in the order in which help prints them.
const (
	workloadFlags = "1. Workload"
	routingFlags  = "2. Routing"
	runFlags      = "3. Run"
	processFlags  = "4. Processes and network"
	outputFlags   = "5. Output"
)

func intFlag(name, category string, def int, usage string) cli.Flag {
	return &cli.IntFlag{Name: name, Category: category, Value: def, Usage: usage}
}

// benchFlags are the flags that dispatch, combine and roundtrip share.
func benchFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "preset", Category: workloadFlags, Usage: "start from a published `WORKLOAD`: " + presetNames() + "; other flags override it"},
		intFlag("nodes", workloadFlags, 4, "nodes (scale-up domains)"),
		intFlag("gpus-per-node", workloadFlags, 8, "ranks of a node"),
		intFlag("experts", workloadFlags, 256, "experts, spread evenly over the ranks"),
		intFlag("topk", workloadFlags, 8, "experts that each token chooses"),
		intFlag("topk-groups", workloadFlags, 4, "nodes that a token may reach; 0 is no limit"),
		&cli.IntFlag{Name: "tokens", Category: workloadFlags, Value: bench.DefaultTokens, Usage: "tokens of each rank", DefaultText: "1024, or all of a trace"},
		intFlag("hidden", workloadFlags, 7168, "values of a token"),
		&cli.StringFlag{Name: "dtype", Category: workloadFlags, Value: "fp8", Usage: "`TYPE` that dispatch carries: fp8 (E4M3, an FP32 scale for 128 values) or bf16; combine carries bf16"},
		&cli.Uint64Flag{Name: "seed", Category: workloadFlags, Value: 1, Usage: "seed of routing and payload; the same seed gives the same bytes everywhere"},

		&cli.StringFlag{Name: "routing", Category: routingFlags, Usage: "which experts tokens choose, a `PATTERN`: uniform, grouped, zipf:1.2, lognormal:0.8, hot:1.5, balanced, load:FILE[:LAYER] or trace:FILE", DefaultText: "grouped where --topk-groups limits, else uniform"},
		&cli.Float64Flag{Name: "masked", Category: routingFlags, Usage: "`FRACTION` of choices that are masked (-1)"},
		&cli.BoolFlag{Name: "ragged", Category: routingFlags, Usage: "ranks hold unequal numbers of tokens, 0 to --tokens"},
		&cli.IntFlag{Name: "empty-ranks", Category: routingFlags, Usage: "`RANKS` that hold no token, chosen by the seed"},

		&cli.StringFlag{Name: "algorithm", Category: runFlags, Value: string(plan.AlgTwoHop), Usage: "`ALGORITHM`: two-hop, direct, alltoall, low-latency or pxn"},
		&cli.StringFlag{Name: "baseline", Category: runFlags, Value: string(plan.AlgAllToAll), Usage: "`ALGORITHM` to compare with, or none"},
		&cli.StringFlag{Name: "transport", Category: runFlags, Value: "shm", Usage: "transport of both hops: " + driverNames, DefaultText: "shm; tcp between nodes where the processes are on several hosts"},
		&cli.StringFlag{Name: "scale-up", Category: runFlags, Usage: "`TRANSPORT` within a node", DefaultText: "--transport"},
		&cli.StringFlag{Name: "scale-out", Category: runFlags, Usage: "`TRANSPORT` between nodes", DefaultText: "--transport"},
		intFlag("channels", runFlags, bench.DefaultChannels, "parallel streams of a rank"),
		intFlag("chunk", runFlags, bench.DefaultChunk, "tokens between two signals of a stream"),
		&cli.IntFlag{Name: "workers", Category: runFlags, Usage: "threads that step the ranks' roles, the host's SM budget", DefaultText: "the cores that may be used"},
		&cli.BoolFlag{Name: "pin", Category: runFlags, Usage: "tie each worker to a core, and on machines with several memory nodes each rail's memory to its workers' node"},
		intFlag("warmup", runFlags, bench.DefaultWarmup, "iterations before those that count; combines warm up before each of two blocks"),
		intFlag("iters", runFlags, bench.DefaultIterations, "iterations that count; before each the limit is sampled, which takes some 10 ms more"),
		&cli.DurationFlag{Name: "timeout", Category: runFlags, Value: bench.DefaultTimeout, Usage: "give up when nothing moves for this long"},
		&cli.StringFlag{Name: "check", Category: runFlags, Value: string(bench.CheckLast), Usage: "`WHICH` iterations are compared with the reference: none, last or all"},

		&cli.StringFlag{Name: "format", Category: outputFlags, Value: "table", Usage: "`FORMAT`: " + strings.Join(reports.Formats(), ", ")},
		&cli.StringFlag{Name: "output", Category: outputFlags, Aliases: []string{"o"}, Usage: "write the result to `FILE`, not to standard output; jsonl is appended, others replace it"},
		&cli.BoolFlag{Name: "quiet", Category: outputFlags, Aliases: []string{"q"}, Usage: "show no progress"},
	}
}

// noArguments refuses what is neither a flag nor the value of one.
func noArguments(c *cli.Context) error {
	if c.Args().Present() {
		return usageError{fmt.Errorf("unexpected argument %q; see %s --help", c.Args().First(), c.Command.HelpName)}
	}
	return nil
}

// yamlName refuses a name of a file that could not be read again, if the flag is given.
func yamlName(c *cli.Context, flag string) error {
	if ext := filepath.Ext(c.String(flag)); c.IsSet(flag) && ext != ".yaml" && ext != ".yml" {
		return usageError{fmt.Errorf("--%s %s: want a name that ends in .yaml, as --hardware and --kernels take it", flag, c.String(flag))}
	}
	return nil
}

// config turns flags into a benchmark.
func config(c *cli.Context, op string) (bench.Config, error) {
	cfg := bench.Config{
		Op: op, Version: version, Preset: c.String("preset"),
		Algorithm: plan.Algorithm(c.String("algorithm")), Baseline: plan.Algorithm(c.String("baseline")),
		Nodes: c.Int("nodes"), GPUsPerNode: c.Int("gpus-per-node"), Experts: c.Int("experts"),
		TopK: c.Int("topk"), TopKGroups: c.Int("topk-groups"), Tokens: c.Int("tokens"), Hidden: c.Int("hidden"), Seed: c.Uint64("seed"),
		Routing: c.String("routing"), Masked: c.Float64("masked"), Ragged: c.Bool("ragged"), EmptyRanks: c.Int("empty-ranks"),
		Bias: c.Int("bias"), Expand: c.Bool("expand"), Alignment: c.Int("expert-alignment"), Cached: c.Bool("cached"),
		Channels: c.Int("channels"), Chunk: c.Int("chunk"), Workers: c.Int("workers"), Pin: c.Bool("pin"),
		Warmup: c.Int("warmup"), Iterations: c.Int("iters"), Timeout: c.Duration("timeout"), Check: bench.Check(c.String("check")),
	}
	if err := noArguments(c); err != nil {
		return cfg, err
	}
	if cfg.Baseline == "none" {
		cfg.Baseline = ""
	}
	switch {
	case !c.IsSet("tokens"):
		cfg.Tokens = -1
	case cfg.Tokens < 0:
		return cfg, usageError{fmt.Errorf("--tokens %d: want at least 0", cfg.Tokens)}
	}
	// A zero that was asked for is not a default. The workers of sm are a list.
	for _, name := range []string{"channels", "chunk", "workers", "expert-alignment"} {
		if n, ok := c.Value(name).(int); ok && c.IsSet(name) && n < 1 {
			return cfg, usageError{fmt.Errorf("--%s %d: want at least 1", name, n)}
		}
	}
	if c.IsSet("timeout") && c.Duration("timeout") < time.Millisecond {
		return cfg, usageError{fmt.Errorf("--timeout %v: want at least 1ms", c.Duration("timeout"))}
	}
	var err error
	if cfg.DType, err = plan.ParseDType(c.String("dtype")); err != nil {
		return cfg, usageError{fmt.Errorf("--dtype %q: want fp8 or bf16", c.String("dtype"))}
	}
	return cfg, applyPreset(&cfg, c)
}
