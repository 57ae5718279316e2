package limits

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/commbench/commbench/alltoall/kernel"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/isa"
)

// The rows of DeepSeek-V3: 7168 values, as FP8 with their scales and as BF16.
const (
	hidden  = 7168
	fp8Row  = hidden + hidden/kernel.FP8Block*4
	bf16Row = 2 * hidden
)

// entry is one case and its samples.
type entry struct {
	record.Ceiling
	sample  func(ctx context.Context) ([]float64, error)
	samples []float64
	err     error // why there are no more samples
}

func (e *entry) name() string {
	s := e.Kind
	if e.BlockBytes != nil {
		s += fmt.Sprintf(" of %d bytes", *e.BlockBytes)
	}
	if e.Workers != nil {
		s += fmt.Sprintf(", %d workers", *e.Workers)
	}
	return s
}

// add adds a case that a team measures in the pool, in cache and out of it.
func (r *runner) add(c record.Ceiling, team Team, prepare func(sources, targets [][]byte) (*Probe, error)) error {
	for _, cache := range []string{record.InCache, record.OutOfCache} {
		from, to := r.pool.sources, r.pool.targets
		warm := time.Duration(0)
		if cache == record.InCache {
			n := r.pool.in * team.Workers()
			// The case before has taken the cache.
			from, to, warm = from[:n], to[:n], r.c.Duration/10
		}
		p, err := prepare([][]byte{from}, [][]byte{to})
		if err != nil {
			return err
		}
		c.Cache, c.Workers = &cache, new(team.Workers())
		r.entries = append(r.entries, &entry{Ceiling: c, sample: func(context.Context) ([]float64, error) {
			if warm > 0 {
				p.Measure(warm)
			}
			return []float64{p.Measure(r.c.Duration)}, nil
		}})
	}
	return nil
}

// kernels adds the cases of all that moves blocks.
func (r *runner) kernels(team Team) error {
	stores := []Stores{Ordinary, Streaming}
	if isa.Best() == isa.Pure { // which has no streaming stores
		stores = stores[:1]
	}
	for _, block := range []int{fp8Row, bf16Row} {
		for _, order := range []Order{Random, Sequential} {
			for _, how := range stores {
				c := record.Ceiling{Kind: record.LimitCopy, BlockBytes: new(int64(block)), Order: new(order.String()), Stores: new(how.String())}
				err := r.add(c, team, func(sources, targets [][]byte) (*Probe, error) {
					return Copy{Block: block, Stride: stride(block), Sources: sources, Targets: targets, Order: order, Stores: how}.Probe(team)
				})
				if err != nil {
					return err
				}
			}
		}
	}
	for _, rows := range []int{2, 4, 8} {
		c := record.Ceiling{Kind: record.LimitReduce, BlockBytes: new(int64(bf16Row)), Order: new(Random.String()), Rows: &rows}
		err := r.add(c, team, func(sources, targets [][]byte) (*Probe, error) {
			return Sum{Block: bf16Row, Stride: stride(bf16Row), Rows: rows, Sources: sources, Targets: targets}.Probe(team)
		})
		if err != nil {
			return err
		}
	}
	for _, back := range []bool{false, true} {
		c := record.Ceiling{Kind: record.LimitQuantize, BlockBytes: new(int64(bf16Row)), Order: new(Random.String())}
		if back {
			c.Kind, *c.BlockBytes = record.LimitDequantize, fp8Row
		}
		err := r.add(c, team, func(sources, targets [][]byte) (*Probe, error) {
			return Cast{Values: hidden, Stride: stride(bf16Row), Back: back, Sources: sources, Targets: targets}.Probe(team)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// stride keeps rows on cache lines of their own, as those of a segment are.
func stride(block int) int { return (block + 63) &^ 63 }

// loopback adds TCP, on as many connections as there are workers.
func (r *runner) loopback(ctx context.Context) {
	sizes := r.c.teams()
	l, err := NewLoopback(sizes[len(sizes)-1], "")
	if err != nil {
		r.missing(ctx, record.LimitLoopback, err)
		return
	}
	r.ends = append(r.ends, l.Close)
	for _, n := range sizes {
		c := record.Ceiling{Kind: record.LimitLoopback, BlockBytes: new(int64(message)), Workers: &n}
		r.entries = append(r.entries, &entry{Ceiling: c, sample: func(context.Context) ([]float64, error) {
			rate, err := l.Measure(n, r.c.Duration)
			return []float64{rate}, err
		}})
	}
}

// wake adds signals between threads, or between processes.
func (r *runner) wake(ctx context.Context, kind string, w *Wake, err error) {
	if err != nil {
		r.missing(ctx, kind, err)
		return
	}
	r.ends = append(r.ends, w.Close)
	r.entries = append(r.entries, &entry{Ceiling: record.Ceiling{Kind: kind}, sample: w.Measure})
}

// missing is a kind that this system has not, or that failed.
func (r *runner) missing(ctx context.Context, kind string, err error) {
	switch {
	case ctx.Err() != nil: // which is why
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, driver.ErrNotSupported):
		r.warnings = append(r.warnings, kind+" is not measured: not supported on this system")
	default:
		r.failed(kind, err)
	}
}

// failed notes an error that leaves the other cases as they are.
func (r *runner) failed(what string, err error) {
	r.warnings = append(r.warnings, fmt.Sprintf("%s stopped: %v", what, err))
	r.failures = append(r.failures, fmt.Errorf("%s: %w", what, err))
}
