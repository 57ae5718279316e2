package bench

import (
	"time"

	"github.com/commbench/commbench/bench/limits"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/transport/driver"
)

// longer is how many times as long as others a sample of loopback takes: connections
// need some milliseconds to reach what they can.
const longer = 4

// loopbackConnections are tried in turn; the fastest counts.
var loopbackConnections = []int{1, 2, 4}

// ceiling is what bounds the side: what memory can do, or what loopback carries. It is
// nil where a network is in between of which nothing is known.
func (r *runner) ceiling(s *side, memory func(*side) *ceiling, rows func(*side) limits.Copy) *ceiling {
	switch {
	case r.network == nil:
		return memory(s)
	case r.loops():
		return r.loopbackCeiling(rows(s))
	}
	return nil
}

// loops says whether the run's bytes go over TCP and never leave this host: then what
// loopback carries is the limit, and not copies.
func (r *runner) loops() bool {
	return r.network != nil && r.network.Interface != nil && *r.network.Interface == loopbackName && r.c.OnHost == r.c.Peers.Processes()
}

// loopbackName is the interface's on Linux; elsewhere there is no such limit.
const loopbackName = "lo"

// loopbackCeiling carries such rows between two threads of one process. It is nil where
// it cannot.
func (r *runner) loopbackCeiling(rows limits.Copy) *ceiling {
	measure := func(int) func(time.Duration) float64 {
		return func(time.Duration) float64 { return 0 } // process 0 measures for all
	}
	if r.c.Peers.Process() == 0 {
		if r.loopback == nil {
			congestion := ""
			if r.network.Congestion != nil {
				congestion = *r.network.Congestion
			}
			most := loopbackConnections[len(loopbackConnections)-1]
			l, err := limits.NewLoopback(most, congestion)
			if err != nil {
				return nil
			}
			r.loopback = l
		}
		measure = func(n int) func(time.Duration) float64 {
			return func(d time.Duration) float64 {
				if r.loopback.Carry(rows) != nil {
					return 0
				}
				rate, err := r.loopback.Measure(n, longer*d)
				if err != nil {
					return 0
				}
				return rate
			}
		}
	}
	c := &ceiling{limit: record.Limit{Kind: record.LimitLoopback, BlockBytes: new(int64(rows.Block))}}
	for _, n := range loopbackConnections {
		c.variants = append(c.variants, variant{limit: record.Limit{Connections: &n}, measure: measure(n)})
	}
	return c
}

// crossed is the rate that a loopback limit is compared with, in GB/s: bytes of the
// hops that go over TCP, as the ledger counts them on the wire, over the p50.
func (r *runner) crossed(rec *record.Record) *float64 {
	tokens := int64(0)
	if networkOf(r.c.ScaleOut) != (driver.Network{}) {
		tokens += *rec.Traffic.ScaleOutWire
	}
	if networkOf(r.c.ScaleUp) != (driver.Network{}) {
		tokens += *rec.Traffic.ScaleUpWire
	}
	if tokens == 0 || *rec.TimeUS.P50 <= 0 {
		return nil
	}
	return new(float64(unit.Rate(float64(tokens**rec.Traffic.BytesPerToken), unit.Micros(*rec.TimeUS.P50))))
}
