package record

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
)

// ErrInvalid: a record breaks one of the rules of Validate.
var ErrInvalid = errors.New("invalid record")

// Validate checks what every reader may rely on: schema, source and op are
// known words; time and algorithm are set; the cluster multiplies out; no
// number is NaN, infinite or negative; and, among those that are known,
// min <= p50 <= p95 <= p99 <= max and ratio_min <= ratio <= ratio_max. The
// error is ErrInvalid, or ErrSchema for the schema.
func (r *Record) Validate() error {
	if r.Schema != Schema {
		return fmt.Errorf("%w %q; this program knows %q", ErrSchema, r.Schema, Schema)
	}
	if y := r.Time.UTC().Year(); r.Time.IsZero() || y < 0 || y > 9999 {
		return fmt.Errorf("%w: time %v", ErrInvalid, r.Time)
	}
	if !slices.Contains([]string{Measured, Simulated, Model, Imported}, r.Source) {
		return fmt.Errorf("%w: source %q", ErrInvalid, r.Source)
	}
	if !slices.Contains([]string{Dispatch, Combine, Roundtrip}, r.Op) {
		return fmt.Errorf("%w: op %q", ErrInvalid, r.Op)
	}
	if r.Algorithm == "" {
		return fmt.Errorf("%w: no algorithm", ErrInvalid)
	}
	// Division, because the product of two numbers from a file may overflow.
	if c := r.Cluster; c.Nodes < 1 || c.GPUsPerNode < 1 || c.Ranks%c.Nodes != 0 || c.Ranks/c.Nodes != c.GPUsPerNode {
		return fmt.Errorf("%w: %d nodes x %d GPUs are not %d ranks", ErrInvalid, c.Nodes, c.GPUsPerNode, c.Ranks)
	}
	for _, v := range r.Verdicts {
		if !slices.Contains([]string{Good, Bad, Unknown, None}, v.State) {
			return fmt.Errorf("%w: verdict %s is %q", ErrInvalid, v.Name, v.State)
		}
	}
	for name, value := range r.Leaves() {
		if err := checkNumbers(name, value); err != nil {
			return err
		}
	}
	t := r.TimeUS
	if err := ascending("time_us min, p50, p95, p99, max", t.Min, t.P50, t.P95, t.P99, t.Max); err != nil {
		return err
	}
	if b := r.Baseline; b != nil {
		return ascending("baseline ratio_min, ratio, ratio_max", b.RatioMin, &b.Ratio, b.RatioMax)
	}
	return nil
}

func checkNumbers(name string, value any) error {
	v := reflect.ValueOf(value)
	switch {
	case v.CanInt():
		return checkNumber(name, float64(v.Int()))
	case v.CanFloat():
		return checkNumber(name, v.Float())
	}
	samples, _ := value.([]float64)
	for i, s := range samples {
		if err := checkNumber(fmt.Sprintf("%s[%d]", name, i), s); err != nil {
			return err
		}
	}
	return nil
}

func checkNumber(name string, v float64) error {
	if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return fmt.Errorf("%w: %s is %v", ErrInvalid, name, v)
	}
	return nil
}

func ascending(what string, values ...*float64) error {
	last := math.Inf(-1)
	for _, v := range values {
		if v == nil {
			continue
		}
		if *v < last {
			return fmt.Errorf("%w: %s are not in this order", ErrInvalid, what)
		}
		last = *v
	}
	return nil
}
