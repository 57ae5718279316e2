package record_test

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/commbench/commbench/bench/record"
)

func Example() {
	r := record.Record{
		Schema:    record.Schema,
		Time:      time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC),
		Version:   "v0.1.0",
		Source:    record.Measured,
		Op:        record.Dispatch,
		Algorithm: record.TwoHop,
		Cluster:   record.Cluster{Nodes: 2, GPUsPerNode: 4, Ranks: 8},
		Workload:  record.Workload{Tokens: 1024, Hidden: 7168, Experts: 64, TopK: 8, Dtype: "fp8", Routing: "uniform", Seed: new(uint64(1))},
	}
	r.Traffic.BytesPerToken = new(int64(7392))
	r.Traffic.ScaleOutLogical = new(int64(16_320))
	if err := r.SetSamples([]float64{1480, 1502, 1466, 1490, 1620, 1475}); err != nil {
		panic(err)
	}
	r.Bandwidth = record.Bandwidths(r.Traffic, r.Cluster.Ranks, *r.TimeUS.P50)

	var text strings.Builder
	if err := record.WriteJSONL(&text, []record.Record{r}); err != nil {
		panic(err)
	}
	recs, err := record.Read(strings.NewReader(text.String()), "run.jsonl")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Println(len(recs), *recs[0].TimeUS.P50, recs[0].Wrong == nil)
	fmt.Println(recs[0].Warnings)
	// Output:
	// 1 1480 true
	// [p95 and p99 of 6 samples are their maximum]
}
