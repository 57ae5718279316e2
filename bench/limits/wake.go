package limits

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
)

// Round trips of one measurement of a Wake. Those that come first find the other
// side asleep, or its code out of cache.
const (
	warmRounds = 100
	wakeRounds = 1000
)

// patience bounds every wait for a peer that is alive, so that a fault is an
// error and not a program that hangs.
const patience = 10 * time.Second

// Wake measures how long a signal takes to be seen by one who polls for it, as
// those who exec's roles wait for do: half of a round trip of signals, a look at
// the clock included (some 20 ns).
type Wake struct {
	ping    end
	samples []float64
	// play has the other side answer while f pings.
	play  func(ctx context.Context, f func(context.Context) error) error
	close func() error
}

// end is one rank of a world of two.
type end struct {
	world *transport.World
	out   *transport.Channel
	seen  uint64 // signals that came, which is how many were sent
}

// listen makes one of the two ranks, which is not connected yet.
func listen(d driver.Driver, rank int) (end, error) {
	w, err := transport.Listen(d, driver.Place{World: "limits", Rank: rank, Size: 2}, &transport.Options{Words: 1, Timeout: patience})
	return end{world: w}, err
}

func (e *end) connect(addrs [][]byte) error {
	if err := e.world.Connect(addrs); err != nil {
		return err
	}
	var err error
	e.out, err = e.world.Channel(1-e.world.Rank(), 0)
	return err
}

// WakeThreads measures between two threads of this process, over the driver.
func WakeThreads(d driver.Driver) (*Wake, error) {
	ends := make([]end, 2)
	addrs := make([][]byte, 2)
	for i := range ends {
		var err error
		if ends[i], err = listen(d, i); err != nil {
			return nil, errors.Join(err, closeAll(ends[:i]))
		}
		addrs[i] = ends[i].world.Address()
	}
	for i := range ends {
		if err := ends[i].connect(addrs); err != nil {
			return nil, errors.Join(err, closeAll(ends))
		}
	}
	crew := Threads(2)
	w := &Wake{ping: ends[0], samples: make([]float64, 0, wakeRounds)}
	w.play = func(ctx context.Context, f func(context.Context) error) error {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		var errs [2]error
		crew.Run(func(i int) {
			if i == 0 {
				errs[0] = f(ctx)
			} else {
				errs[1] = ends[1].echo(ctx)
			}
			if errs[i] != nil {
				cancel(errs[i]) // the other one would wait for its timeout
			}
		})
		if errs[0] != nil || errs[1] != nil {
			return context.Cause(ctx)
		}
		return nil
	}
	w.close = func() error {
		crew.Close()
		return closeAll(ends)
	}
	return w, nil
}

func closeAll(ends []end) error {
	var err error
	for _, e := range ends {
		err = errors.Join(err, e.world.Close())
	}
	return err
}

// Measure returns the latencies of the round trips of one measurement, in
// nanoseconds one way. They are valid until the next one. After an error the Wake
// can only be closed.
func (w *Wake) Measure(ctx context.Context) ([]float64, error) {
	w.samples = w.samples[:0]
	if err := w.play(ctx, w.pings); err != nil {
		return nil, fmt.Errorf("limits: wake-up: %w", err)
	}
	return w.samples, nil
}

// Close ends the other side and detaches.
func (w *Wake) Close() error { return w.close() }

func (w *Wake) pings(ctx context.Context) error {
	last := sinceEpoch()
	for i := range warmRounds + wakeRounds {
		if err := w.ping.out.Signal(0, 1); err != nil {
			return err
		}
		if err := w.ping.next(ctx); err != nil {
			return err
		}
		now := sinceEpoch()
		if i >= warmRounds {
			w.samples = append(w.samples, float64(now-last)/2)
		}
		last = now
	}
	return nil
}

// echo answers the pings of one measurement.
func (e *end) echo(ctx context.Context) error {
	for range warmRounds + wakeRounds {
		if err := e.next(ctx); err != nil {
			return err
		}
		if err := e.out.Signal(0, 1); err != nil {
			return err
		}
	}
	return nil
}

// next waits for the next signal.
func (e *end) next(ctx context.Context) error {
	e.seen++
	return e.world.Wait(ctx, 0, e.seen)
}
