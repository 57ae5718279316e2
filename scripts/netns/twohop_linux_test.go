package netns_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/commbench/commbench/bench/record"
)

// The cluster and workload of TestTwoHopBeatsFlat: an exchange takes 0.2 to 0.8 s, of
// which two cores need some hundredths to copy.
const (
	nodes, gpus = 4, 8
	rate        = "1gbit"
	bytesPerUS  = 125.0 // of rate
)

var workload = []string{"--nodes", strconv.Itoa(nodes), "--gpus-per-node", strconv.Itoa(gpus), "--experts", "256", "--tokens", "128"}

// TestTwoHopBeatsFlat runs commbench on four nodes, a process each, whose links are
// the limit. Two-hop sends a token once to each node, flat algorithms once to each
// rank or expert: it must be as much faster as its busiest link carries less.
func TestTwoHopBeatsFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("half a minute of exchanges over slow links; not with -short")
	}
	name := up(t, "--nodes", strconv.Itoa(nodes), "--rate", rate)
	binary := filepath.Join(t.TempDir(), "commbench")
	build := exec.Command("go", "build", "-o", binary, "./cmd/commbench")
	build.Dir, build.Env = "../..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build, err, out)
	}
	var table strings.Builder
	for _, op := range []string{record.Dispatch, record.Combine} {
		for _, flat := range []string{record.AllToAll, record.Direct} {
			t.Run(op+" "+flat, func(t *testing.T) {
				again(t, func() error {
					two, other := exchange(t, name, binary, op, flat)
					row, err := compare(t, two, other, busiest(t, binary, two), busiest(t, binary, other))
					if err == nil {
						table.WriteString(row)
					}
					return err
				})
			})
		}
	}
	down(t, name)
	t.Logf("for docs/test-cluster.md:\n%s%s", tableHead, &table)
}

const tableHead = `| operation | two-hop and | MB, two-hop | MB, flat | fewer bytes | ms, two-hop | ms, flat | faster | link, two-hop | link, flat |
|---|---|---|---|---|---|---|---|---|---|
`

// compare returns a row of the table, and what is not as it must be. The bytes are
// those of the busiest links.
func compare(t *testing.T, two, other *record.Record, twoBytes, otherBytes int64) (string, error) {
	t.Helper()
	op, flat := two.Op, other.Algorithm
	faster, fewer := *other.TimeUS.P50 / *two.TimeUS.P50, float64(otherBytes)/float64(twoBytes)
	twoLink, otherLink := filled(two, twoBytes), filled(other, otherBytes)
	t.Logf("%s: two-hop is %.2f times as fast as %s; its busiest link carries %.2f times fewer bytes, all links %.2f times\n\ttwo-hop ms: %s\n\t%s ms: %s",
		op, faster, flat, fewer, float64(payload(other))/float64(payload(two)), millis(two), flat, millis(other))
	if r := faster / fewer; r < 0.85 || r > 1.15 {
		return "", fmt.Errorf("%s: two-hop is %.2f times as fast as %s, want within 15 %% of the bytes' %.2f", op, faster, flat, fewer)
	}
	if twoLink < 0.8 || otherLink < 0.8 {
		return "", fmt.Errorf("%s: the busiest link was filled to %.0f %% by two-hop and %.0f %% by %s, want at least 80 %%: something else is the limit",
			op, 100*twoLink, 100*otherLink, flat)
	}
	return fmt.Sprintf("| %s | %s | %.1f | %.1f | %.2fx | %.0f | %.0f | **%.2fx** | %.0f %% | %.0f %% |\n", op, flat, float64(twoBytes)/1e6,
		float64(otherBytes)/1e6, fewer, *two.TimeUS.P50/1e3, *other.TimeUS.P50/1e3, faster, 100*twoLink, 100*otherLink), nil
}

// exchange runs an operation with both algorithms in turn, and returns their records.
func exchange(t *testing.T, cluster, binary, op, flat string) (two, other *record.Record) {
	t.Helper()
	args := slices.Concat([]string{"exec", "--name", cluster, "--"}, first, []string{binary, op}, workload)
	args = append(args, "--algorithm", record.TwoHop, "--baseline", flat, "--iters", "5", "--format", "json",
		"--scale-up", "shm", "--scale-out", "tcp", "--tcp-congestion", "cubic") // bbr leaves a tenth of such a link idle
	out, errs, code := start(t, 3*time.Minute, nil, args...).wait(t)
	if code != 0 {
		t.Fatalf("%q: exit code %d: %s", args, code, errs)
	}
	all, err := record.Read(strings.NewReader(out), op)
	if err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if len(all) != 2 || all[0].Algorithm != record.TwoHop || all[1].Algorithm != flat {
		t.Fatalf("want a record of two-hop and one of %s: %s", flat, out)
	}
	for i := range all {
		r := &all[i]
		switch {
		case r.Wrong == nil || *r.Wrong != 0:
			t.Fatalf("%s: wrong is not 0: %s", r.Algorithm, out)
		case r.TimeUS.P50 == nil || r.Traffic.ScaleOutWire == nil || r.Traffic.BytesPerToken == nil || r.Traffic.MetadataBytesPerToken == nil:
			t.Fatalf("%s: no time or no traffic: %s", r.Algorithm, out)
		case r.Transport.ScaleOut == nil || *r.Transport.ScaleOut != "tcp":
			t.Fatalf("%s: not over tcp: %s", r.Algorithm, out)
		case r.Counted == nil || r.Counted.Bytes < r.Counted.LedgerBytes || r.Counted.Bytes > r.Counted.MostBytes:
			t.Fatalf("%s: the interface of host 0 counted %+v; want what the ledger has, and headers", r.Algorithm, r.Counted)
		}
	}
	return &all[0], &all[1]
}

// payload is the payload and scales that crossed all links.
func payload(r *record.Record) int64 { return *r.Traffic.ScaleOutWire * *r.Traffic.BytesPerToken }

// busiest is the most bytes, payload, scales and metadata, that a node sends or
// receives. A record has the sums over all; the traffic matrix of the same
// workload has each pair, as rows that are rounded up to 16 bytes.
func busiest(t *testing.T, binary string, r *record.Record) int64 {
	t.Helper()
	args := append([]string{"plan", "--traffic-matrix", "--op", r.Op, "--algorithm", r.Algorithm}, workload...)
	out, err := exec.Command(binary, args...).Output()
	if err != nil {
		t.Fatalf("commbench %q: %v", args, err)
	}
	var sent, received [nodes]int64
	var all int64
	from := 0
	for line := range strings.Lines(string(out)) {
		to := 0
		for cell := range strings.FieldsSeq(line) {
			n, err := strconv.ParseInt(cell, 10, 64)
			if err != nil || from >= nodes*gpus || to >= nodes*gpus {
				t.Fatalf("commbench %q: line %d, cell %d: %q (%v)", args, from, to, cell, err)
			}
			if from/gpus != to/gpus {
				sent[from/gpus] += n
				received[to/gpus] += n
				all += n
			}
			to++
		}
		from++
	}
	row := *r.Traffic.BytesPerToken + int64(*r.Traffic.MetadataBytesPerToken)
	rounded := (row + 15) / 16 * 16
	if all != *r.Traffic.ScaleOutWire*rounded {
		t.Fatalf("%s %s: the matrix has %d bytes between nodes, the record %d rows of %d", r.Op, r.Algorithm, all, *r.Traffic.ScaleOutWire, rounded)
	}
	return int64(float64(max(slices.Max(sent[:]), slices.Max(received[:]))) * float64(row) / float64(rounded))
}

// filled is how much of its rate the busiest link carried, headers left out.
func filled(r *record.Record, bytes int64) float64 {
	return float64(bytes) / *r.TimeUS.P50 / bytesPerUS
}

func millis(r *record.Record) string {
	ms := make([]float64, len(r.SamplesUS))
	for i, us := range r.SamplesUS {
		ms[i] = float64(int64(us/100)) / 10
	}
	text, err := json.Marshal(ms)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
