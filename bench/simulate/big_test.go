package simulate_test

import (
	"context"
	"testing"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/simulate"
)

// BenchmarkEP2048 is the largest cluster that is planned for: 2,048 ranks of 4,096 tokens, routing
// and plans included.
func BenchmarkEP2048(b *testing.B) {
	for _, op := range []string{record.Dispatch, record.Combine} {
		b.Run(op, func(b *testing.B) {
			c := config(b)
			c.Op, c.Nodes, c.Experts, c.Tokens = op, 256, 2048, 4096
			events := int64(0)
			for b.Loop() {
				recs, err := simulate.Run(context.Background(), c)
				if err != nil {
					b.Fatal(err)
				}
				events += recs[0].Simulation.Events
			}
			b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
