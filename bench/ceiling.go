package bench

import (
	"context"
	"time"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench/limits"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/stats"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/transport/isa"
)

// defaultLimitTime is how long one sample of a ceiling takes: many times what it costs
// to start the workers, and little beside an iteration.
const defaultLimitTime = 5 * time.Millisecond

// ceiling is what this host can do at best with the blocks of an operation, in
// the memory and with the workers of the run, sampled between the iterations that
// it judges: a machine's bandwidth drifts from one second to the next.
type ceiling struct {
	limit    record.Limit
	variants []variant
}

// variant is a way to do the same; the best counts.
type variant struct {
	limit   record.Limit // what it adds to the ceiling's
	measure func(d time.Duration) float64
	samples []float64
}

// copyCeiling copies tokens to random places among the rows that the side
// receives. It is nil where the run has too few rows to say anything. Like all
// ceilings it may be sampled only before the operation itself, which overwrites
// what was written there.
func (r *runner) copyCeiling(s *side) *ceiling {
	shape := r.received(s)
	c := &ceiling{limit: record.Limit{Kind: record.LimitCopy, BlockBytes: new(int64(shape.Block)), Workers: &r.c.Workers}}
	all := []limits.Stores{limits.Ordinary, limits.Streaming}
	if isa.Best() == isa.Pure { // which has no streaming stores
		all = all[:1]
	}
	for _, shape.Stores = range all {
		p, err := shape.Probe(r.group)
		if err != nil {
			return nil
		}
		c.variants = append(c.variants, variant{limit: record.Limit{Stores: new(shape.Stores.String())}, measure: p.Measure})
	}
	return c
}

// received are the rows that a dispatch reads, and those that it writes last.
func (r *runner) received(s *side) limits.Copy {
	row := r.row(record.Dispatch, s.alg)
	c := limits.Copy{Block: row.Bytes(), Stride: r.group.Recv(0, s.alg).Stride()}
	for i := range r.group.Ranks() {
		c.Sources = append(c.Sources, r.group.X(i).First(r.here()[i].Tokens))
		c.Targets = append(c.Targets, r.group.Recv(i, s.alg).First(s.handle.Plans[i].RecvRows()))
	}
	return c
}

// combined are the rows that a combine reads, and those that it writes last.
func (r *runner) combined(s *side) limits.Copy {
	row := r.row(record.Combine, s.alg)
	c := limits.Copy{Block: row.Payload, Stride: r.group.Y(0, s.alg).Stride()}
	for i := range r.group.Ranks() {
		c.Sources = append(c.Sources, r.group.Y(i, s.alg).First(s.handle.Plans[i].RecvRows()))
		c.Targets = append(c.Targets, r.group.Out(i).First(r.here()[i].Tokens))
	}
	return c
}

// reduceCeiling adds as many random outputs as the side's sums have addends on
// average, into the memory of combined tokens. It is nil where the run has too few
// rows.
func (r *runner) reduceCeiling(s *side) *ceiling {
	of := r.combined(s)
	shape := limits.Sum{Block: of.Block, Stride: of.Stride, Sources: of.Sources, Targets: of.Targets}
	rows, sums := r.reduced(s)
	if sums == 0 {
		return nil
	}
	shape.Rows = max(1, int((rows+sums/2)/sums))
	p, err := shape.Probe(r.group)
	if err != nil {
		return nil
	}
	return &ceiling{
		limit:    record.Limit{Kind: record.LimitReduce, BlockBytes: new(int64(shape.Block)), Workers: &r.c.Workers, Addends: &shape.Rows},
		variants: []variant{{measure: p.Measure}},
	}
}

// sample measures each variant once, in all processes at once: what they can do
// together is the ceiling.
func (r *runner) sample(ctx context.Context, c *ceiling) error {
	r.c.Peers.Phase("limits")
	if _, err := share(ctx, &r.c, "before limits", 0); err != nil {
		return err
	}
	var rates []float64
	if c != nil {
		for i := range c.variants {
			rates = append(rates, c.variants[i].measure(r.c.LimitTime))
		}
	}
	rates, err := r.rates(ctx, rates)
	if c != nil {
		for i := range rates {
			c.variants[i].samples = append(c.variants[i].samples, rates[i])
		}
	}
	return err
}

// best is the limit, or nil if there were no samples.
func (c *ceiling) best() *record.Limit {
	if c == nil {
		return nil
	}
	limit := c.limit
	for i := range c.variants {
		v := &c.variants[i]
		sum, err := stats.Summarize(v.samples)
		if err == nil && sum.P50 > limit.GBps {
			limit.GBps, limit.SamplesGBps = sum.P50, v.samples
			limit.Stores, limit.Connections = v.limit.Stores, v.limit.Connections
		}
	}
	if limit.GBps == 0 {
		return nil
	}
	return &limit
}

// reduced is the rows that the side's sums read, bias rows included, and the
// number of sums, as its plan predicts them.
func (r *runner) reduced(s *side) (rows, sums int64) {
	row := r.row(record.Combine, s.alg)
	for i, p := range s.handle.Plans {
		l := r.group.NewLedger()
		p.Combine(l, row)
		tokens := int64(r.here()[i].Tokens)
		rows += l.Reduced + int64(r.c.Bias)*tokens
		sums += tokens
		if s.alg == plan.AlgTwoHop { // and the partial sums that are sent home
			out, _ := l.Wire(r.place.Index(r.group.Rank(i)))
			sums += out.Tokens
		}
	}
	return rows, sums
}

// efficiency sets the record's limit, and the part of it that the run reached.
func (r *runner) efficiency(rec *record.Record, o *series) {
	rec.Limit = o.ceiling.best()
	epilogue := int64(0) // expanded layouts, which are timed apart
	if !plan.Algorithm(rec.Algorithm).ByExpert() {
		for _, l := range o.ledgers {
			epilogue += l.Unpacked * *rec.Traffic.BytesPerToken
		}
	}
	rate := moved(rec, epilogue)
	if rec.Limit != nil && rec.Limit.Kind == record.LimitLoopback {
		rate = r.crossed(rec)
	}
	if rec.Limit != nil && rate != nil {
		rec.Efficiency = new(*rate / rec.Limit.GBps)
	}
}

// moved is the rate that a limit is compared with, in GB/s, nil if it is none:
//
//	bytes / p50
//
// where bytes are those copied by a dispatch, over all hops and passes less the
// epilogue's, and those that the sums of a combine read.
func moved(rec *record.Record, epilogue int64) *float64 {
	bytes := rec.Traffic.CopiedBytes
	if rec.Op == record.Combine {
		bytes = rec.Traffic.ReducedBytes
	}
	if bytes == nil || *bytes == epilogue || *rec.TimeUS.P50 <= 0 {
		return nil
	}
	return new(float64(unit.Rate(float64(*bytes-epilogue), unit.Micros(*rec.TimeUS.P50))))
}
