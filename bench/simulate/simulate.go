package simulate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/alltoall/model"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/sim"
	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/record"
)

// Config is a benchmark on other hardware. Of the bench.Config only the workload, the
// algorithms, Chunk and Progress count. Chunk and Ring are the kernels' own where they are 0.
type Config struct {
	bench.Config
	Hardware *hardware.Hardware
	Kernels  *hardware.Profile

	SMs  int // of each GPU; 0: the fewest within 2 % of the best time, as the model has it
	Ring int

	SlowRanks []sim.SlowRank
	SlowLinks []sim.SlowLink
	Jitter    float64
}

// Run simulates the operation by the algorithm and, where there is one, by the baseline. It
// returns what it has, and the error is a *bench.InputError, or the cause of ctx.
func Run(ctx context.Context, c Config) ([]record.Record, error) {
	p, err := bench.Predict(ctx, c.Config)
	if err != nil {
		return nil, err
	}
	algorithms := []plan.Algorithm{p.Config.Algorithm}
	if c.Baseline != "" && c.Baseline != p.Config.Algorithm {
		algorithms = append(algorithms, c.Baseline)
	}
	var recs []record.Record
	for _, alg := range algorithms {
		rec, err := c.one(ctx, p, alg)
		if err != nil {
			return recs, err
		}
		recs = append(recs, rec)
	}
	if len(recs) == 2 {
		err = p.Compare(&recs[0], &recs[1])
	}
	return recs, err
}

// one simulates one algorithm.
func (c *Config) one(ctx context.Context, p *bench.Prediction, alg plan.Algorithm) (rec record.Record, err error) {
	start := time.Now()
	s, err := c.simulation(p, alg)
	if err != nil {
		return rec, &bench.InputError{Err: err}
	}
	if err := p.Fits(alg, s.Plan.Channels); err != nil {
		return rec, err
	}
	stage := fmt.Sprintf("simulating %s %s, in thousands of rows", alg, p.Config.Op)
	c.progress(stage, 0, 0)
	s.Progress = func(done, total int64) { c.progress(stage, int(done/1000), int(total/1000)) }
	plans, err := plan.Build(alg, s.Plan, p.Tables())
	if err != nil {
		return rec, &bench.InputError{Err: err}
	}
	if err := context.Cause(ctx); err != nil {
		return rec, err
	}
	if !slices.ContainsFunc(plans, func(p plan.Plan) bool { return p.RecvRows() > 0 }) {
		return rec, &bench.InputError{Err: errors.New("no token goes anywhere: there is nothing to simulate")}
	}
	r, err := sim.Run(ctx, s, plans)
	if cause := context.Cause(ctx); cause != nil {
		return rec, cause
	}
	if err != nil {
		return rec, &bench.InputError{Err: err}
	}
	out := bench.Elsewhere{Source: record.Simulated, Algorithm: alg, Ledgers: r.Ledgers, Row: s.Row,
		Slowest: r.US, Fastest: slices.Min(r.Ranks)}
	if alg != plan.AlgLowLatency {
		out.Notify = &r.NotifyUS
	}
	if r.EpilogueUS > 0 {
		out.Epilogue = &r.EpilogueUS
	}
	out.Seconds = time.Since(start).Seconds()
	if rec, err = p.Record(&out); err != nil {
		return rec, err
	}
	rec.Exec.Channels, rec.Exec.Chunk = &s.Plan.Channels, &s.Plan.Chunk
	rec.Simulation = &record.Simulation{Hardware: s.Hardware.Name, Kernels: s.Kernels.Name, SMs: s.SMs, Jitter: s.Jitter,
		BarrierUS: r.BarrierUS, Busy: record.Busy(r.Busy), Events: r.Events,
		SlowRanks: []string{}, SlowLinks: []string{}}
	if s.Ring > 0 {
		rec.Simulation.Ring = &s.Ring
	}
	for _, x := range s.SlowRanks {
		rec.Simulation.SlowRanks = append(rec.Simulation.SlowRanks, fmt.Sprintf("%d:%v", x.Rank, x.Share))
	}
	for _, x := range s.SlowLinks {
		rec.Simulation.SlowLinks = append(rec.Simulation.SlowLinks, fmt.Sprintf("%d-%d:%v", x.A, x.B, x.Share))
	}
	return rec, nil
}

func (c *Config) progress(stage string, done, all int) {
	if c.Progress != nil {
		c.Progress(bench.Progress{Stage: stage, Done: done, All: all})
	}
}

// simulation is what is simulated, with everything filled in that has a default. It is checked
// before anything is planned for it.
func (c *Config) simulation(p *bench.Prediction, alg plan.Algorithm) (s sim.Config, err error) {
	b := &p.Config
	s = sim.Config{Hardware: c.Hardware, Kernels: c.Kernels, Combine: b.Op == record.Combine, SMs: c.SMs, Ring: c.Ring,
		SlowRanks: c.SlowRanks, SlowLinks: c.SlowLinks, Jitter: c.Jitter, Seed: b.Seed}
	s.Row = alg.DispatchRow(b.DType, b.Hidden, b.TopK)
	if s.Combine {
		s.Row = alg.CombineRow(b.Hidden, b.TopK)
	}
	if s.SMs == 0 {
		if s.SMs, err = c.knee(p, alg); err != nil {
			return s, err
		}
	}
	if s.Ring == 0 {
		s.Ring = int(c.Kernels.Ring.Value)
	}
	s.Plan = plan.Config{Place: p.Place, TopK: b.TopK, Channels: sim.Channels(c.Kernels, s.SMs), Chunk: c.Chunk, Rounds: 1, Mirrored: true}
	for _, t := range p.Tables() {
		s.Plan.MaxTokens = max(s.Plan.MaxTokens, t.Tokens)
	}
	if s.Plan.Chunk == 0 {
		s.Plan.Chunk = s.Chunk()
	}
	return s, s.Configuration()
}

// knee is how many SMs the model would give to the algorithm.
func (c *Config) knee(p *bench.Prediction, alg plan.Algorithm) (int, error) {
	b := &p.Config
	if p.Place.Ranks() == 1 { // of which the model has nothing to say
		return int(max(c.Kernels.Least.Value, c.Kernels.Step.Value)), nil
	}
	w := model.Workload{Op: model.Op(b.Op), Algorithm: alg, Nodes: b.Nodes, GPUsPerNode: b.GPUsPerNode, Experts: b.Experts, TopK: b.TopK,
		Tokens: max(1, b.Tokens), Hidden: b.Hidden, DType: b.DType, TokenNodes: p.Skew.NodesPerToken, TokenRanks: p.Skew.RanksPerToken}
	curve, err := w.Predict(c.Hardware, c.Kernels)
	if err != nil {
		return 0, err
	}
	return curve.Points[curve.Knee].SMs, nil
}
