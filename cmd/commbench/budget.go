package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/alltoall/model"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench"
)

// budgetFlags are those of sm that go with --hardware. The others are about a run.
var budgetFlags = []string{"preset", "nodes", "gpus-per-node", "experts", "topk", "topk-groups", "tokens", "hidden", "dtype", "seed", "routing",
	"algorithm", "op", "hardware", "kernels", "what-if", "sweep", "format", "output", "o", "quiet", "q"}

// budget is what sm --hardware prints.
type budget struct {
	h       *hardware.Hardware
	kernels *hardware.Profile
	load    model.Workload
	routing string
	*model.Curve
	closed *model.Budget // nil where there is no closed form
	whatIf []whatIf
}

// whatIf is the knee of other hardware.
type whatIf struct {
	changes string
	model.Point
	faster float64 // times
}

// drawn is how many tokens are drawn to see what a routing reaches: to half a percent.
const drawn = 16384

// chance is how much more than the mean the busiest rank may receive by chance: so many tokens
// are drawn for all ranks together, and a run has more.
const chance = 1.1

func runBudget(c *cli.Context) error {
	for _, name := range c.FlagNames() {
		if !slices.Contains(budgetFlags, name) {
			return usageError{fmt.Errorf("--%s is about a run, and --hardware runs nothing; see commbench sm --help", name)}
		}
	}
	report, formats := reportBudget, []string{"table", "json", "svg"}
	if c.IsSet("sweep") {
		report, formats = reportBudgets, formats[:2]
	}
	format, err := formatOf(c, formats...)
	if err != nil {
		return err
	}
	as, err := report(c)
	if err != nil {
		return err
	}
	out, err := openOutput(c.String("output"), "table", c.App.Writer)
	if err != nil {
		return err
	}
	return out.write(as[format])
}

// reportBudget predicts what the flags say, and returns how it is written in each format.
func reportBudget(c *cli.Context) (as map[string]func(io.Writer) error, err error) {
	b, err := newBudget(c)
	if err != nil {
		return nil, err
	}
	return map[string]func(io.Writer) error{
		"table": b.print,
		"svg":   b.svg,
		"json":  func(w io.Writer) error { return writeJSON(w, b.document()) },
	}, nil
}

// newBudget predicts what the flags say.
func newBudget(c *cli.Context) (*budget, error) {
	b := new(budget)
	var err error
	if b.h, err = hardware.Open(c.String("hardware")); err != nil {
		return nil, usageError{err}
	}
	if b.kernels, err = hardware.Kernels(kernelsOf(c)); err != nil {
		return nil, usageError{err}
	}
	cfg, err := config(c, c.String("op"))
	if err != nil {
		return nil, err
	}
	if err := b.take(c, cfg); err != nil {
		return nil, err
	}
	if b.Curve, err = b.load.Predict(b.h, b.kernels); err != nil {
		return nil, usageError{err}
	}
	for _, changes := range c.StringSlice("what-if") {
		if err := b.suppose(changes); err != nil {
			return nil, usageError{fmt.Errorf("--what-if: %w", err)}
		}
	}
	b.closed, _ = b.load.Budget(b.h, b.kernels) // an error says that there is none
	return b, nil
}

// kernelsOf is the kernels that were asked for, or those that are for the algorithm.
func kernelsOf(c *cli.Context) string {
	if !c.IsSet("kernels") && plan.Algorithm(c.String("algorithm")) == plan.AlgLowLatency {
		return "ll"
	}
	return c.String("kernels")
}

// take turns a benchmark's workload into the model's. What a token reaches is known of
// uniform routing, and else found out from tokens that are drawn.
func (b *budget) take(c *cli.Context, cfg bench.Config) error {
	if cfg.Tokens < 0 {
		cfg.Tokens = bench.DefaultTokens
	}
	b.load = model.Workload{Op: model.Op(cfg.Op), Algorithm: cfg.Algorithm, Nodes: cfg.Nodes, GPUsPerNode: cfg.GPUsPerNode,
		Experts: cfg.Experts, TopK: cfg.TopK, Tokens: cfg.Tokens, Hidden: cfg.Hidden, DType: cfg.DType}
	limited := cfg.TopKGroups > 0 && cfg.TopKGroups < cfg.Nodes
	b.routing = "uniform"
	if cfg.Routing == "uniform" || cfg.Routing == "" && !limited || cfg.Routing == "grouped" && !limited {
		return nil
	}
	recorded := strings.HasPrefix(cfg.Routing, "trace:")
	switch {
	case !recorded:
		if _, err := b.load.Predict(b.h, b.kernels); err != nil {
			return usageError{err} // before anything is drawn for it
		}
		cfg.Tokens = max(1, min(cfg.Tokens, drawn/(cfg.Nodes*cfg.GPUsPerNode)))
	case !c.IsSet("tokens"):
		cfg.Tokens = -1 // all that there are
	}
	cfg.Algorithm = "" // only what routing draws is asked for
	p, err := bench.Predict(c.Context, cfg)
	if err != nil {
		return plainly(err)
	}
	b.routing = p.Config.Routing
	if hottest := p.Skew.HotRank.OverMean; hottest > chance {
		b.load.Hottest = hottest
	}
	if recorded {
		b.load.Experts, b.load.TopK, b.load.Tokens = p.Config.Experts, p.Config.TopK, p.Config.Tokens
	}
	b.load.TokenNodes, b.load.TokenRanks = p.Skew.NodesPerToken, p.Skew.RanksPerToken
	return nil
}

// suppose predicts for the hardware with changes to it, separated by +.
func (b *budget) suppose(changes string) error {
	h, k, load := *b.h, *b.kernels, b.load
	for change := range strings.SplitSeq(changes, "+") {
		switch change {
		case "engine":
			k.Engine = true
		case "one-domain":
			load = load.OneDomain()
			h.ScaleUp.GPUs.Value = max(h.ScaleUp.GPUs.Value, float64(load.GPUsPerNode))
		default:
			err := hardware.Change(&h, &k, change)
			if errors.Is(err, hardware.ErrChange) {
				return fmt.Errorf("%w; or engine, or one-domain", err)
			}
			if err != nil {
				return err
			}
		}
	}
	c, err := load.Predict(&h, &k)
	if err != nil {
		return err
	}
	knee := c.Points[c.Knee]
	b.whatIf = append(b.whatIf, whatIf{changes, knee, b.Points[b.Knee].US / knee.US})
	return nil
}
