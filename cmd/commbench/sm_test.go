package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commbench/commbench/bench/record"
)

func sm(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return commbench(t, append(append([]string{"sm"}, small...), args...)...)
}

func TestSMSweep(t *testing.T) {
	for _, op := range []string{"dispatch", "combine"} {
		code, out, errs := sm(t, "--measured", "--op", op, "--workers", "2, 1,2", "--format", "jsonl", "--algorithm", "direct", "--transport", "mem")
		if code != exitGood || errs != "" {
			t.Fatalf("%s: exit %d: %s", op, code, errs)
		}
		recs, err := record.Read(strings.NewReader(out), "stdout")
		if err != nil || len(recs) != 2 {
			t.Fatalf("%s: %d records, %v", op, len(recs), err)
		}
		for i, r := range recs {
			if r.Op != op || r.Algorithm != "direct" || *r.Exec.Workers != i+1 || len(r.SamplesUS) != 3 || *r.Wrong != 0 || r.Baseline != nil {
				t.Errorf("%s: record %d is %+v", op, i, r)
			}
		}
	}
}

func TestSMTable(t *testing.T) {
	code, out, errs := sm(t, "--measured", "--max-workers", "3", "--check", "none", "--op", "combine", "--bias", "1")
	if code != exitGood || errs != "" {
		t.Fatalf("exit %d: %s", code, errs)
	}
	for _, want := range []string{"commbench sm: combine by two-hop   2 nodes x 2 GPUs", "reduced", "\n      3  ", "<- knee", "\nknee: ", "\nbelow it: ", "\nabove it: "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	file := filepath.Join(t.TempDir(), "sweep.csv")
	if code, out, errs := sm(t, "--measured", "--max-workers", "2", "--format", "csv", "-o", file); code != exitGood || out != "" {
		t.Errorf("exit %d, stdout %q: %s", code, out, errs)
	}
	if b, err := os.ReadFile(file); bytes.Count(b, []byte("\r\n")) != 3 || err != nil { // a header and two records
		t.Errorf("the file has %q, %v", b, err)
	}
}

func TestBadSweepsSayWhatWouldDo(t *testing.T) {
	for args, want := range map[string]string{
		"":                                          "one of --measured, to run here, and --hardware NAME",
		"--op combine":                              "one of --measured",
		"--measured extra":                          `unexpected argument "extra"; see commbench sm --help`,
		"--measured --bogus":                        "-bogus; see commbench sm --help",
		"--measured --baseline none":                "-baseline; see commbench sm --help",
		"--measured --workers 1,two":                "such as 1,2,4",
		"--measured --workers 1,,2":                 "such as 1,2,4",
		"--measured --workers=":                     "such as 1,2,4",
		"--measured --workers 0":                    "workers 0: want numbers from 1",
		"--measured --workers 1,-4":                 "workers -4",
		"--measured --workers 1,9999":               "to 4096",
		"--measured --max-workers 0":                "at least 1",
		"--measured --max-workers 9999":             "to 4096",
		"--measured --workers 1 --max-workers 2":    "one of the two",
		"--measured --op roundtrip":                 "dispatch or combine",
		"--measured --bias 1":                       "--op combine",
		"--measured --check all":                    "last or none",
		"--measured --algorithm three-hop":          "two-hop",
		"--measured --chunk 0":                      "at least 1",
		"--measured --dtype fp4":                    "fp8 or bf16",
		"--measured --transport tin-can":            "mem, shm or tcp",
		"--measured --format xml":                   "want table, json",
		"--measured --iters 0":                      "iters 0",
		"--measured -o " + t.TempDir():              "is a directory",
		"--measured --preset v4":                    "v3-train",
		"--measured --op combine --bias 3":          "from 0 to 2",
		"--measured --routing trace:/no/such/trace": "no/such/trace",
	} {
		code, out, errs := sm(t, strings.Fields(args)...)
		if code != exitUsage || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, want %d and a message with %q\nstdout: %s\nstderr: %s", args, code, exitUsage, want, out, errs)
		}
	}
}

func TestAnInterruptedSweepFails(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, errs bytes.Buffer
	code := run(ctx, append([]string{"commbench", "sm", "--measured"}, small...), &out, &errs)
	if code != exitFail || out.Len() > 0 || errs.String() != "commbench: interrupted\n" {
		t.Errorf("exit %d, stdout %q, stderr %q", code, out.String(), errs.String())
	}
}
