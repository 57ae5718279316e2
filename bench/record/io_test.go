package record_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/commbench/commbench/bench/record"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var writers = map[string]func(io.Writer, []record.Record) error{
	"json":  record.WriteJSON,
	"jsonl": record.WriteJSONL,
}

func TestRoundTrip(t *testing.T) {
	for name, write := range writers {
		for _, recs := range [][]record.Record{nil, {least()}, {full(t), least(), full(t)}} {
			var b bytes.Buffer
			if err := write(&b, recs); err != nil {
				t.Fatal(err)
			}
			got, err := record.Read(&b, name)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(recs, got, cmpopts.EquateEmpty(), cmpopts.EquateNaNs()); d != "" {
				t.Errorf("%s: %s", name, d)
			}
		}
	}
}

// The two goldens are the contract as a machine meets it.
func TestWriteGolden(t *testing.T) {
	local := least()
	local.Time = local.Time.In(time.FixedZone("", 2*3600)) // written in UTC all the same
	var b bytes.Buffer
	if err := record.WriteJSON(&b, []record.Record{local, full(t)}); err != nil {
		t.Fatal(err)
	}
	golden(t, "records.json", b.String())
	b.Reset()
	if err := record.WriteJSONL(&b, []record.Record{local, full(t)}); err != nil {
		t.Fatal(err)
	}
	golden(t, "records.jsonl", b.String())
}

func TestWriteRefuses(t *testing.T) {
	bad := full(t)
	bad.SamplesUS = []float64{math.NaN()}
	for name, write := range writers {
		var b bytes.Buffer
		err := write(&b, []record.Record{bad})
		if !errors.Is(err, record.ErrInvalid) || !strings.Contains(err.Error(), "record 0") || b.Len() > 0 {
			t.Errorf("%s: %v after %d bytes", name, err, b.Len())
		}
		full := errors.New("no space left")
		if err := write(failing{full}, []record.Record{least()}); !errors.Is(err, full) {
			t.Errorf("%s: %v, want the writer's error", name, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestReadErrors(t *testing.T) {
	line := func(r record.Record) string {
		var b bytes.Buffer
		if err := record.WriteJSONL(&b, []record.Record{r}); err != nil {
			t.Fatal(err)
		}
		return strings.TrimSuffix(b.String(), "\n")
	}
	good := line(least())
	change := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%s has no %s", good, old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, c := range map[string]struct {
		in   string
		want error // nil: any
		says string
	}{
		"schema":          {good + "\n" + change("record/v1", "record/v9"), record.ErrSchema, `f:2: unknown schema "commbench.record/v9"`},
		"schema in array": {"[\n" + good + ",\n\n" + change("record/v1", "x") + "]", record.ErrSchema, "f:4: "},
		"other shape":     {`{"schema":"x","time":[]}`, record.ErrSchema, "f:1: "},
		"no schema":       {"\n{}", record.ErrSchema, `f:2: unknown schema ""`},
		"null":            {"[null]", record.ErrSchema, "f:1: "},
		"invalid":         {good + "\n" + change(`"op":"dispatch"`, `"op":"x"`), record.ErrInvalid, `f:2: invalid record: op "x"`},
		"not an object":   {"3", nil, "f:1: "},
		"kind":            {change(`"nodes":4`, `"nodes":"4"`), nil, "cluster.nodes"},
		"kind, line":      {"[\n" + strings.ReplaceAll(change(`"nodes":4`, `"nodes":"4"`), ",", ",\n"), nil, "f:11: "},
		"too big":         {change(`"nodes":4`, `"nodes":1e99`), nil, "f:1: "},
		"infinite":        {change(`"efficiency":null`, `"efficiency":1e999`), nil, "f:1: "},
		"syntax":          {good + "\n" + "{\n\"schema\" 1}", nil, "f:3: invalid character '1'"},
		"cut":             {good + "\n" + good[:100], io.ErrUnexpectedEOF, "f:2: "},
		"array cut":       {"[" + good + ",\n", io.ErrUnexpectedEOF, "f:2: "},
		"no comma":        {"[" + good + "\n" + good + "]", nil, "f:2: "},
		"no comma, cut":   {"[" + good + "\n" + good, nil, "f:2: "},
		"after the array": {"[" + good + "]\n" + good, nil, "f:1: something follows"},
		"brackets":        {"[" + good + "}", nil, "f:1: "},
		"stray":           {good + "\n}", nil, "f:2: something follows"},
		"text":            {"commbench: panic", nil, "f:1: invalid character 'c'"},
		"deep":            {strings.Repeat("[", 20_000), nil, "f:1: "},
	} {
		recs, err := record.Read(strings.NewReader(c.in), "f")
		if err == nil || recs != nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "f:") {
			t.Errorf("%s: %d records and %v; want %q", name, len(recs), err, c.says)
		}
	}

	recs, err := record.Read(strings.NewReader(change(`"nodes":4`, `"nodes":4,"racks":[{"x":1}]`)), "f")
	if err != nil || len(recs) != 1 {
		t.Errorf("a field that is not known: %v", err)
	}
	gone := errors.New("gone")
	if _, err := record.Read(iotest.ErrReader(gone), "f"); !errors.Is(err, gone) {
		t.Errorf("got %v, want the reader's error", err)
	}
}

// FuzzRead: no input panics, and what is read can be written and read again.
func FuzzRead(f *testing.F) {
	for _, recs := range [][]record.Record{nil, {least()}, {full(f), least()}} {
		for _, write := range writers {
			var b bytes.Buffer
			if err := write(&b, recs); err != nil {
				f.Fatal(err)
			}
			f.Add(b.Bytes())
		}
	}
	for _, s := range []string{"", "[", "[]]", "null", "[1,", `{"schema":"commbench.record/v1"}`, "\xff\xfe", "{}{}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		recs, err := record.Read(bytes.NewReader(in), "f")
		if err != nil {
			if recs != nil {
				t.Fatalf("%d records and the error %v", len(recs), err)
			}
			return
		}
		for name, write := range writers {
			var b bytes.Buffer
			if err := write(&b, recs); err != nil {
				t.Fatalf("%s: what was read cannot be written: %v", name, err)
			}
			again, err := record.Read(&b, name)
			if d := cmp.Diff(recs, again, cmpopts.EquateEmpty(), cmpopts.EquateNaNs()); err != nil || d != "" {
				t.Fatalf("%s: %v %s", name, err, d)
			}
		}
	})
}

// A record of 1,000 samples must stay well under what MaxInput promises.
func TestMaxInputHoldsTenThousand(t *testing.T) {
	r := full(t)
	samples := make([]float64, 1000)
	for i := range samples {
		samples[i] = 1234.567 + float64(i)
	}
	r.SamplesUS = samples
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(b)*10_000 > record.MaxInput {
		t.Errorf("one record takes %d bytes", len(b))
	}
}
