package reports_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/perf/benchfmt"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/reports"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func render(t *testing.T, format string, recs []record.Record, opts *reports.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := reports.Write(&b, format, recs, opts); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	seen := map[string]bool{}
	for name, recs := range cases() {
		opts := &reports.Options{}
		if name == "usual" {
			opts.Meaning = meaning
		}
		for _, format := range reports.Formats() {
			path := filepath.Join("testdata", name+"."+format)
			seen[path] = true
			got := render(t, format, recs, opts)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs (go test -update rewrites it); got:\n%s", path, got)
			}
		}
	}
	files, err := filepath.Glob("testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !seen[f] {
			t.Errorf("%s is no test's", f)
		}
	}
}

// The usual table is read in a terminal or a mail.
func TestTableWidth(t *testing.T) {
	for _, name := range []string{"usual", "combine", "wrong", "interrupted"} {
		for line := range strings.Lines(render(t, "table", cases()[name], nil)) {
			line = strings.TrimSuffix(line, "\n")
			if n := utf8.RuneCountInString(line); n > 120 {
				t.Errorf("%s: %d columns: %s", name, n, line)
			}
			if strings.TrimRight(line, " ") != line {
				t.Errorf("%s: %q ends in spaces", name, line)
			}
		}
	}
}

// Whatever a record holds, a report holds no control character that could
// steer a terminal.
func TestTableIsPrintable(t *testing.T) {
	r := run(record.Dispatch, record.TwoHop)
	evil := "\x1b[2J\u202e\r\n"
	r.Algorithm, r.Workload.Routing, r.Workload.Dtype, r.Version = evil, evil, evil, evil
	r.Workload.Preset, r.Transport.ScaleUp, r.Host.CPU = &evil, &evil, &evil
	r.Notes, r.Warnings, r.Baseline.Algorithm = []string{evil}, []string{evil}, evil
	other := run(record.Combine, record.TwoHop)
	for _, recs := range [][]record.Record{{r}, {r, other}} {
		for _, format := range []string{"table", "gobench"} {
			if got := render(t, format, recs, &reports.Options{Meaning: []string{evil}}); strings.ContainsAny(got, "\x1b\u202e\r") {
				t.Errorf("%s: %q", format, got)
			}
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	err := reports.Write(io.Discard, "yaml", nil, nil)
	if !errors.Is(err, reports.ErrFormat) || !strings.Contains(err.Error(), `"yaml": want table, json, jsonl, csv, gobench`) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// short takes less than it is given and says nothing.
type short struct{}

func (short) Write(p []byte) (int, error) { return len(p) / 2, nil }

func TestWriterErrors(t *testing.T) {
	full := errors.New("no space left")
	for _, format := range reports.Formats() {
		if err := reports.Write(failing{full}, format, usual(), nil); !errors.Is(err, full) {
			t.Errorf("%s: got %v, want the writer's error", format, err)
		}
	}
	for _, format := range []string{"table", "csv", "gobench"} {
		if err := reports.Write(short{}, format, usual(), nil); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%s: got %v, want %v", format, err, io.ErrShortWrite)
		}
	}
}

func TestInvalidRecords(t *testing.T) {
	bad := run(record.Dispatch, record.TwoHop)
	bad.TimeUS.NotifyP50 = new(math.NaN())
	for _, format := range reports.Formats() {
		var b bytes.Buffer
		err := reports.Write(&b, format, []record.Record{bad}, nil)
		if format == "table" {
			if err != nil || !strings.Contains(b.String(), "NaN") {
				t.Errorf("table: %v, and it must show the NaN:\n%s", err, b.String())
			}
		} else if !errors.Is(err, record.ErrInvalid) || b.Len() > 0 {
			t.Errorf("%s: got %v after %d bytes, want ErrInvalid", format, err, b.Len())
		}
	}
}

func TestCSV(t *testing.T) {
	for name, recs := range cases() {
		text := render(t, "csv", recs, nil)
		if strings.Count(text, "\n") != strings.Count(text, "\r\n") {
			t.Errorf("%s: a line does not end in CR LF", name)
		}
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || len(rows) != len(recs)+1 {
			t.Fatalf("%s: %d rows for %d records, %v", name, len(rows), len(recs), err)
		}
		for i, r := range recs {
			at := slices.Index(rows[0], "workload_routing")
			if got := rows[i+1][at]; got != r.Workload.Routing {
				t.Errorf("%s: routing %q, want %q", name, got, r.Workload.Routing)
			}
			wrong := rows[i+1][slices.Index(rows[0], "wrong")]
			if (wrong == "") != (r.Wrong == nil) {
				t.Errorf("%s: wrong is %q", name, wrong)
			}
		}
	}
}

// benchfmt is what benchstat reads with.
func TestGoBench(t *testing.T) {
	gomaxprocs := regexp.MustCompile(`-[0-9]+$`)
	for name, recs := range cases() {
		want := 0
		for _, r := range recs {
			if n := len(r.SamplesUS); n > 0 {
				want += n
			} else if r.TimeUS.P50 != nil {
				want++
			}
		}
		got := 0
		reader := benchfmt.NewReader(strings.NewReader(render(t, "gobench", recs, nil)), name)
		for reader.Scan() {
			switch line := reader.Result().(type) {
			case *benchfmt.Result:
				got++
				units := map[string]bool{}
				for _, v := range line.Values {
					if units[v.Unit] {
						t.Errorf("%s: %s twice in one line", name, v.Unit)
					}
					units[v.Unit] = true
				}
				if !units["sec/op"] || gomaxprocs.Match(line.Name) || line.Iters != 1 {
					t.Errorf("%s: %s %v", name, line.Name, units)
				}
				if line.GetConfig("commbench-schema") != record.Schema || line.GetConfig("source") == "" {
					t.Errorf("%s: the configuration is %v", name, line.Config)
				}
			case *benchfmt.UnitMetadata:
			default:
				t.Errorf("%s: %v", name, line)
			}
		}
		if reader.Err() != nil || got != want {
			t.Errorf("%s: %d results, want %d; %v", name, got, want, reader.Err())
		}
	}
}

// What benchfmt reads is what the record says.
func TestGoBenchValues(t *testing.T) {
	reader := benchfmt.NewReader(strings.NewReader(render(t, "gobench", usual(), nil)), "usual")
	r := usual()[0]
	for i := 0; i < len(r.SamplesUS) && reader.Scan(); {
		result, ok := reader.Result().(*benchfmt.Result)
		if !ok {
			continue
		}
		us, bandwidths := r.SamplesUS[i], record.Bandwidths(r.Traffic, r.Cluster.Ranks, r.SamplesUS[i])
		for unit, want := range map[string]float64{
			"sec/op":               us / 1e6,
			"scaleout-wire-B/s":    *bandwidths.ScaleOutWire * 1e9,
			"scaleup-logical-B/s":  *bandwidths.ScaleUpLogical * 1e9,
			"wrong/op":             0,
			"scaleout-logical-B/s": *bandwidths.ScaleOutLogical * 1e9,
		} {
			if got, ok := result.Value(unit); !ok || math.Abs(got-want) > 1e-9*want {
				t.Errorf("sample %d: %v %s, want %v", i, got, unit, want)
			}
		}
		i++
	}
}

func TestGoBenchNames(t *testing.T) {
	r := least()
	r.Workload.Dtype, r.Workload.Routing, r.TimeUS.P50 = "int-8", "a b/c%", new(1.0)
	text := render(t, "gobench", []record.Record{r}, nil)
	for _, want := range []string{"/dtype=int%2D8 1 1000 ns/op", "/routing=a%20b%2Fc%25/"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}
