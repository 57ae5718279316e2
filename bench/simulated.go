package bench

import (
	"time"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
)

// Elsewhere is what an operation took that did not run here: it was simulated. Times are in
// microseconds.
type Elsewhere struct {
	Source    string // of the record
	Algorithm plan.Algorithm
	Ledgers   []*plan.Ledger // of all ranks
	Row       plan.Row
	Slowest   float64 // rank's transfer
	Fastest   float64
	Notify    *float64 // nil where nobody need know anything first
	Epilogue  *float64 // nil where it is part of the transfer
	Seconds   float64  // that finding out took here
}

// Tables is the routing of all ranks.
func (p *Prediction) Tables() []routing.Table { return p.s.tables }

// Fits says whether plans with so many channels, and what follows them, fit into memory. The
// error is an *InputError.
func (p *Prediction) Fits(alg plan.Algorithm, channels int) error {
	c := p.Config
	c.Algorithm, c.Channels = alg, channels
	const stream = 100 // bytes of a pair's channel, of its plan and while it is simulated
	least := c.planned(p.Place, stream*channels)
	if free := c.free(); free > 0 && least > float64(free) {
		return inputf("%d ranks with %d channels take about %s of memory, more than the %s that may be used: take fewer SMs, --nodes or --tokens",
			p.Place.Ranks(), channels, unit.Bytes(int64(min(least, 1<<62))), unit.Bytes(free))
	}
	return nil
}

// Record is what a run of the workload would have recorded.
func (p *Prediction) Record(e *Elsewhere) (record.Record, error) {
	rec := p.s.base(e.Source, p.Config.Op, e.Algorithm)
	rec.Time, rec.Notes = time.Now(), p.Notes
	rec.Elapsed.Total = &e.Seconds
	rec.Traffic = p.s.traffic(e.Ledgers, e.Row)
	if err := rec.SetSamples([]float64{e.Slowest}); err != nil {
		return rec, err
	}
	rec.Warnings = nil // that one sample is few: any other would be equal
	p.s.bandwidth(&rec)
	all := e.Slowest
	for _, phase := range []*float64{e.Notify, e.Epilogue} {
		if phase != nil {
			all += *phase
		}
	}
	t := &rec.TimeUS
	t.NotifyP50, t.TransferP50, t.EpilogueP50, t.TotalP50, t.FastestRankP50 = e.Notify, &e.Slowest, e.Epilogue, &all, &e.Fastest
	return rec, nil
}

// Compare sets the ratio of a record to one of another algorithm on the same workload.
func (p *Prediction) Compare(rec, base *record.Record) error {
	both := []record.Record{*rec, *base}
	err := p.s.compare(both)
	*rec = both[0]
	return err
}
