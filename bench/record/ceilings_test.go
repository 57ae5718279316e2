package record_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/stats"
)

// ceilings are one case of each shape.
func ceilings(t *testing.T) record.Ceilings {
	t.Helper()
	c := record.Ceilings{
		Schema: record.CeilingsSchema, Time: time.Date(2026, 7, 1, 14, 0, 0, 0, time.FixedZone("CEST", 7200)), Version: "v0.1.0",
		ISA: new("avx512"), Memory: new("shm"), PoolBytes: new(int64(1 << 30)), InBytes: new(int64(1 << 20)), L2Bytes: new(int64(2 << 20)),
		Repeats: 3, SampleUS: 20_000,
		Cases: []record.Ceiling{
			{Kind: record.LimitCopy, BlockBytes: new(int64(7392)), Order: new("random"), Cache: new(record.OutOfCache), Stores: new("streaming"), Workers: new(2)},
			{Kind: record.LimitWakeThreads},
		},
		Warnings: []string{"loopback is not measured: not supported on this system"},
		Host:     record.HostInfo{CPU: new("A CPU"), Cores: new(2)},
	}
	if err := errors.Join(c.Cases[0].SetGBps([]float64{19, 17, 18}), c.Cases[1].SetLatency([]float64{300, 200, 4000})); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCeilings(t *testing.T) {
	c := ceilings(t)
	if err := errors.Join(c.Cases[0].SetGBps(nil), c.Cases[1].SetLatency(nil)); !errors.Is(err, stats.ErrEmpty) {
		t.Errorf("no samples: %v", err)
	}
	var b bytes.Buffer
	if err := record.WriteCeilings(&b, c); err != nil {
		t.Fatal(err)
	}
	golden(t, "ceilings.json", b.String())
	again, err := record.ReadCeilings(&b, "buffer")
	if err != nil {
		t.Fatal(err)
	}
	var second bytes.Buffer
	if err := record.WriteCeilings(&second, again); err != nil {
		t.Fatal(err)
	}
	golden(t, "ceilings.json", second.String())

	// None of what there may be several of is null.
	b.Reset()
	c.Cases, c.Warnings = nil, nil
	if err := record.WriteCeilings(&b, c); err != nil || !strings.Contains(b.String(), `"cases": []`) || !strings.Contains(b.String(), `"warnings": []`) {
		t.Errorf("%s, %v", &b, err)
	}
}

func TestCeilingLeaves(t *testing.T) {
	c := ceilings(t)
	var names []string
	for name := range c.Leaves() {
		names = append(names, name)
	}
	if slices.Contains(names, "cases") || !slices.Contains(names, "host_cpu") || names[0] != "schema" {
		t.Errorf("%q", names)
	}
	values := map[string]any{}
	for name, value := range c.Cases[0].Leaves() {
		values[name] = value
	}
	for name, want := range map[string]any{"kind": "copy", "block_bytes": int64(7392), "gbps_p50": 18.0, "gbps_min": 17.0, "gbps_max": 19.0, "latency_ns_p50": nil, "rows": nil, "samples": 3} {
		if got, ok := values[name]; !ok || got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for range c.Leaves() {
		break // a consumer may stop
	}
}

func TestBadCeilings(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*record.Ceilings)
		says   string
		is     error
	}{
		"schema":      {func(c *record.Ceilings) { c.Schema = record.Schema }, "commbench.limits/v1", record.ErrSchema},
		"time":        {func(c *record.Ceilings) { c.Time = time.Time{} }, "time", record.ErrInvalid},
		"kind":        {func(c *record.Ceilings) { c.Cases[1].Kind = "guess" }, `case 1 is of kind "guess"`, record.ErrInvalid},
		"NaN":         {func(c *record.Ceilings) { c.Cases[0].GBps.Max = new(math.NaN()) }, "gbps_max is NaN", record.ErrInvalid},
		"negative":    {func(c *record.Ceilings) { c.Repeats = -1 }, "repeats is -1", record.ErrInvalid},
		"order":       {func(c *record.Ceilings) { c.Cases[0].GBps.Min = new(18.5) }, "case 0: ", record.ErrInvalid},
		"percentiles": {func(c *record.Ceilings) { c.Cases[1].LatencyNS.P99 = new(1.0) }, "case 1: ", record.ErrInvalid},
	} {
		doc := ceilings(t)
		c.change(&doc)
		var b bytes.Buffer
		if err := record.WriteCeilings(&b, doc); !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) || b.Len() > 0 {
			t.Errorf("%s: %v, and %d bytes were written", name, err, b.Len())
		}
	}
	for name, c := range map[string]struct {
		text string
		is   error
	}{
		"a record": {`{"schema":"commbench.record/v1","cases":"none"}`, record.ErrSchema},
		"invalid":  {`{"schema":"commbench.limits/v1"}`, record.ErrInvalid},
		"no JSON":  {`{"schema":`, nil},
		"a type":   {`{"schema":"commbench.limits/v1","cases":"none"}`, nil},
		"nothing":  {``, nil},
	} {
		if _, err := record.ReadCeilings(strings.NewReader(c.text), "file"); err == nil || !strings.HasPrefix(err.Error(), "file: ") || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := record.ReadCeilings(endless{}, "file"); !errors.Is(err, record.ErrTooLarge) {
		t.Error(err)
	}
	if _, err := record.ReadCeilings(io.MultiReader(strings.NewReader("{"), iotest.ErrReader(errRead)), "file"); !errors.Is(err, errRead) {
		t.Error(err)
	}
}

var errRead = errors.New("the disk is gone")

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }
