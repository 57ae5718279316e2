package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/commbench/commbench/scripts/internal/doc"
	"github.com/commbench/commbench/scripts/internal/program"
)

// TestMain is what the children of trials start.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == childArg {
		os.Exit(child(os.Args[2]))
	}
	os.Exit(m.Run())
}

func TestCommandLine(t *testing.T) {
	s, err := parse([]string{"-only", "4", "-rounds", "3"}, io.Discard)
	if err != nil || s.only != 4 || s.rounds != 3 || s.tokens != 1024 {
		t.Errorf("%+v (%v)", s, err)
	}
	if s, err = parse([]string{"-quick", "-rounds", "3"}, io.Discard); err != nil || s.rounds != 1 || s.tokens != 16 {
		t.Errorf("%+v (%v)", s, err)
	}
	for _, args := range [][]string{{"-bogus"}, {"extra"}, {"-rounds", "0"}, {"-only", "6"}, {"-only", "-1"}, {"-only", "1", "-write", "x"}, {"-quick", "-write", "x"}} {
		if _, err := parse(args, io.Discard); !errors.As(err, new(program.UsageError)) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestParseIperf3(t *testing.T) {
	got, err := parseIperf3([]byte(`{"start":{}, "end":{"sum_sent":{"bits_per_second":9e9},"sum_received":{"bits_per_second":8e9}}}`))
	if err != nil || len(got) != 1 || got[0] != 1 {
		t.Errorf("%v GB/s (%v), want 1", got, err)
	}
	for _, text := range []string{"", "{}", "[1]", `{"error":"unable to connect"}`, `{"end":{"sum_received":{"bits_per_second":-1}}}`} {
		if _, err := parseIperf3([]byte(text)); err == nil {
			t.Errorf("%q: taken as good", text)
		}
	}
}

// The document that the Makefile names has a place for the block.
func TestMarkers(t *testing.T) {
	text, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := doc.Between(text, "network", "new"); err != nil {
		t.Error(err)
	}
}

// Bytes that did not arrive are noticed.
func TestArrived(t *testing.T) {
	trial := &trial{Streams: 2, Row: rows[0]}
	b := make([]byte, 2*block)
	fill(b)
	clear(b[block/rows[0]*rows[0] : block]) // no row reaches here
	if err := arrived(b, trial); err != nil {
		t.Error(err)
	}
	b[block+rows[0]] = 0
	if err := arrived(b, trial); err == nil || !strings.Contains(err.Error(), "stream 1") {
		t.Error(err)
	}
}

func TestFailures(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("the user is in a hurry")
	cancel(why)
	if _, err := (trial{Part: "bare", Procs: 2, Streams: 1}).run(ctx); !errors.Is(err, why) {
		t.Errorf("ended before it began: %v", err)
	}
	// Neither process can have memory for less than no streams.
	if _, err := (trial{Part: "put", Procs: 2, Streams: -1}).run(context.Background()); err == nil {
		t.Error("no error")
	}
	if code := child(`{"Part":"none"}`); code != 1 {
		t.Errorf("a part that is not there: exit %d", code)
	}
	if code := child(`{"Part":"put"}`); code != 1 { // this is no child
		t.Errorf("no parent: exit %d", code)
	}
}

// TestQuick measures all targets for a moment.
func TestQuick(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs MPI programs")
	}
	for _, tool := range []string{"mpicc.openmpi", "mpirun.openmpi", "iperf3"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%v: scripts/need-peers installs it", err)
		}
	}
	ctx, dir := context.Background(), t.TempDir()
	for _, command := range []string{
		"mpicc.openmpi -std=c11 -O1 -o " + dir + "/a2av.openmpi ../peers/c/a2av.c",
		"go build -o " + dir + "/commbench ../../cmd/commbench",
	} {
		args := strings.Fields(command)
		if _, err := doc.Output(ctx, nil, args[0], args[1:]...); err != nil {
			t.Fatal(err)
		}
	}
	var out, progress bytes.Buffer
	if err := run(ctx, []string{"-quick", "-commbench", filepath.Join(dir, "commbench"), "-peers", dir}, &out, &progress); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	goleak.VerifyNone(t)
	for _, want := range []string{"| 1 | ", "| 2 | ", "| 3 | ", "| 4 | ", "| 5 | ", "| iperf3 |", "| one process |", "| Open MPI |", "sockets of a process"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(text, "could not be measured") || strings.Contains(text, "| - |") || t.Failed() {
		t.Errorf("printed\n%s\nand said\n%s", text, progress.String())
	}
}
