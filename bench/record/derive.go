package record

import (
	"github.com/commbench/commbench/bench/stats"
	"github.com/commbench/commbench/bench/unit"
)

// SetSamples sets SamplesUS, the percentiles of TimeUS with TransferP50, and
// adds the warnings that the number of samples calls for. The samples are
// microseconds, for each iteration the slowest rank's. The errors are those of
// stats.Summarize; the record is then unchanged.
func (r *Record) SetSamples(us []float64) error {
	s, err := stats.Summarize(us)
	if err != nil {
		return err
	}
	r.SamplesUS = us
	r.TimeUS.P50, r.TimeUS.P95, r.TimeUS.P99 = &s.P50, &s.P95, &s.P99
	r.TimeUS.Min, r.TimeUS.Max = &s.Min, &s.Max
	r.TimeUS.TransferP50 = new(s.P50)
	for _, w := range s.Warnings {
		r.Warnings = append(r.Warnings, string(w))
	}
	return nil
}

// SetBaseline compares the record's samples with the baseline's, which were
// taken in turn with them. The errors are those of stats.Compare; the record
// is then unchanged.
func (r *Record) SetBaseline(algorithm string, us []float64) error {
	ratio, err := stats.Compare(us, r.SamplesUS)
	if err != nil {
		return err
	}
	r.Baseline = &Baseline{Algorithm: algorithm, Ratio: ratio.Median, RatioMin: &ratio.Min, RatioMax: &ratio.Max}
	return nil
}

// Bandwidths are the means over ranks of what the traffic means in GB/s (1e9
// bytes a second) when it takes the given time in microseconds:
//
//	tokens (sum over ranks) x bytes a token / ranks / time
//
// With logical scale-out tokens (a rank's tokens x distinct target nodes, its
// own included) this is what DeepEP publishes as RDMA bandwidth; the wire
// figure leaves the own node out and is what a NIC can be compared with. What
// is unknown in the traffic is nil; so is everything when the time is not
// positive. AlgBW and BusBW stay nil.
func Bandwidths(t Traffic, ranks int, us float64) Bandwidth {
	mean := func(tokens *int64) *float64 {
		if tokens == nil || t.BytesPerToken == nil || ranks < 1 || us <= 0 {
			return nil
		}
		bytes := float64(*tokens) * float64(*t.BytesPerToken) / float64(ranks)
		return new(float64(unit.Rate(bytes, unit.Micros(us))))
	}
	return Bandwidth{
		ScaleOutLogical: mean(t.ScaleOutLogical),
		ScaleOutWire:    mean(t.ScaleOutWire),
		ScaleUpLogical:  mean(t.ScaleUpLogical),
		ScaleUpWire:     mean(t.ScaleUpWire),
	}
}

// AlgBW is nccl-tests' algorithm bandwidth of an alltoall in GB/s:
//
//	algbw = S / time
//
// where S is the bytes that a rank sends to all ranks, itself included (their
// mean when ranks differ), and the time is in microseconds. See nccl-tests,
// doc/PERFORMANCE.md, "Algorithm bandwidth", and src/alltoall.cu.
func AlgBW(bytesPerRank, us float64) float64 {
	return float64(unit.Rate(bytesPerRank, unit.Micros(us)))
}

// BusBW is nccl-tests' bus bandwidth of an alltoall over n ranks, in the unit
// of algbw:
//
//	busbw = algbw x (n-1)/n
//
// which leaves out the n-th part that a rank sends to itself. It assumes, as
// nccl-tests does, that every rank sends the same to every rank. See
// nccl-tests, doc/PERFORMANCE.md, "Summary", AlltoAll.
func BusBW(algbw float64, n int) float64 {
	return algbw * float64(n-1) / float64(n)
}

// BandwidthAt is the record's bandwidth had the transfer taken the given time
// instead of its p50: bandwidth x p50 / time. It gives one sample's bandwidths
// from those of the record. It is nil throughout when p50 is unknown or the
// time is not positive.
func (r *Record) BandwidthAt(us float64) Bandwidth {
	scale := func(gbps *float64) *float64 {
		if gbps == nil || r.TimeUS.P50 == nil || us <= 0 {
			return nil
		}
		return new(*gbps * (*r.TimeUS.P50 / us))
	}
	b := r.Bandwidth
	return Bandwidth{
		ScaleOutLogical: scale(b.ScaleOutLogical),
		ScaleOutWire:    scale(b.ScaleOutWire),
		ScaleUpLogical:  scale(b.ScaleUpLogical),
		ScaleUpWire:     scale(b.ScaleUpWire),
		AlgBW:           scale(b.AlgBW),
		BusBW:           scale(b.BusBW),
	}
}
