package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench/host"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/stats"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/transport/isa"
)

// records turns what was measured into records: for each operation the
// algorithm's, then the baseline's. Sides without a timed iteration have none.
func (r *runner) records(cause error) ([]record.Record, error) {
	now, environment := time.Now(), host.Environment(os.Environ())
	ops := []string{r.c.Op}
	if r.c.Op == record.Roundtrip {
		ops = []string{record.Dispatch, record.Combine, record.Roundtrip}
	}
	var recs []record.Record
	for _, op := range ops {
		first := len(recs)
		for _, s := range r.sides {
			o := s.series(op)
			if o == nil || len(o.transfer) == 0 {
				continue
			}
			rec := r.record(op, s.alg, o)
			rec.Time, rec.Environment = now, environment
			rec.Elapsed = record.Elapsed{Total: new(now.Sub(r.start).Seconds()), Timed: new(r.timed.Seconds()), Checks: new(r.checking.Seconds())}
			rec.Interrupted = cause != nil
			if cause != nil && !errors.Is(cause, context.Canceled) {
				rec.Warnings = append(rec.Warnings, "stopped: "+cause.Error())
			}
			if err := rec.SetSamples(o.transfer); err != nil {
				return recs, err
			}
			r.bandwidth(&rec)
			if op != record.Roundtrip {
				r.efficiency(&rec, o)
			}
			if err := r.times(&rec, o); err != nil {
				return recs, err
			}
			r.sign(&rec, o, len(recs) == 0)
			recs = append(recs, rec)
		}
		if err := r.compare(recs[first:]); err != nil {
			return recs, err
		}
	}
	if len(recs) > 0 {
		recs[0].Notes = append(r.notes, recs[0].Notes...)
	}
	return recs, nil
}

// series is what a record of the operation is made from. A round trip's
// iterations are the sums of its dispatch's and its combine's.
func (s *side) series(op string) *series {
	if op != record.Roundtrip {
		return s.ops[op]
	}
	d, c := s.ops[record.Dispatch], s.ops[record.Combine]
	if d == nil || c == nil {
		return nil
	}
	n := min(len(d.transfer), len(c.transfer))
	return &series{
		transfer: sum(d.transfer[:n], c.transfer[:n]), fastest: sum(d.fastest[:n], c.fastest[:n]),
		layout: d.layout, notify: d.notify, verdict: d.verdict.with(c.verdict),
	}
}

func sum(a, b []float64) []float64 {
	s := slices.Clone(a)
	for i := range s {
		s[i] += b[i]
	}
	return s
}

// record fills in what does not depend on time.
func (r *runner) record(op string, alg plan.Algorithm, o *series) record.Record {
	c := &r.c
	rec := r.base(record.Measured, op, alg)
	rec.Transport = record.Transport{ScaleUp: new(c.ScaleUp.Name()), ScaleOut: new(c.ScaleOut.Name()), Network: r.network}
	rec.Exec = record.Exec{Processes: new(c.Peers.Processes()), Channels: &c.Channels, Chunk: &c.Chunk, Workers: &c.Workers, Warmup: &c.Warmup, Iterations: &c.Iterations,
		Pinned: &c.Pin, HugeBytes: r.huge, ISA: new(isa.Best().String()), CachedHandle: new(c.Cached || op == record.Combine)}
	if t := r.group.Config().Pin; t != nil {
		rec.Exec.MemoryNodes = new(len(t.Nodes))
	}
	if err := r.group.Unbound(); err != nil {
		rec.Warnings = append(rec.Warnings, "memory lies where it was first touched: "+err.Error())
	}
	if c.Expand {
		rec.Exec.ExpandAlignment = &c.Alignment
	}
	rec.Exec.Check = new(c.Check != CheckNone)
	if o.verdict != nil {
		rec.Wrong = new(o.verdict.wrong())
		if op != record.Roundtrip { // its parts' records describe them
			rec.Warnings = append(rec.Warnings, o.verdict.descriptions()...)
		}
	}
	if op != record.Roundtrip {
		rec.Traffic = r.traffic(o.ledgers, r.row(op, alg))
	}
	return rec
}

// base is what a record says of the workload.
func (s *setting) base(source, op string, alg plan.Algorithm) record.Record {
	c := &s.c
	rec := record.Record{
		Schema: record.Schema, Version: c.Version, Source: source, Op: op, Algorithm: string(alg),
		Cluster: record.Cluster{Nodes: c.Nodes, GPUsPerNode: c.GPUsPerNode, Ranks: s.place.Ranks()},
		Workload: record.Workload{
			Tokens: c.Tokens, Hidden: c.Hidden, Experts: c.Experts, TopK: c.TopK, Dtype: s.dtype(op),
			Routing: s.source.String(), Seed: &c.Seed, Masked: &c.Masked, Ragged: &c.Ragged, EmptyRanks: &c.EmptyRanks,
		},
		Skew: record.Skew{
			NodesPerToken: positive(s.skew.NodesPerToken), RanksPerToken: positive(s.skew.RanksPerToken),
			HottestRank: positive(s.skew.HotRank.OverMean), HottestExpert: positive(s.skew.HotExpert.OverMean),
		},
	}
	if c.TopKGroups > 0 && c.TopKGroups < c.Nodes && s.source.TopK() == 0 && c.Routing != "uniform" {
		rec.Workload.TopKGroups = &c.TopKGroups
	}
	if c.Preset != "" {
		rec.Workload.Preset = &c.Preset
	}
	if c.combines() {
		rec.Workload.Bias = &c.Bias
	}
	return rec
}

// dtype is what travels.
func (s *setting) dtype(op string) string {
	switch op {
	case record.Combine:
		return plan.BF16.String()
	case record.Roundtrip:
		return s.c.DType.String() + "+" + plan.BF16.String()
	}
	return s.c.DType.String()
}

// positive is nil for a mean over nothing.
func positive(v float64) *float64 {
	if v == 0 {
		return nil
	}
	return &v
}

// row is the row that the operation moves.
func (s *setting) row(op string, alg plan.Algorithm) plan.Row {
	if op == record.Combine {
		return alg.CombineRow(s.c.Hidden, s.c.TopK)
	}
	return alg.DispatchRow(s.c.DType, s.c.Hidden, s.c.TopK)
}

// traffic says what the ledgers of all ranks, by rank, are charged with.
// Logical counts are the routing's, wire counts the ledgers'.
func (s *setting) traffic(ledgers []*plan.Ledger, row plan.Row) record.Traffic {
	var out, up plan.Link
	var maxOut, maxUp, copied, reduced int64
	for rank, l := range ledgers {
		o, u := l.Wire(s.place.Index(rank))
		maxOut, maxUp = max(maxOut, o.Tokens), max(maxUp, u.Tokens)
		out.Tokens, out.Signals = out.Tokens+o.Tokens, out.Signals+o.Signals
		up.Tokens, up.Signals = up.Tokens+u.Tokens, up.Signals+u.Signals
		copied += l.Copied
		reduced += l.Reduced
	}
	t := record.Traffic{
		ScaleOutSignals: &out.Signals, ScaleUpSignals: &up.Signals, CopiedBytes: &copied,
		BytesPerToken: new(int64(row.Bytes())), MetadataBytesPerToken: new(float64(row.Meta)),
	}
	t.ScaleOutLogical, t.MaxRank.ScaleOutLogical = new(total(s.counts.Nodes)), new(slices.Max(s.counts.Nodes))
	t.ScaleUpLogical, t.MaxRank.ScaleUpLogical = new(total(s.counts.Rows)), new(slices.Max(s.counts.Rows))
	t.ScaleOutWire, t.MaxRank.ScaleOutWire = &out.Tokens, &maxOut
	t.ScaleUpWire, t.MaxRank.ScaleUpWire = &up.Tokens, &maxUp
	if reduced > 0 {
		for i := range s.tables { // bias rows, which the ledgers do not count
			reduced += int64(s.c.Bias * s.tables[i].Tokens)
		}
		t.ReducedBytes = new(reduced * int64(row.Payload))
	}
	return t
}

func total(counts []int64) int64 {
	n := int64(0)
	for _, v := range counts {
		n += v
	}
	return n
}

// bandwidth derives the rates from traffic and p50.
func (s *setting) bandwidth(rec *record.Record) {
	if rec.Op == record.Roundtrip {
		return // two types of row travel: a rate would count neither
	}
	ranks, p50 := s.place.Ranks(), *rec.TimeUS.P50
	rec.Bandwidth = record.Bandwidths(rec.Traffic, ranks, p50)
	if rec.Algorithm == record.AllToAll {
		bytes := float64(total(s.counts.Copies)) * float64(*rec.Traffic.BytesPerToken) / float64(ranks)
		algbw := record.AlgBW(bytes, p50)
		rec.Bandwidth.AlgBW, rec.Bandwidth.BusBW = &algbw, new(record.BusBW(algbw, ranks))
	}
}

// times fills in the medians of the phases.
func (r *runner) times(rec *record.Record, o *series) error {
	all := 0.0
	for _, phase := range []struct {
		samples []float64
		to      **float64
		adds    bool
	}{
		{o.layout, &rec.TimeUS.LayoutP50, true},
		{o.notify, &rec.TimeUS.NotifyP50, true},
		{o.transfer, &rec.TimeUS.TransferP50, true},
		{o.epilogue, &rec.TimeUS.EpilogueP50, true},
		{o.fastest, &rec.TimeUS.FastestRankP50, false},
	} {
		if len(phase.samples) == 0 {
			continue
		}
		s, err := stats.Summarize(phase.samples)
		if err != nil {
			return err
		}
		*phase.to = &s.P50
		if phase.adds {
			all += s.P50
		}
	}
	rec.TimeUS.TotalP50 = &all
	return nil
}

// compare sets an algorithm's ratio to its baseline, and notes by how much the
// two differ in what they send.
func (s *setting) compare(recs []record.Record) error {
	if len(recs) < 2 {
		return nil
	}
	rec, base := &recs[0], &recs[1]
	n := min(len(rec.SamplesUS), len(base.SamplesUS))
	paired := *rec // an interrupt may have left one side a sample more
	paired.SamplesUS = rec.SamplesUS[:n]
	err := paired.SetBaseline(base.Algorithm, base.SamplesUS[:n])
	if errors.Is(err, stats.ErrNotPositive) {
		return nil
	}
	if err != nil {
		return err
	}
	rec.Baseline = paired.Baseline
	if note := s.scaleOutNote(rec, base); note != "" {
		rec.Notes = append(rec.Notes, note)
	}
	return nil
}

// scaleOutNote states the scale-out bytes of both sides and by how much they
// differ, as counted and as the routing implies.
func (s *setting) scaleOutNote(rec, base *record.Record) string {
	if rec.Op == record.Roundtrip {
		return ""
	}
	bytes := func(rec *record.Record) int64 { return *rec.Traffic.ScaleOutWire * *rec.Traffic.BytesPerToken }
	a, b := bytes(rec), bytes(base)
	if a == 0 || b == 0 {
		return ""
	}
	implied := float64(s.wire(plan.Algorithm(base.Algorithm))) / float64(s.wire(plan.Algorithm(rec.Algorithm)))
	return fmt.Sprintf("scale-out wire bytes %v, of %s %v: %s; the routing implies %s",
		unit.Bytes(a), base.Algorithm, unit.Bytes(b), fewer(float64(b)/float64(a)), fewer(implied))
}

// alike says whether a factor is 1 to two digits after the point.
func alike(factor float64) bool { return math.Abs(factor-1) < 0.005 }

// fewer reads a factor by which something shrank: "2.2x fewer", or "2.2x more".
func fewer(factor float64) string {
	if alike(factor) {
		return "as many"
	}
	if factor < 1 {
		return unit.Ratio(1/factor) + " more"
	}
	return unit.Ratio(factor) + " fewer"
}

// wire is the scale-out copies that the routing implies for an algorithm.
func (s *setting) wire(alg plan.Algorithm) int64 {
	switch alg {
	case plan.AlgTwoHop:
		return total(s.counts.NodesWire)
	case plan.AlgDirect, plan.AlgPXN:
		return total(s.counts.RanksRemote)
	}
	return total(s.counts.CopiesWire)
}
