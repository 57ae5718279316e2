package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/commbench/commbench/bench/record"
)

func TestLimits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "limits.json")
	code, out, errs := commbench(t, "limits", "--workers", "2", "--quick", "--repeats", "1", "--format", "json", "-o", path)
	if code != exitGood || out != "" || errs != "" {
		t.Fatalf("exit %d, stdout %q: %s", code, out, errs)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c, err := record.ReadCeilings(f, path)
	if err != nil {
		t.Fatal(err)
	}
	if c.Version != version || c.Repeats != 1 || c.SampleUS != 5000 || c.Interrupted {
		t.Errorf("%+v", c)
	}
	kinds := map[string]bool{}
	for _, k := range c.Cases {
		kinds[k.Kind] = true
	}
	want := []string{record.LimitCopy, record.LimitReduce, record.LimitQuantize, record.LimitDequantize, record.LimitWakeThreads}
	if runtime.GOOS == "linux" {
		want = append(want, record.LimitLoopback, record.LimitWakeProcesses)
	}
	for _, kind := range want {
		if !kinds[kind] {
			t.Errorf("%s was not measured; warnings %q", kind, c.Warnings)
		}
	}
}

func TestLimitsTable(t *testing.T) {
	code, out, errs := commbench(t, "limits", "--workers", "1", "--quick", "--duration", "100us")
	if code != exitGood || errs != "" || !strings.HasPrefix(out, "commbench limits ") || !strings.Contains(out, "5 repeats of 100 us") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}

func TestBadLimits(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"extra"}, `unexpected argument "extra"`},
		{[]string{"--workers", "0"}, "--workers 0: want at least 1"},
		{[]string{"--workers", "9999"}, "want a number from 1 to"},
		{[]string{"--repeats", "0"}, "--repeats 0: want at least 1"},
		{[]string{"--repeats", "9999999"}, "want a number from 1 to"},
		{[]string{"--duration", "0s"}, "positive"},
		{[]string{"--duration", "1h"}, "want 100µs to 1s"},
		{[]string{"--format", "jsonl"}, "want table, json, csv"},
		{[]string{"--bogus"}, "see commbench limits --help"},
		{[]string{"--output", t.TempDir()}, "is a directory"},
	} {
		code, out, errs := commbench(t, append([]string{"limits"}, c.args...)...)
		if code != exitUsage || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit %d, want %d and a message with %q\nstdout: %s\nstderr: %s", c.args, code, exitUsage, c.want, out, errs)
		}
	}
}
