package reports_test

import (
	"bytes"
	"errors"
	"io"
	"log"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/reports"
)

// swept are runs with 1, 2, 3 and 4 workers; the third has no limit.
func swept() reports.Sweep {
	s := reports.Sweep{Knee: 1, Meaning: []string{"knee: 2 workers."}}
	for i, us := range []float64{301_000, 154_000.4, 153_900, 160_123} {
		r := run(record.Dispatch, record.TwoHop)
		r.Baseline, r.Warnings, r.Exec.Workers = nil, nil, new(i+1)
		must(r.SetSamples([]float64{us, us, us}))
		gbps := 3517e6 / us / 1e3
		s.GBps = append(s.GBps, &gbps)
		if limit := []float64{12.5, 23.9, 0, 22}[i]; limit > 0 {
			r.Limit = &record.Limit{Kind: record.LimitCopy, GBps: limit, Workers: new(i + 1)}
			r.Efficiency = new(gbps / limit)
		}
		s.Records = append(s.Records, r)
	}
	return s
}

func ExampleWriteSweep() {
	if err := reports.WriteSweep(os.Stdout, "table", swept()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// commbench sm: dispatch by two-hop   4 nodes x 8 GPUs = 32 ranks
	// workload    1,024 tokens/rank, hidden 7168, fp8 = 7,392 B/token, 256 experts, top-8, seed 1
	// routing     uniform: 3.61 nodes and 7.27 ranks a token; hottest rank 1.03x, hottest expert 1.17x the mean
	// transport   scale-up shm, scale-out shm; 10 channels, chunk 8; 10 iterations after 2 warm-up
	//
	//             time
	//              p50  copied  limit      of   wrong
	// workers       us    GB/s   GB/s   limit  tokens
	// -----------------------------------------------
	//       1  301,000    11.7   12.5  0.935x       0
	//       2  154,000    22.8   23.9  0.956x       0
	//       3  153,900    22.9      -       -       0
	//       4  160,123    22.0   22.0  0.998x       0
	//
	// workers  # copied, | the limit of as many workers; 50 columns are 23.9 GB/s
	//       1  ######################## |
	//       2  ################################################ |  <- knee
	//       3  ################################################
	//       4  #############################################|
	//
	// warning     p95 and p99 of 3 samples are their maximum
	// warning     3 samples give no 95% confidence interval of the median (6 are needed)
	//
	// knee: 2 workers.
}

func renderSweep(t *testing.T, format string, s reports.Sweep) string {
	t.Helper()
	var b bytes.Buffer
	if err := reports.WriteSweep(&b, format, s); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return b.String()
}

// The formats for machines have the records and nothing else.
func TestSweepForMachines(t *testing.T) {
	s := swept()
	for _, format := range reports.Formats()[1:] {
		if got, want := renderSweep(t, format, s), render(t, format, s.Records, nil); got != want {
			t.Errorf("%s differs from the records':\n%s", format, got)
		}
	}
}

func TestSweepSaysWhichWorkers(t *testing.T) {
	s := swept()
	s.Records[2].Wrong = new(int64(5))
	s.Records[3].Interrupted, s.Records[3].SamplesUS = true, s.Records[3].SamplesUS[:2]
	got := renderSweep(t, "table", s)
	for _, want := range []string{"WRONG 5\n", "WRONG       3 workers: 5 tokens differ", "interrupted 4 workers: after 2 of 10 iterations"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	combine := swept()
	for i := range combine.Records {
		combine.Records[i].Op = record.Combine
	}
	if got := renderSweep(t, "table", combine); !strings.Contains(got, "commbench sm: combine by two-hop") || !strings.Contains(got, "reduced") || strings.Contains(got, "copied") {
		t.Errorf("a combine reads\n%s", got)
	}
}

// Whatever the figures are, there is a table, and a plot only where it can be drawn.
func TestSweepOfOddFigures(t *testing.T) {
	for _, c := range []struct {
		name  string
		value *float64
		plot  bool
	}{{"unknown", nil, false}, {"zero", new(0.0), false}, {"negative", new(-1.0), false}, {"NaN", new(math.NaN()), false},
		{"infinite", new(math.Inf(1)), false}, {"huge", new(math.MaxFloat64), true}, {"tiny", new(1e-300), true}} {
		s := swept()
		s.Knee = -1
		for i := range s.Records {
			s.GBps[i], s.Records[i].Limit, s.Records[i].Efficiency = c.value, nil, nil
		}
		got := renderSweep(t, "table", s)
		if strings.Contains(got, "50 columns are") != c.plot || strings.Contains(got, "knee\n") || strings.Count(got, "301,000") != 1 {
			t.Errorf("%s:\n%s", c.name, got)
		}
	}
	if got := renderSweep(t, "table", reports.Sweep{Knee: -1}); got != "no records\n" {
		t.Errorf("nothing reads %q", got)
	}
}

// A bar and a mark are within the plot, and lines neither end in spaces nor steer a
// terminal.
func TestSweepIsPrintable(t *testing.T) {
	s := swept()
	s.GBps[0] = new(1e6)
	s.Records[1].Warnings = []string{"\x1b[2J\r"}
	got := renderSweep(t, "table", s)
	for line := range strings.Lines(got) {
		line = strings.TrimSuffix(line, "\n")
		if n := utf8.RuneCountInString(line); n > 120 || strings.TrimRight(line, " ") != line {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	if strings.ContainsAny(got, "\x1b\r") || !strings.Contains(got, strings.Repeat("#", 50)) || strings.Contains(got, strings.Repeat("#", 51)) {
		t.Errorf("%q", got)
	}
	marks := slices.DeleteFunc(strings.Split(got, "\n"), func(l string) bool { return !strings.Contains(l, "|") || strings.Contains(l, "workers") })
	if len(marks) > 3 {
		t.Errorf("%d marks for 3 limits:\n%s", len(marks), got)
	}
}

func TestSweepErrors(t *testing.T) {
	full := errors.New("no space left")
	for _, format := range reports.Formats() {
		if err := reports.WriteSweep(failing{full}, format, swept()); !errors.Is(err, full) {
			t.Errorf("%s: got %v, want the writer's error", format, err)
		}
	}
	if err := reports.WriteSweep(io.Discard, "yaml", swept()); !errors.Is(err, reports.ErrFormat) {
		t.Errorf("got %v", err)
	}
}
