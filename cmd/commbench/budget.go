package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/alltoall/model"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/unit"
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
	kernels := c.String("kernels")
	if !c.IsSet("kernels") && plan.Algorithm(c.String("algorithm")) == model.LowLatency {
		kernels = "ll"
	}
	if b.kernels, err = hardware.Kernels(kernels); err != nil {
		return nil, usageError{err}
	}
	cfg, err := config(c, c.String("op"))
	if err != nil {
		return nil, err
	}
	if cfg.DType, err = plan.ParseDType(c.String("dtype")); err != nil {
		return nil, usageError{fmt.Errorf("--dtype %q: want fp8 or bf16", c.String("dtype"))}
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
			if err := hardware.Change(&h, &k, change); err != nil {
				return fmt.Errorf("%w; or engine, or one-domain", err)
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

func (b *budget) print(w io.Writer) error {
	var t bytes.Buffer
	l := &b.load
	dtype := l.DType
	if l.Op == model.Combine {
		dtype = plan.BF16
	}
	fmt.Fprintf(&t, "commbench sm: %s by %s, predicted   %s x %s = %s of %s\n", l.Op, l.Algorithm,
		unit.Counted(int64(l.Nodes), "node"), unit.Counted(int64(l.GPUsPerNode), "GPU"), unit.Counted(int64(l.Nodes*l.GPUsPerNode), "rank"), b.h.Title)
	fmt.Fprintf(&t, "workload    %s tokens/rank, hidden %d, %v = %v/token, %s experts, top-%d\n", unit.Count(int64(l.Tokens)), l.Hidden, dtype,
		unit.Bytes(int64(b.Bytes)), unit.Count(int64(l.Experts)), l.TopK)
	fmt.Fprintf(&t, "routing     %s: %s nodes and %s ranks a token\n", b.routing, unit.Number(b.TokenNodes), unit.Number(b.TokenRanks))
	fmt.Fprintf(&t, "kernels     %s: %s\n\n", b.kernels.Name, b.kernels.Title)

	const line = "%5s%12s%11s%11s  %-11s"
	fmt.Fprintf(&t, line+"\n", "", "", "scale-out", "scale-up", "")
	fmt.Fprintf(&t, line+"\n", "SMs", "time, us", "GB/s", "GB/s", "bound by")
	most := b.Points[len(b.Points)-1].Up
	for _, i := range b.shown() {
		p := &b.Points[i]
		fmt.Fprintf(&t, line+"%s", unit.Count(int64(p.SMs)), numeral(p.US), unit.Opt(b.out(p), unit.Number), unit.Number(p.Up), p.Bound, strings.Repeat("#", int(40*p.Up/most)))
		if i == b.Knee && !b.kernels.LowLatency {
			t.WriteString(" <- knee")
		}
		t.WriteByte('\n')
	}
	t.WriteByte('\n')
	for _, remark := range b.remarks() {
		fmt.Fprintln(&t, remark)
	}
	_, err := w.Write(t.Bytes())
	return err
}

// out is nil on one node, where nothing crosses scale-out.
func (b *budget) out(p *model.Point) *float64 {
	if b.load.Nodes == 1 {
		return nil
	}
	return &p.Out
}

// mostRows is how many numbers of SMs up to twice the knee's a person is shown.
const mostRows = 16

// shown are the points for people: evenly up to twice the knee, the knee, and the last.
func (b *budget) shown() (at []int) {
	end := min(2*b.Knee+2, len(b.Points))
	stride := (end + mostRows - 1) / mostRows
	for i := range end {
		if (i+1)%stride == 0 || i == b.Knee {
			at = append(at, i)
		}
	}
	if last := len(b.Points) - 1; at[len(at)-1] != last {
		at = append(at, last)
	}
	return at
}

func (b *budget) remarks() (all []string) {
	knee, last := &b.Points[b.Knee], &b.Points[len(b.Points)-1]
	if b.kernels.LowLatency {
		all = append(all, fmt.Sprintf("%d SMs of %d: as many as %s take; not to be chosen", knee.SMs, b.h.SMs(), unit.Counted(int64(b.load.Experts), "expert")))
		return append(all, b.others()...)
	}
	said := fmt.Sprintf("knee: %s of %d, the fewest whose time is within 2 %% of the best", unit.Counted(int64(knee.SMs), "SM"), b.h.SMs())
	if last.Bound == model.SMs {
		said += "; more would still help"
	} else {
		said += fmt.Sprintf("; fewer are bound by their own work, more by %s", last.Bound)
	}
	all = append(all, said)
	return append(all, b.others()...)
}

// others are the remarks that are not about the knee.
func (b *budget) others() (all []string) {
	for _, i := range b.whatIf {
		all = append(all, fmt.Sprintf("what if %s: %s and %s us, %s as fast; bound by %s", i.changes, unit.Counted(int64(i.SMs), "SM"), numeral(i.US),
			unit.Ratio(i.faster), i.Bound))
	}
	if c := b.closed; c != nil {
		all = append(all, fmt.Sprintf("closed form: %s, which is %s with a margin of %s, at least %s, in multiples of %s", unit.Counted(int64(c.SMs), "SM"),
			unit.Number(c.Raw), number(b.kernels.Margin), number(b.kernels.Least), number(b.kernels.Step)))
	}
	if b.EpilogueUS > 0 {
		all = append(all, fmt.Sprintf("epilogue: %v more with all SMs, for copies into tensors or last sums, which are a kernel of their own", unit.Micros(b.EpilogueUS)))
	}
	if hot := b.load.Hottest; hot > 0 {
		all = append(all, fmt.Sprintf("skew: the busiest rank receives %s the mean, and all wait for it", unit.Ratio(hot)))
	}
	return append(all, "GB/s count payload and scales, the own node's and the rank's own too; notify is not in the time. Assumptions: docs/model.md")
}

// document is the prediction for machines. Rates are GB/s, times microseconds.
func (b *budget) document() any {
	type point struct {
		SMs   int      `json:"sms"`
		US    float64  `json:"time_us"`
		Bound string   `json:"bound"`
		Out   *float64 `json:"scale_out_logical_gbps"`
		Up    float64  `json:"scale_up_logical_gbps"`
	}
	type closed struct {
		SMs   int     `json:"sms"`
		Raw   float64 `json:"raw"`
		Bound string  `json:"bound"`
	}
	type other struct {
		Changes string  `json:"changes"`
		SMs     int     `json:"knee_sms"`
		US      float64 `json:"time_us"`
		Faster  float64 `json:"times_as_fast"`
		Bound   string  `json:"bound"`
	}
	l := &b.load
	d := struct {
		Schema    string         `json:"schema"`
		Version   string         `json:"version"`
		Source    string         `json:"source"`
		Op        string         `json:"op"`
		Algorithm string         `json:"algorithm"`
		Hardware  string         `json:"hardware"`
		Kernels   string         `json:"kernels"`
		Cluster   map[string]int `json:"cluster"`
		Workload  map[string]any `json:"workload"`
		Points    []point        `json:"points"`
		Knee      int            `json:"knee_sms"`
		Of        int            `json:"sms_of_gpu"`
		Epilogue  *float64       `json:"epilogue_us"`
		Closed    *closed        `json:"closed_form"`
		WhatIf    []other        `json:"what_if"`
	}{"commbench.budget/v1", version, "model", string(l.Op), string(l.Algorithm), b.h.Name, b.kernels.Name,
		map[string]int{"nodes": l.Nodes, "gpus_per_node": l.GPUsPerNode, "ranks": l.Nodes * l.GPUsPerNode},
		map[string]any{"tokens": l.Tokens, "hidden": l.Hidden, "experts": l.Experts, "topk": l.TopK, "dtype": l.DType.String(), "routing": b.routing,
			"hottest_rank_over_mean": max(b.load.Hottest, 1), "nodes_per_token": b.TokenNodes, "ranks_per_token": b.TokenRanks, "bytes_per_token": b.Bytes},
		nil, b.Points[b.Knee].SMs, b.h.SMs(), nil, nil, []other{}}
	for i := range b.Points {
		p := &b.Points[i]
		d.Points = append(d.Points, point{p.SMs, p.US, string(p.Bound), b.out(p), p.Up})
	}
	if b.EpilogueUS > 0 {
		d.Epilogue = &b.EpilogueUS
	}
	for _, i := range b.whatIf {
		d.WhatIf = append(d.WhatIf, other{i.changes, i.SMs, i.US, i.faster, string(i.Bound)})
	}
	if c := b.closed; c != nil {
		d.Closed = &closed{c.SMs, c.Raw, string(c.Bound)}
	}
	return d
}
