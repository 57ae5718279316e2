package reports_test

import (
	"log"
	"os"
	"time"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/reports"
)

func ExampleWrite() {
	r := record.Record{
		Schema:    record.Schema,
		Time:      time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC),
		Source:    record.Simulated,
		Op:        record.Dispatch,
		Algorithm: record.TwoHop,
		Cluster:   record.Cluster{Nodes: 4, GPUsPerNode: 8, Ranks: 32},
		Workload:  record.Workload{Tokens: 4096, Hidden: 7168, Experts: 256, TopK: 8, Dtype: "bf16", Routing: "uniform"},
	}
	r.TimeUS.P50 = new(4310.0)
	r.Traffic.BytesPerToken = new(int64(14336))
	r.Traffic.ScaleOutLogical, r.Traffic.ScaleOutWire = new(int64(473_170)), new(int64(342_098))
	r.Bandwidth = record.Bandwidths(r.Traffic, r.Cluster.Ranks, *r.TimeUS.P50)

	opts := &reports.Options{Meaning: []string{"The rail carries 36 GB/s out of each GPU."}}
	if err := reports.Write(os.Stdout, "table", []record.Record{r}, opts); err != nil {
		log.Fatal(err)
	}
	// Output:
	// commbench dispatch (simulated)   4 nodes x 8 GPUs = 32 ranks
	// workload    4,096 tokens/rank, hidden 7168, bf16 = 14,336 B/token, 256 experts, top-8
	// routing     uniform
	//
	//             time  time  time  scale-out  scale-out   scale-up   scale-up
	//              p50   p95   p99    logical       wire    logical       wire   wrong
	// algorithm     us    us    us  GB/s/rank  GB/s/rank  GB/s/rank  GB/s/rank  tokens
	// --------------------------------------------------------------------------------
	// two-hop    4,310     -     -       49.2       35.6          -          -       -
	//
	// The rail carries 36 GB/s out of each GPU.
}
