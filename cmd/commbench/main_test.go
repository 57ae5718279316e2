package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/record"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// asCommand makes the test binary be the command, for tests that send signals.
const asCommand = "COMMBENCH_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" || len(os.Args) > 1 && os.Args[1] == peerCommand {
		main()
	}
	goleak.VerifyTestMain(m)
}

// small is a workload that runs in milliseconds.
var small = []string{"--nodes", "2", "--gpus-per-node", "2", "--experts", "8", "--topk", "2", "--tokens", "16", "--hidden", "128", "--iters", "3"}

func commbench(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), append([]string{"commbench"}, args...), &out, &errs)
	return code, out.String(), errs.String()
}

func TestEveryOperationOverEveryTransport(t *testing.T) {
	for _, op := range []string{"dispatch", "combine", "roundtrip"} {
		for _, transport := range []string{"mem", "shm"} {
			for _, algorithm := range []string{"two-hop", "direct", "alltoall"} {
				args := append([]string{op, "--transport", transport, "--algorithm", algorithm, "--check", "all", "--format", "json"}, small...)
				code, out, errs := commbench(t, args...)
				if code != exitGood {
					t.Fatalf("%v: exit %d: %s", args, code, errs)
				}
				recs, err := record.Read(strings.NewReader(out), "stdout")
				if err != nil {
					t.Fatal(err)
				}
				if recs[0].Algorithm != algorithm || recs[0].Op != map[bool]string{true: "dispatch", false: op}[op == "roundtrip"] {
					t.Errorf("%v: the first record is a %s of %s", args, recs[0].Op, recs[0].Algorithm)
				}
				for _, r := range recs {
					if *r.Transport.ScaleUp != transport || *r.Transport.ScaleOut != transport {
						t.Errorf("%v: transport %s and %s", args, *r.Transport.ScaleUp, *r.Transport.ScaleOut)
					}
					if r.Op != record.Roundtrip && (r.Wrong == nil || *r.Wrong != 0) {
						t.Errorf("%v: wrong is %v", args, r.Wrong)
					}
				}
			}
		}
	}
}

// TestContract holds JSON to the fields that docs/design.md promises, unknown
// ones being null.
func TestContract(t *testing.T) {
	code, out, errs := commbench(t, append([]string{"dispatch", "--format", "jsonl", "--scale-up", "shm", "--scale-out", "mem"}, small...)...)
	if code != exitGood {
		t.Fatalf("exit %d: %s", code, errs)
	}
	line, _, _ := strings.Cut(out, "\n")
	var rec map[string]any
	if err := json.Unmarshal([]byte(line), &rec); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]any{
		"schema": "commbench.record/v1", "source": "measured", "op": "dispatch", "algorithm": "two-hop",
		"transport.scale_up": "shm", "transport.scale_out": "mem",
		"cluster.nodes": 2.0, "cluster.gpus_per_node": 2.0, "cluster.ranks": 4.0,
		"workload.tokens": 16.0, "workload.hidden": 128.0, "workload.experts": 8.0, "workload.topk": 2.0,
		"workload.topk_groups": nil, "workload.dtype": "fp8", "workload.routing": "uniform", "workload.seed": 1.0,
		"traffic.bytes_per_token": 132.0, "limit.kind": "copy", "limit.block_bytes": 132.0, "limit.addends": nil, "wrong": 0.0, "interrupted": false,
	} {
		if got := at(rec, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	for _, path := range []string{"time", "version", "time_us.p50", "time_us.p95", "time_us.p99", "time_us.min", "time_us.max", "time_us.notify_p50",
		"traffic.scale_out_tokens_logical", "traffic.scale_out_tokens_wire", "traffic.scale_up_tokens_logical", "traffic.scale_up_tokens_wire",
		"traffic.max_rank.scale_out_tokens_wire", "bandwidth_gbps.scale_out_logical", "bandwidth_gbps.scale_out_wire",
		"bandwidth_gbps.scale_up_logical", "bandwidth_gbps.scale_up_wire", "host.cores"} {
		if at(rec, path) == nil {
			t.Errorf("%s is missing", path)
		}
	}
}

func at(v any, path string) any {
	for _, key := range strings.Split(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

func TestBadCommandLinesSayWhatWouldDo(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	empty := write("empty", "")
	repeated := write("repeated.jsonl", `{"experts":[1,2]}`+"\n"+`{"experts":[3,3]}`+"\n")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"nope"}, `no command "nope"`},
		{[]string{"dispatch", "--bogus"}, "-bogus; see commbench dispatch --help"},
		{[]string{"dispatch", "extra"}, `unexpected argument "extra"`},
		{[]string{"dispatch", "--nodes", "0"}, "at least 1"},
		{[]string{"dispatch", "--nodes", "x"}, "nodes"},
		{[]string{"dispatch", "--tokens", "-3"}, "at least 0"},
		{[]string{"dispatch", "--tokens", "9999999999"}, "tokens"},
		{[]string{"dispatch", "--tokens", "200000000"}, "memory"},
		{[]string{"dispatch", "--experts", "250"}, "224 or 256 would do"},
		{[]string{"dispatch", "--topk", "300"}, "top-256"},
		{[]string{"dispatch", "--topk-groups", "-1"}, "no limit"},
		{[]string{"dispatch", "--dtype", "fp4"}, "fp8 or bf16"},
		{[]string{"dispatch", "--transport", "carrier-pigeon"}, "want mem, shm or tcp"},
		{[]string{"dispatch", "--scale-out", "tin-can"}, `--scale-out "tin-can"`},
		{[]string{"dispatch", "--algorithm", "three-hop"}, "two-hop direct alltoall"},
		{[]string{"dispatch", "--baseline", "three-hop"}, "or none"},
		{[]string{"dispatch", "--preset", "v4"}, "v3-train"},
		{[]string{"dispatch", "--check", "twice"}, "none, last or all"},
		{[]string{"dispatch", "--format", "xml"}, "want table, json"},
		{[]string{"dispatch", "--chunk", "0"}, "at least 1"},
		{[]string{"dispatch", "--iters", "0"}, "iters 0"},
		{[]string{"dispatch", "--timeout", "0s"}, "at least 1ms"},
		{[]string{"dispatch", "--masked", "1.5"}, "from 0 to 1"},
		{[]string{"dispatch", "--empty-ranks", "33"}, "32"},
		{[]string{"combine", "--bias", "3"}, "from 0 to 2"},
		{[]string{"dispatch", "--routing", "nope"}, "accepted are uniform"},
		{[]string{"dispatch", "--routing", "trace:" + empty}, "the file is empty"},
		{[]string{"dispatch", "--routing", "trace:" + filepath.Join(dir, "none")}, "none"},
		{[]string{"dispatch", "--nodes", "1", "--gpus-per-node", "2", "--routing", "trace:" + repeated}, "repeated.jsonl:2:"},
		{[]string{"dispatch", "--output", filepath.Join(dir, "no", "such", "file")}, "--output"},
		{[]string{"dispatch", "--output", dir}, "is a directory"},
	} {
		code, out, errs := commbench(t, c.args...)
		if code != exitUsage || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit %d, want %d and a message with %q\nstdout: %s\nstderr: %s", c.args, code, exitUsage, c.want, out, errs)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, name := range []string{"", "dispatch", "combine", "roundtrip", "plan", "sm", "sim", "limits", "hardware", "validate", "calibrate", "probe"} {
		args := []string{"--help"}
		file := "help.stdout"
		if name != "" {
			args, file = []string{name, "--help"}, name+"-help.stdout"
		}
		code, out, errs := commbench(t, args...)
		if code != exitGood || errs != "" {
			t.Fatalf("%v: exit %d: %s", args, code, errs)
		}
		golden(t, file, out)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (rewrite with -update):\n%s", path, diff)
	}
}

// TestDocumentsNameRealFlags keeps the documents true: what looks like a flag in
// them is one.
func TestDocumentsNameRealFlags(t *testing.T) {
	known := " --help --version "
	for _, name := range []string{"dispatch", "combine", "roundtrip", "plan", "sm", "sim dispatch", "limits", "hardware show", "validate", "calibrate", "probe", "gpu measure"} {
		_, help, _ := commbench(t, append(strings.Fields(name), "--help")...)
		known += help
	}
	// Flags of the tools that the documents tell readers to use.
	others := []string{"--race", "--tags", "--rate", "--mtu", "--name", "--bind-to", "--map-by", "--cpus-per-task", "--ntasks-per-node",
		"--kill-on-bad-exit", "--from-literal", "--now", "--nnodes", "--nproc-per-node", "--no-python", "--rdzv-backend", "--rdzv-endpoint"}
	docs, _ := filepath.Glob("../../docs/*.md")
	for _, file := range append(docs, "../../README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range regexp.MustCompile(`(^|[\s\x60(])(--[a-z][a-z-]+)`).FindAllStringSubmatch(string(text), -1) {
			if name := f[2]; !regexp.MustCompile(name+`\b`).MatchString(known) && !strings.Contains(strings.Join(others, " "), name) {
				t.Errorf("%s names %s, which is no flag", file, name)
			}
		}
	}
}

func TestPresetsCanBeOverridden(t *testing.T) {
	code, out, errs := commbench(t, "dispatch", "--preset", "v3-decode", "--nodes", "2", "--gpus-per-node", "2", "--tokens", "8", "--hidden", "128", "--iters", "1", "--format", "json")
	if code != exitGood {
		t.Fatalf("exit %d: %s", code, errs)
	}
	recs, err := record.Read(strings.NewReader(out), "stdout")
	if err != nil {
		t.Fatal(err)
	}
	if w := recs[0].Workload; *w.Preset != "v3-decode" || w.Tokens != 8 || w.Hidden != 128 || w.Experts != 256 || recs[0].Cluster.Ranks != 4 {
		t.Errorf("workload %+v on %d ranks", w, recs[0].Cluster.Ranks)
	}
}

func TestOutputFiles(t *testing.T) {
	dir := t.TempDir()
	lines := func(path string) int {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Count(b, []byte("\n"))
	}
	jsonl := filepath.Join(dir, "runs.jsonl")
	for want := 2; want <= 4; want += 2 { // two records a run: appended
		if code, out, errs := commbench(t, append([]string{"dispatch", "--format", "jsonl", "-o", jsonl}, small...)...); code != exitGood || out != "" {
			t.Fatalf("exit %d, stdout %q: %s", code, out, errs)
		}
		if got := lines(jsonl); got != want {
			t.Errorf("%d lines, want %d", got, want)
		}
	}
	csv := filepath.Join(dir, "runs.csv")
	for range 2 { // a header and two records: replaced
		if code, _, errs := commbench(t, append([]string{"dispatch", "--format", "csv", "-o", csv}, small...)...); code != exitGood {
			t.Fatalf("exit %d: %s", code, errs)
		}
		if got := lines(csv); got != 3 {
			t.Errorf("%d lines, want 3", got)
		}
	}
	// A run that is refused leaves what is there, and nothing beside it.
	before := lines(csv)
	if code, _, _ := commbench(t, "dispatch", "--experts", "7", "--format", "csv", "-o", csv); code != exitUsage {
		t.Errorf("exit %d, want %d", code, exitUsage)
	}
	if entries, _ := os.ReadDir(dir); lines(csv) != before || len(entries) != 2 {
		t.Errorf("%d lines and %d files left", lines(csv), len(entries))
	}
}

type fullDisk struct{}

var errDiskFull = errors.New("disk full")

func (fullDisk) Write([]byte) (int, error) { return 0, errDiskFull }

func TestAFailedWriteIsAFailure(t *testing.T) {
	var errs bytes.Buffer
	if code := run(context.Background(), append([]string{"commbench", "dispatch"}, small...), fullDisk{}, &errs); code != exitFail || !strings.Contains(errs.String(), "disk full") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}

func TestAnInterruptHidesNoWrongData(t *testing.T) {
	for err, want := range map[error]int{
		context.Canceled: exitFail,
		errors.Join(bench.ErrWrong, context.Canceled): exitWrong,
		bench.ErrWrong: exitWrong,
	} {
		if got := exitCode(plainly(err)); got != want {
			t.Errorf("%v: exit %d, want %d", err, got, want)
		}
	}
}

// TestInterrupt sends Ctrl-C to a run that would take long: it ends soon, with
// what was measured and exit code 1.
func TestInterrupt(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, append(append([]string{"dispatch"}, small...), "--iters", "1000000", "--check", "none", "--format", "json")...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	time.Sleep(1500 * time.Millisecond)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		_ = cmd.Process.Kill()
		<-done
		t.Fatal("still running 30 s after the interrupt")
	}
	if code := cmd.ProcessState.ExitCode(); code != exitFail || errs.String() != "commbench: interrupted\n" {
		t.Errorf("exit %d, stderr %q", code, errs.String())
	}
	recs, err := record.Read(&out, "stdout")
	if err != nil || len(recs) == 0 {
		t.Fatalf("%d records: %v", len(recs), err)
	}
	for _, r := range recs {
		if !r.Interrupted || len(r.SamplesUS) == 0 || r.Wrong != nil {
			t.Errorf("%s: interrupted %v, %d samples, wrong %v", r.Algorithm, r.Interrupted, len(r.SamplesUS), r.Wrong)
		}
	}
}
