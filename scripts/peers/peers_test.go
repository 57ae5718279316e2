package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/commbench/commbench/scripts/internal/doc"
	"github.com/commbench/commbench/scripts/internal/program"
)

func TestParseLimit(t *testing.T) {
	got, err := parseLimit("# 8.000 store\n# 9.500 stream\n9.500 stream\n10.250 store, 512 bytes ahead\n", 2)
	if want := []float64{9.5, 10.25}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v (%v), want %v", got, err, want)
	}
	for _, out := range []string{"", "1 memcpy\n", "1 memcpy\n2 memcpy\n3 memcpy\n", "x memcpy\n1 memcpy\n", "0 memcpy\n1 memcpy\n"} {
		if _, err := parseLimit(out, 2); err == nil {
			t.Errorf("%q: taken as good", out)
		}
	}
}

// compared is a section as it is after two rounds.
func compared(op string) section {
	whole := func(us ...float64) (s []sample) {
		for _, v := range us {
			s = append(s, sample{Total: v})
		}
		return s
	}
	parts := func(pack, exchange, finish float64) sample {
		return sample{Total: pack + exchange + finish, Pack: pack, Exchange: exchange, Finish: finish}
	}
	return section{op: op, cluster: cluster{4, 8}, settings: settings{rounds: 2, iters: 3, tokens: 1024, command: "go run ./scripts/peers"}, sides: []contender{
		{Name: "commbench two-hop", Rounds: [][]sample{whole(90_000, 100_000, 120_000), whole(100_000, 110_000, 130_000)}},
		{Name: "an MPI", Rounds: [][]sample{
			{parts(100_000, 200_000, 50_000), parts(100_000, 200_000, 100_000), parts(100_000, 300_000, 100_000)},
			{parts(100_000, 200_000, 70_000), parts(200_000, 200_000, 150_000), parts(200_000, 300_000, 100_000)}}},
		{Name: "a C loop", Rounds: [][]sample{whole(40_000, 50_000, 60_000), whole(50_000, 55_000, 60_000)}},
	}}
}

func TestTable(t *testing.T) {
	s := compared("dispatch")
	const want = `| dispatch, 4 x 8 | median, ms | min to max | x two-hop | pack, exchange, unpack | unsorted x two-hop |
|---|---|---|---|---|---|
| commbench two-hop | 100 | 90.0 to 130 |  |  |  |
| an MPI | 400 | 350 to 600 | 4.00x (4.00 to 5.00) | 100, 200, 100 | 3.00x (3.00 to 3.64) |
| a C loop | 50.0 | 40.0 to 60.0 | 0.500x (0.500 to 0.500) |  |  |
`
	if got := s.table(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	s = compared("combine")
	for _, want := range []string{"pack, exchange, reduce", "| 3.00x (3.00 to 3.18) |"} {
		if got := s.table(); !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}

func TestReplaceBlock(t *testing.T) {
	sections := []section{compared("dispatch"), compared("combine")}
	const begin, end = "<!-- bench-peers: begin -->", "<!-- bench-peers: end -->"
	text := []byte("before\n" + begin + "\nold\n" + end + "\nafter\n")
	for range 2 { // the second time it replaces its own
		var err error
		if text, err = doc.Between(text, "bench-peers", block(sections, "2 cores", time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC))); err != nil {
			t.Fatal(err)
		}
		got := string(text)
		for _, want := range []string{"before\n" + begin + "\n\n## ", "\n\n" + end + "\nafter\n", "    go run ./scripts/peers\n", "2 cores; 2026-01-02.\n", "1,024 tokens",
			"2 rounds of 3 iterations", "| dispatch, 4 x 8 |", "| combine, 4 x 8 |"} {
			if strings.Count(got, want) != 1 {
				t.Errorf("%q is there %d times in\n%s", want, strings.Count(got, want), got)
			}
		}
		if strings.Contains(got, "old") {
			t.Errorf("the old block is still in\n%s", got)
		}
	}
	text, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := doc.Between(text, "bench-peers", "new"); err != nil {
		t.Errorf("docs/performance.md: %v", err)
	}
}

func TestCommandLine(t *testing.T) {
	s, err := parse([]string{"-quick", "-rounds", "1"}, io.Discard)
	if err != nil || s.rounds != 1 || s.tokens != 16 || s.command != "go run ./scripts/peers -quick -rounds 1" {
		t.Errorf("%+v (%v)", s, err)
	}
	for _, args := range [][]string{{"-bogus"}, {"extra"}, {"-rounds", "0"}, {"-iters", "0"}, {"-tokens", "0"}, {"-warmup", "-1"}} {
		if _, err := parse(args, io.Discard); !errors.As(err, new(program.UsageError)) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// TestTinyRun builds the peers and lets all sides take turns on two ranks.
func TestTinyRun(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs MPI programs")
	}
	for _, tool := range []string{"gcc", "mpicc.openmpi", "mpirun.openmpi", "mpicc.mpich", "mpirun.mpich"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%v: scripts/need-peers installs it", err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // many times what it takes
	defer cancel()
	dir := t.TempDir()
	peers := filepath.Join(dir, "peers")
	for _, command := range []string{
		"mpicc.openmpi -std=c11 -O1 -o " + peers + "/a2av.openmpi c/a2av.c",
		"mpicc.mpich -std=c11 -O1 -o " + peers + "/a2av.mpich c/a2av.c",
		"gcc -std=c11 -O1 -o " + peers + "/limit c/limit.c -lpthread",
		"go build -o " + dir + "/commbench ../../cmd/commbench",
	} {
		if err := os.MkdirAll(peers, 0o777); err != nil {
			t.Fatal(err)
		}
		args := strings.Fields(command)
		if _, err := doc.Output(ctx, nil, args[0], args[1:]...); err != nil {
			t.Fatal(err)
		}
	}
	s := settings{rounds: 1, iters: 2, warmup: 1, tokens: 20, mib: 4, commbench: dir + "/commbench", peers: peers}
	for _, op := range []string{"dispatch", "combine"} {
		sec := section{op: op, cluster: cluster{2, 1}, settings: s, matrix: filepath.Join(dir, op)}
		var progress bytes.Buffer
		if err := measure(ctx, &sec, &progress); err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(progress.String(), "\n"); lines != len(sec.sides) {
			t.Errorf("%d lines of progress for %d sides:\n%s", lines, len(sec.sides), progress.String())
		}
		if table := sec.table(); strings.Count(table, "\n") != 2+len(sec.sides) || strings.Contains(table, "| - |") {
			t.Errorf("the table is\n%s", table)
		}
		// A matrix of other rows than those that were named is refused.
		if err := os.WriteFile(sec.matrix, []byte("16 16\n16 16\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		exit := new(exec.ExitError)
		if _, err := sec.mpi("a2av.openmpi", "mpirun.openmpi")(ctx); !errors.As(err, &exit) || exit.ExitCode() != 2 {
			t.Errorf("a wrong matrix: %v", err)
		}
	}
}
