package gpu

import (
	"errors"
	"fmt"
	"time"

	"github.com/commbench/commbench/nvml/cuda"
)

// latencies are of an empty kernel and of events. Those that are waited for are by this
// host's clock.
func (b *bench) latencies() error {
	empty := func() error { return b.Launch(cuda.Nothing, cuda.Grid{Blocks: 1, Threads: 32}) }
	const many = 1000
	for _, l := range []struct {
		name   string
		to     **Time
		sample func() (float64, error)
	}{
		{"launches", &b.out.Launch, func() (float64, error) {
			us, err := b.Time(func() error { return times(many, empty) })
			return us / many, err
		}},
		{"launch", &b.out.LaunchWait, func() (float64, error) { return clocked(many, func() error { return errors.Join(empty(), b.Wait()) }) }},
		{"events", &b.out.Events, func() (float64, error) { return b.Time(func() error { return nil }) }},
		{"event", &b.out.EventWait, func() (float64, error) { return clocked(many, b.Mark) }},
	} {
		b.say("GPU %d: %s", b.device.Number, l.name)
		us, err := b.repeat(l.sample)
		if err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		if *l.to, err = timeOf(us); err != nil {
			return err
		}
	}
	return nil
}

func times(n int, f func() error) error {
	for range n {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// clocked is the mean time of a call, in microseconds.
func clocked(n int, f func() error) (us float64, err error) {
	start := time.Now()
	err = times(n, f)
	return float64(time.Since(start).Nanoseconds()) / 1e3 / float64(n), err
}
