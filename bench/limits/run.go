package limits

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/commbench/commbench/bench/host"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/transport/isa"
)

// Run measures all ceilings, for 1, 2, 4, ... workers. Samples of the cases are
// taken in turn, a round of all cases after the other: a machine's bandwidth
// drifts, and what is compared should have seen the same of it.
//
// It returns what was measured with every error: the cause of ctx when it was
// interrupted, ErrShape when nothing could be run, and otherwise what failed. A
// case that fails ends alone; one that this system has not is a warning.
// Only one run at a time should use the machine.
func Run(ctx context.Context, c Config) (record.Ceilings, error) {
	if err := isa.Check(); err != nil { // kernels that were asked for and cannot run
		return record.Ceilings{}, err
	}
	r := &runner{c: c.defaults()}
	if err := r.c.check(); err != nil {
		return record.Ceilings{}, err
	}
	r.host = host.Read("") // before the load that is made here
	err := r.prepare(ctx)
	if err == nil {
		err = r.measure(ctx)
	}
	result, resultErr := r.result()
	result.Interrupted = err != nil
	for i := len(r.ends) - 1; i >= 0; i-- {
		err = errors.Join(err, r.ends[i]())
	}
	return result, errors.Join(append(r.failures, err, resultErr)...)
}

// runner holds what is measured and with what.
type runner struct {
	c        Config
	host     host.Host
	pool     *pool
	entries  []*entry
	warnings []string
	failures []error
	l2, last *int64
	bytes    int64          // of the pool
	ends     []func() error // to be called at the end, the last first
}

// prepare makes the pool, the teams and the cases.
func (r *runner) prepare(ctx context.Context) error {
	r.c.Progress("touching memory", 0, 0)
	r.l2, r.last = caches(&r.host)
	var err error
	if r.bytes, err = poolBytes(r.c.Memory, r.last); err != nil {
		return err
	}
	if r.last != nil && r.bytes < farAbove**r.last {
		r.warnings = append(r.warnings, "out of cache is less than 4 times the last cache: some blocks were found there")
	}
	if busy := r.host.Load1.Or(0); busy >= float64(runtime.NumCPU()) {
		r.warnings = append(r.warnings, fmt.Sprintf("the load average was %v before, on %d cores: others may have taken part of what is measured here",
			busy, runtime.NumCPU()))
	}
	var crews []*Crew
	for _, n := range r.c.teams() {
		crew := Threads(n)
		crews = append(crews, crew)
		r.ends = append(r.ends, func() error { crew.Close(); return nil })
	}
	if r.pool, err = newPool(r.c.Driver, crews[len(crews)-1], r.bytes, inBytes(r.l2)); err != nil {
		return err
	}
	r.ends = append(r.ends, r.pool.free)
	for _, crew := range crews {
		if err := r.kernels(crew); err != nil {
			return err
		}
	}
	r.loopback(ctx)
	w, err := WakeThreads(r.c.Driver)
	r.wake(ctx, record.LimitWakeThreads, w, err)
	if len(r.c.Peer) > 0 {
		w, err = WakeProcesses(ctx, r.c.Driver, r.c.Peer...)
		r.wake(ctx, record.LimitWakeProcesses, w, err)
	}
	return nil
}

func (r *runner) measure(ctx context.Context) error {
	for n := range r.c.Repeats {
		for i, e := range r.entries {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if e.err != nil {
				continue
			}
			r.c.Progress(e.name(), n*len(r.entries)+i, r.c.Repeats*len(r.entries))
			samples, err := e.sample(ctx)
			if ctx.Err() != nil && err != nil {
				return context.Cause(ctx)
			}
			if e.err = err; err != nil {
				r.failed(e.name(), err)
				continue
			}
			e.samples = append(e.samples, samples...)
		}
	}
	return nil
}

// result is what was measured.
func (r *runner) result() (record.Ceilings, error) {
	c := record.Ceilings{
		Schema: record.CeilingsSchema, Time: time.Now(), Version: r.c.Version, ISA: new(isa.Best().String()), Memory: new(r.c.Driver.Name()),
		PoolBytes: &r.bytes, InBytes: new(int64(2 * inBytes(r.l2))), L2Bytes: r.l2, LastBytes: r.last,
		Repeats: r.c.Repeats, SampleUS: float64(r.c.Duration.Nanoseconds()) / 1e3, Warnings: r.warnings, Host: r.host.Record(),
	}
	for _, e := range r.entries {
		if len(e.samples) == 0 {
			continue
		}
		set := e.SetGBps
		if e.Kind == record.LimitWakeThreads || e.Kind == record.LimitWakeProcesses {
			set = e.SetLatency
		}
		if err := set(e.samples); err != nil {
			return c, err
		}
		c.Cases = append(c.Cases, e.Ceiling)
	}
	return c, nil
}
