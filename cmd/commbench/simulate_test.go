package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/bench/record"
)

func TestSim(t *testing.T) {
	for file, args := range map[string]string{
		"sim.stdout":         "sim dispatch --hardware h800 --nodes 4 --tokens 256",
		"sim-compare.stdout": "sim combine --hardware h100 --nodes 2 --tokens 256 --baseline alltoall --slow-rank 5:0.5 --slow-link 3-11:0.1 --jitter 0.1",
		"sim-sweep.stdout":   "sim dispatch --hardware h800 --kernels v1 --tokens 256 --sweep sms=4,8,16,20",
	} {
		code, out, errs := commbench(t, strings.Fields(args)...)
		if code != exitGood || errs != "" {
			t.Fatalf("%s: exit %d: %s", args, code, errs)
		}
		golden(t, file, out)
	}
	if code, out, _ := commbench(t, "sim"); code != exitGood || !strings.Contains(out, "dispatch") {
		t.Errorf("sim alone: exit %d\n%s", code, out)
	}
}

// A simulation is a record as a run has: of the same workload, with the same traffic.
func TestSimulatedRecord(t *testing.T) {
	workload := "--nodes 2 --gpus-per-node 2 --experts 8 --topk 3 --tokens 40 --hidden 256 --masked 0.1 --ragged --format json"
	read := func(args string) record.Record {
		code, out, errs := commbench(t, strings.Fields(args+" "+workload)...)
		if code != exitGood {
			t.Fatalf("%s: exit %d: %s", args, code, errs)
		}
		recs, err := record.Read(strings.NewReader(out), "stdout")
		if err != nil || len(recs) != 1 {
			t.Fatalf("%s: %d records, %v", args, len(recs), err)
		}
		return recs[0]
	}
	for _, op := range []string{"dispatch", "combine"} {
		for _, alg := range []string{"two-hop", "direct", "alltoall"} {
			ran := read(op + " --transport mem --baseline none --iters 1 --warmup 0 --channels 4 --chunk 12 --algorithm " + alg)
			got := read("sim " + op + " --hardware h800 --sms 4 --chunk 12 --algorithm " + alg)
			if got.Source != record.Simulated || got.Simulation == nil || ran.Simulation != nil || got.Wrong != nil || got.TimeUS.P50 == nil || *got.TimeUS.P50 <= 0 {
				t.Errorf("%s by %s: %+v", op, alg, got)
			}
			if diff := cmp.Diff(ran.Workload, got.Workload); diff != "" {
				t.Errorf("%s by %s: another workload:\n%s", op, alg, diff)
			}
			// Where memory is not mapped outputs are put, and not loaded: signals and bytes that
			// are copied differ, and what crosses does not.
			a, b := ran.Traffic, got.Traffic
			a.CopiedBytes, b.CopiedBytes, a.MaxRank.ScaleUpWire, b.MaxRank.ScaleUpWire = nil, nil, nil, nil
			if diff := cmp.Diff(a, b); diff != "" {
				t.Errorf("%s by %s: other traffic:\n%s", op, alg, diff)
			}
		}
	}
}

func TestBadSim(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.yaml")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"sim bogus":                                                    "want dispatch or combine",
		"sim dispatch --bogus":                                         "-bogus; see commbench sim dispatch --help",
		"sim dispatch":                                                 "--hardware: want a name",
		"sim dispatch extra --hardware h800":                           "unexpected argument",
		"sim dispatch --hardware h900":                                 "nothing called",
		"sim dispatch --hardware " + empty:                             "empty",
		"sim dispatch --hardware h800 --iters 3":                       "-iters",
		"sim dispatch --hardware h800 --kernels v9":                    `no kernels "v9"`,
		"sim dispatch --hardware h800 --sms 19 --kernels v1":           "19 SMs: kernels v1 take a multiple of 2",
		"sim dispatch --hardware h800 --sms 1000000000":                "1000000000 SMs: h800 has 1 to 132",
		"sim dispatch --hardware h800 --sms 0":                         "--sms 0: want at least 1",
		"sim dispatch --hardware h800 --chunk 1000000000":              "chunk 1000000000: want",
		"sim dispatch --hardware h800 --ring 4 --chunk 8":              "chunk 8 > ring 4",
		"sim combine --hardware h800 --kernels v1 --nodes 2 --chunk 4": "chunk 4 < 12 = 24 / 2",
		"sim dispatch --hardware h800 --slow-rank 5":                   "want RANK:SHARE",
		"sim dispatch --hardware h800 --slow-rank 500:0.5":             "slow rank 500",
		"sim dispatch --hardware h800 --slow-link 5:0.5":               "want RANK-RANK:SHARE",
		"sim dispatch --hardware h800 --jitter -1":                     "jitter -1",
		"sim dispatch --hardware h800 --nodes 1000000000":              "more than 65536 ranks",
		"sim dispatch --hardware h800 --tokens 100000000":              "tokens",
		"sim dispatch --hardware h800 --tokens 0":                      "nothing to simulate",
		"sim dispatch --hardware h800 --masked 1":                      "nothing to simulate",
		"sim dispatch --hardware h800 --gpus-per-node 16":              "a scale-up domain of h800 has 8",
		"sim dispatch --hardware h800 --algorithm ring":                "ring",
		"sim dispatch --hardware h800 --baseline ring":                 "want one of",
		"sim dispatch --hardware h800 --sweep op=dispatch":             "a flag of nodes",
		"sim dispatch --hardware h800 --sweep sms=0":                   "--sms 0: want at least 1",
		"sim dispatch --hardware h800 --format svg":                    "want table",
		"sim dispatch --hardware h800 --routing trace:" + empty:        "empty",
	} {
		code, out, errs := commbench(t, strings.Fields(args)...)
		if code != exitUsage || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, want %d and a message with %q\nstdout: %s\nstderr: %s", args, code, exitUsage, want, out, errs)
		}
	}
}

// What a sweep has simulated before it fails, or is interrupted, is not lost.
func TestSweepThatFails(t *testing.T) {
	code, out, errs := commbench(t, strings.Fields("sim dispatch --hardware h800 --tokens 64 --sweep sms=4,500 --format jsonl")...)
	if code != exitUsage || strings.Count(out, "\n") != 1 || !strings.Contains(errs, "--sms 500") {
		t.Errorf("exit %d\n%s\n%s", code, out, errs)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var stdout, stderr strings.Builder
	if code := run(ctx, strings.Fields("commbench sim dispatch --hardware h800"), &stdout, &stderr); code != exitFail || stdout.String() != "" || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("exit %d\n%s\n%s", code, stdout.String(), stderr.String())
	}
}
