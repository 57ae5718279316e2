package bench

import (
	"fmt"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
)

// meaning says in words which hop bounds each operation and what the
// comparison with the baseline means.
func (r *runner) meaning(recs []record.Record) []string {
	var lines []string
	for i := range recs {
		rec := &recs[i]
		if i > 0 && recs[i-1].Op == rec.Op || rec.Op == record.Roundtrip { // a baseline, or a sum
			continue
		}
		var base *record.Record
		if i+1 < len(recs) && recs[i+1].Op == rec.Op {
			base = &recs[i+1]
		}
		if total(r.counts.Copies) == 0 {
			lines = append(lines, rec.Op+": no token goes anywhere")
			continue
		}
		lines = append(lines, r.bound(rec))
		if text := near(rec); text != "" {
			lines = append(lines, text)
		}
		if text := versus(rec, base); text != "" {
			lines = append(lines, text)
		}
	}
	return lines
}

// bound says which hop takes most of the bytes that the operation copies. Both
// hops are copies in one host's memory, so that is the one that bounds it.
func (r *runner) bound(rec *record.Record) string {
	t := &rec.Traffic
	if r.network != nil {
		return r.boundNetwork(rec)
	}
	if rec.Op == record.Combine {
		return r.boundCombine(rec)
	}
	if rec.Algorithm == record.AllToAll {
		return fmt.Sprintf("%s: alltoall copies %v, each row three times (pack, exchange, unpack); memory bounds it, not a hop", rec.Op, unit.Bytes(*t.CopiedBytes))
	}
	if rec.Algorithm == record.LowLatency {
		return fmt.Sprintf("%s: low-latency copies %v: a message of each token, its copies for the experts, and their packing; memory bounds it, not a hop", rec.Op, unit.Bytes(*t.CopiedBytes))
	}
	wire := *t.ScaleOutWire * *t.BytesPerToken
	moved := *t.CopiedBytes - r.rows(rec, func(l *plan.Ledger) int64 { return l.Unpacked })**t.BytesPerToken // less the epilogue
	switch {
	case wire == 0:
		return fmt.Sprintf("%s: %s copies %v, all within nodes: the scale-up hop bounds it", rec.Op, rec.Algorithm, unit.Bytes(moved))
	}
	hop, share := "scale-up", float64(moved-wire)/float64(moved)
	if share < 0.5 {
		hop, share = "scale-out", 1-share
	}
	return fmt.Sprintf("%s: both hops are memory copies here; the %s hop bounds %s, with %.0f %% of the %v that it copies",
		rec.Op, hop, rec.Algorithm, 100*share, unit.Bytes(moved))
}

// boundNetwork says how much crosses the network, and how fast.
func (r *runner) boundNetwork(rec *record.Record) string {
	rate := r.crossed(rec)
	if rate == nil {
		return fmt.Sprintf("%s: nothing of %s crosses the network", rec.Op, rec.Algorithm)
	}
	bytes := *rate * 1e3 * *rec.TimeUS.P50
	hop := "scale-out hop"
	if rec.Transport.ScaleUp != nil && rec.Transport.ScaleOut != nil && *rec.Transport.ScaleUp == *rec.Transport.ScaleOut {
		hop = "both hops"
	}
	on := ""
	if r.network.Interface != nil {
		on = " on " + *r.network.Interface
	}
	return fmt.Sprintf("%s: %s sends %v over %s%s (%s), %v by all ranks together", rec.Op, rec.Algorithm,
		unit.Bytes(int64(bytes+0.5)), *rec.Transport.ScaleOut, on, hop, unit.GBps(*rate))
}

// boundCombine does the same for a combine, whose reductions mostly read more
// than they write.
func (r *runner) boundCombine(rec *record.Record) string {
	reads := r.rows(rec, func(l *plan.Ledger) int64 { return l.Reduced })
	read, written := reads**rec.Traffic.BytesPerToken, *rec.Traffic.CopiedBytes
	more := "reading"
	if written > read {
		more = "writing"
	}
	text := fmt.Sprintf("%s: %s adds up %v of rows and writes %v: %s bounds it here", rec.Op, rec.Algorithm, unit.Bytes(read), unit.Bytes(written), more)
	if plan.Algorithm(rec.Algorithm).ByExpert() || reads == 0 {
		return text + ", not a hop"
	}
	up := r.rows(rec, func(l *plan.Ledger) (n int64) {
		for _, k := range l.ScaleUp {
			n += k.Tokens
		}
		return n
	})
	if *rec.Traffic.ScaleOutWire == 0 || 2*up >= reads {
		return text + fmt.Sprintf("; %.0f %% of the rows come over the scale-up hop", 100*float64(up)/float64(reads))
	}
	return text + fmt.Sprintf("; %.0f %% of the rows come over the scale-out hop", 100*float64(reads-up)/float64(reads))
}

// near says how near to the host's own ceiling the operation came.
func near(rec *record.Record) string {
	if rec.Efficiency == nil {
		return ""
	}
	l := rec.Limit
	var limit string
	switch l.Kind {
	case record.LimitCopy:
		limit = fmt.Sprintf("copying such rows between random places (%s stores)", *l.Stores)
	case record.LimitLoopback:
		return fmt.Sprintf("%s: %s runs at %s the limit, %s GB/s of such rows over %s on this host's loopback", rec.Op, rec.Algorithm,
			unit.Ratio(*rec.Efficiency), unit.Number(l.GBps), unit.Counted(int64(*l.Connections), "TCP connection"))
	case record.LimitReduce:
		limit = fmt.Sprintf("adding up %d random rows at a time", *l.Addends)
	}
	text := fmt.Sprintf("%s: %s runs at %s the limit, %s GB/s for this host %s", rec.Op, rec.Algorithm, unit.Ratio(*rec.Efficiency), unit.Number(l.GBps), limit)
	if *rec.Efficiency > 1 {
		text += "; more, because rows are used again while caches hold them"
	}
	return text
}

// rows sums a count of the ledgers that the record was made from.
func (r *runner) rows(rec *record.Record, count func(*plan.Ledger) int64) (n int64) {
	for _, s := range r.sides {
		if string(s.alg) == rec.Algorithm {
			for _, l := range s.ops[rec.Op].ledgers {
				n += count(l)
			}
		}
	}
	return n
}

// versus compares with the baseline, here and where the scale-out link is slow.
func versus(rec, base *record.Record) string {
	if base == nil || rec.Baseline == nil {
		return ""
	}
	word, ratio := "faster", rec.Baseline.Ratio
	if ratio < 1 {
		word, ratio = "slower", 1/ratio
	}
	text := fmt.Sprintf("%s: %s is %s %s than %s, which copies %v", rec.Op, rec.Algorithm, unit.Ratio(ratio), word, base.Algorithm, unit.Bytes(*base.Traffic.CopiedBytes))
	if a, b := *rec.Traffic.ScaleOutWire, *base.Traffic.ScaleOutWire; a > 0 && b > 0 {
		if rec.Transport.Network != nil {
			return text + fmt.Sprintf("; its scale-out wire bytes are %s", fewer(float64(b)/float64(a)))
		}
		if factor := float64(b) / float64(a); !alike(factor) {
			text += fmt.Sprintf("; over a slow scale-out link its wire bytes would decide, %s", fewer(factor))
		}
	}
	return text
}
