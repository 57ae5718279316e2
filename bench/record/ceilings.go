package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"slices"
	"time"

	"github.com/commbench/commbench/bench/stats"
)

// CeilingsSchema is the name and version of the contract of Ceilings.
const CeilingsSchema = "commbench.limits/v1"

// The kinds of ceiling that no run of an operation is compared with.
const (
	LimitQuantize      = "quantize"       // BF16 to FP8 with scales
	LimitDequantize    = "dequantize"     // and back
	LimitLoopback      = "loopback"       // TCP within the host
	LimitWakeThreads   = "wake-threads"   // a signal from one thread to another that polls
	LimitWakeProcesses = "wake-processes" // from one process to another
)

// Where the blocks of a ceiling are.
const (
	InCache    = "in"  // of a core's second cache, sources and targets together
	OutOfCache = "out" // in a pool that is larger than any cache
)

// Ceilings are what a host can do at best: one document, apart from the records
// of runs. Unknown, and what a case does not have, is null.
type Ceilings struct {
	Schema      string    `json:"schema"`
	Time        time.Time `json:"time"`    // of the measurement; written in UTC, RFC 3339
	Version     string    `json:"version"` // of the program that measured
	ISA         *string   `json:"isa"`     // instruction set of the kernels: "avx512", ...
	Memory      *string   `json:"memory"`  // the driver whose memory and signals these are
	PoolBytes   *int64    `json:"pool_bytes"`
	InBytes     *int64    `json:"in_cache_bytes"` // of each worker
	L2Bytes     *int64    `json:"l2_bytes"`       // of a core
	LastBytes   *int64    `json:"last_level_cache_bytes"`
	Repeats     int       `json:"repeats"` // samples of each case, taken in turn with those of all others
	SampleUS    float64   `json:"sample_us"`
	Cases       []Ceiling `json:"cases"`
	Warnings    []string  `json:"warnings"`    // what limits the figures
	Interrupted bool      `json:"interrupted"` // stopped before all repeats; cases without a sample are left out
	Host        HostInfo  `json:"host"`
}

// Ceiling is one case. A rate is that of all workers together.
type Ceiling struct {
	Kind       string  `json:"kind"`        // "copy", "reduce", ...
	BlockBytes *int64  `json:"block_bytes"` // of one row that is read
	Order      *string `json:"order"`       // "random" or "sequential"
	Cache      *string `json:"cache"`       // "in" or "out"
	Stores     *string `json:"stores"`      // "ordinary", or "streaming" (past the caches)
	Rows       *int    `json:"rows"`        // reduce: rows that are added into one
	Workers    *int    `json:"workers"`     // threads; loopback: connections, with two threads each
	Samples    int     `json:"samples"`     // repeats that were measured; wake: round trips
	GBps       Spread  `json:"gbps"`        // 1e9 bytes a second
	LatencyNS  Latency `json:"latency_ns"`
}

// Spread is over the repeats; P50 is one of them, by nearest rank.
type Spread struct {
	P50 *float64 `json:"p50"`
	Min *float64 `json:"min"`
	Max *float64 `json:"max"`
}

// Latency is over round trips, in nanoseconds one way.
type Latency struct {
	P50 *float64 `json:"p50"`
	P99 *float64 `json:"p99"`
}

// Validate checks what every reader may rely on: the schema and the kinds are
// known words, the time is set, and no number is NaN, infinite or negative or
// out of its order. The error is ErrSchema for the schema, or else ErrInvalid.
func (c *Ceilings) Validate() error {
	if c.Schema != CeilingsSchema {
		return fmt.Errorf("%w %q; this program knows %q", ErrSchema, c.Schema, CeilingsSchema)
	}
	if y := c.Time.UTC().Year(); c.Time.IsZero() || y < 0 || y > 9999 {
		return fmt.Errorf("%w: time %v", ErrInvalid, c.Time)
	}
	for name, value := range c.Leaves() {
		if err := checkNumbers(name, value); err != nil {
			return err
		}
	}
	kinds := []string{LimitCopy, LimitReduce, LimitQuantize, LimitDequantize, LimitLoopback, LimitWakeThreads, LimitWakeProcesses}
	for i := range c.Cases {
		if k := &c.Cases[i]; !slices.Contains(kinds, k.Kind) {
			return fmt.Errorf("%w: case %d is of kind %q", ErrInvalid, i, k.Kind)
		}
		if err := c.Cases[i].validate(); err != nil {
			return fmt.Errorf("case %d: %w", i, err)
		}
	}
	return nil
}

func (c *Ceiling) validate() error {
	for name, value := range c.Leaves() {
		if err := checkNumbers(name, value); err != nil {
			return err
		}
	}
	return errors.Join(
		ascending("gbps min, p50, max", c.GBps.Min, c.GBps.P50, c.GBps.Max),
		ascending("latency_ns p50, p99", c.LatencyNS.P50, c.LatencyNS.P99))
}

// Leaves yields the leaves of the document but for the cases, as Record.Leaves
// does.
func (c *Ceilings) Leaves() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		walk(reflect.ValueOf(c).Elem(), "", true, func(name string, value any) bool {
			return name == "cases" || yield(name, value)
		})
	}
}

// Leaves yields the leaves of a case, as Record.Leaves does.
func (c *Ceiling) Leaves() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) { walk(reflect.ValueOf(c).Elem(), "", true, yield) }
}

// SetGBps sets the spread of the repeats, in GB/s. The errors are those of
// stats.Summarize.
func (c *Ceiling) SetGBps(samples []float64) error {
	s, err := stats.Summarize(samples)
	if err != nil {
		return err
	}
	c.Samples, c.GBps = s.N, Spread{P50: &s.P50, Min: &s.Min, Max: &s.Max}
	return nil
}

// SetLatency sets the latency of the round trips, in nanoseconds one way. The
// errors are those of stats.Summarize.
func (c *Ceiling) SetLatency(ns []float64) error {
	s, err := stats.Summarize(ns)
	if err != nil {
		return err
	}
	c.Samples, c.LatencyNS = s.N, Latency{P50: &s.P50, P99: &s.P99}
	return nil
}

// WriteCeilings writes the document as indented JSON, in one call to w.Write.
// Nothing is written if it is not valid.
func WriteCeilings(w io.Writer, c Ceilings) error {
	if err := c.Validate(); err != nil {
		return err
	}
	c.Time = c.Time.UTC()
	if c.Cases == nil { // no case is not an unknown one
		c.Cases = []Ceiling{}
	}
	if c.Warnings == nil {
		c.Warnings = []string{}
	}
	return encode(w, c, "  ")
}

// maxCeilings bounds what ReadCeilings takes, in bytes: ten thousand cases.
const maxCeilings = 8 << 20

// ReadCeilings reads what WriteCeilings wrote and validates it; fields that are
// not known are ignored. An error starts with name; it is ErrTooLarge, ErrSchema,
// ErrInvalid, what r returned, or one of JSON's.
func ReadCeilings(r io.Reader, name string) (Ceilings, error) {
	var c Ceilings
	data, err := io.ReadAll(io.LimitReader(r, maxCeilings+1))
	switch {
	case err != nil:
	case len(data) > maxCeilings:
		err = fmt.Errorf("%w: more than %d bytes", ErrTooLarge, maxCeilings)
	default:
		// The schema first: what another one calls a field is not an error in it.
		var head struct {
			Schema string `json:"schema"`
		}
		if err = json.Unmarshal(data, &head); err != nil {
			break
		}
		if c.Schema = head.Schema; c.Schema == CeilingsSchema {
			err = json.Unmarshal(data, &c)
		}
		if err == nil {
			err = c.Validate()
		}
	}
	if err != nil {
		return Ceilings{}, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}
