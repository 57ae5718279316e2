package reports_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"log"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/reports"
)

// ceilings are made-up figures of plausible size, fixed for ever.
func ceilings() record.Ceilings {
	spread := func(v float64) record.Spread {
		return record.Spread{P50: new(v), Min: new(v * 0.9), Max: new(v * 1.05)}
	}
	c := record.Ceilings{
		Schema: record.CeilingsSchema, Time: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC), Version: "v0.1.0",
		ISA: new("avx512"), Memory: new("shm"), PoolBytes: new(int64(1 << 30)), InBytes: new(int64(1 << 20)),
		L2Bytes: new(int64(2 << 20)), LastBytes: new(int64(32 << 20)), Repeats: 7, SampleUS: 20_000,
		Host: record.HostInfo{CPU: new("A CPU"), Cores: new(2)},
	}
	for workers := 1; workers <= 2; workers++ {
		for _, cache := range []string{record.OutOfCache, record.InCache} {
			rate := 10 * float64(workers)
			if cache == record.InCache {
				rate *= 5
			}
			c.Cases = append(c.Cases,
				record.Ceiling{Kind: record.LimitCopy, BlockBytes: new(int64(7392)), Order: new("random"), Cache: &cache, Stores: new("ordinary"),
					Workers: &workers, Samples: 7, GBps: spread(rate)},
				record.Ceiling{Kind: record.LimitReduce, BlockBytes: new(int64(14336)), Order: new("random"), Cache: &cache, Rows: new(8),
					Workers: &workers, Samples: 7, GBps: spread(1.3 * rate)})
		}
	}
	c.Cases = append(c.Cases,
		record.Ceiling{Kind: record.LimitLoopback, BlockBytes: new(int64(1 << 20)), Workers: new(2), Samples: 7, GBps: spread(6.5)},
		record.Ceiling{Kind: record.LimitWakeThreads, Samples: 7000, LatencyNS: record.Latency{P50: new(310.0), P99: new(1250.0)}},
		record.Ceiling{Kind: record.LimitWakeProcesses, Samples: 7000, LatencyNS: record.Latency{P50: new(330.5), P99: new(20_250.0)}})
	return c
}

func ExampleWriteCeilings() {
	if err := reports.WriteCeilings(os.Stdout, "table", ceilings()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// commbench limits   A CPU, 2 cores, avx512
	// memory      shm; in cache 1.05 MB a worker, of L2 2.10 MB; out of cache 1.07 GB, last cache 33.6 MB
	// samples     7 repeats of 20,000 us each, in turn over all cases; rates are of all workers together
	//
	//                                                     1 worker                2 workers
	//               block                                      p50    min    max        p50     min     max
	// kind              B  rows  cache  order   stores        GB/s   GB/s   GB/s       GB/s    GB/s    GB/s
	// -----------------------------------------------------------------------------------------------------
	// copy          7,392        in     random  ordinary     50.00  45.00  52.50     100.00   90.00  105.00
	// copy          7,392        out    random  ordinary     10.00   9.00  10.50      20.00   18.00   21.00
	// reduce       14,336     8  in     random               65.00  58.50  68.25     130.00  117.00  136.50
	// reduce       14,336     8  out    random               13.00  11.70  13.65      26.00   23.40   27.30
	// loopback  1,048,576                                        -      -      -       6.50    5.85    6.83
	//
	//                 latency  latency
	//                     p50      p99
	// kind                 ns       ns
	// --------------------------------
	// wake-threads        310    1,250
	// wake-processes      330   20,250
	//
	// copy            bytes written, once, as a ledger counts what is copied
	// reduce          bytes read, rows x block, to add so many BF16 rows up into one
	// loopback        bytes received over TCP within this host, one way; a worker is a connection with two threads
	// wake-threads    a signal, one way, to another thread that polls for it
	// wake-processes  a signal, one way, to another process that polls for it
}

func TestCeilingsTableSaysWhatIsMissing(t *testing.T) {
	c := ceilings()
	c.Interrupted = true
	c.Warnings = []string{"wake-processes stopped: \x1b[2J"}
	c.Host, c.L2Bytes = record.HostInfo{}, nil
	c.Cases = c.Cases[2:] // in cache with 1 worker, and all with 2
	text := renderCeilings(t, "table", c)
	for _, want := range []string{"interrupted", "wake-processes stopped: \ufffd[2J", "of L2 -", "50.0  45.0  52.5     100.00"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); strings.TrimRight(line, " ") != line || len(line) > 120 {
			t.Errorf("%q is too wide, or ends in spaces", line)
		}
	}
	c.Cases = nil
	if text := renderCeilings(t, "table", c); strings.Contains(text, "GB/s") || strings.Contains(text, "---") {
		t.Errorf("a table of nothing:\n%s", text)
	}
}

func renderCeilings(t *testing.T, format string, c record.Ceilings) string {
	t.Helper()
	var b bytes.Buffer
	if err := reports.WriteCeilings(&b, format, c); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return b.String()
}

func TestCeilingsForMachines(t *testing.T) {
	c := ceilings()
	again, err := record.ReadCeilings(strings.NewReader(renderCeilings(t, "json", c)), "json")
	if err != nil || len(again.Cases) != len(c.Cases) {
		t.Errorf("%d cases of %d: %v", len(again.Cases), len(c.Cases), err)
	}
	rows, err := csv.NewReader(strings.NewReader(renderCeilings(t, "csv", c))).ReadAll()
	if err != nil || len(rows) != 1+len(c.Cases) {
		t.Fatalf("%d rows for %d cases: %v", len(rows), len(c.Cases), err)
	}
	at := func(row int, name string) string { return rows[row][slices.Index(rows[0], name)] }
	for name, want := range map[string]string{
		"schema": "commbench.limits/v1", "time": "2026-07-01T12:00:00Z", "host_cpu": "A CPU", "host_os": "", "isa": "avx512", "sample_us": "20000",
		"kind": "copy", "block_bytes": "7392", "order": "random", "cache": "out", "rows": "", "gbps_p50": "10", "gbps_min": "9", "latency_ns_p50": "",
	} {
		if got := at(1, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := at(len(c.Cases), "latency_ns_p99"); got != "20250" {
		t.Errorf("the last p99 is %q", got)
	}
}

func TestCeilingsErrors(t *testing.T) {
	c := ceilings()
	if err := reports.WriteCeilings(&bytes.Buffer{}, "jsonl", c); !errors.Is(err, reports.ErrFormat) || !strings.Contains(err.Error(), "table, json, csv") {
		t.Error(err)
	}
	c.Schema = "other"
	for _, format := range []string{"json", "csv"} {
		if err := reports.WriteCeilings(&bytes.Buffer{}, format, c); !errors.Is(err, record.ErrSchema) {
			t.Errorf("%s: %v", format, err)
		}
	}
}
