package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/commbench/commbench/bench/stats"
	"github.com/commbench/commbench/scripts/internal/turns"
)

const message = 64 // bytes

func latency(ctx context.Context, s *settings) (result, error) {
	var all []contender
	for _, part := range []string{"put trip", "bare trip"} {
		all = append(all, contender{Name: part, Run: trial{Part: part, Procs: 2, Streams: 1, Trips: s.trips}.run})
	}
	if err := takeTurns(ctx, s.rounds, "round trip", all); err != nil {
		return result{}, err
	}
	ratio, median := turns.Over(figure(&all[0], 0), figure(&all[1], 0))
	tail, _ := turns.Over(figure(&all[0], 1), figure(&all[1], 1))
	met := median > 0 && median <= 1.5
	return result{met: &met, measured: fmt.Sprintf("%s; p50 %s against %s us; p99 %s: %s against %s us", ratio,
		spread(figure(&all[0], 0)), spread(figure(&all[1], 0)), tail, spread(figure(&all[0], 1)), spread(figure(&all[1], 1)))}, nil
}

// trips times messages there and back, one after the other, and returns p50 and p99 in
// microseconds. The first tenth does not count.
func (t *trial) trips(trip func(n int) error) ([]float64, error) {
	var us []float64
	for n := range t.allTrips() {
		start := time.Now()
		if err := trip(n); err != nil {
			return nil, fmt.Errorf("round trip %d: %w", n, err)
		}
		us = append(us, float64(time.Since(start).Nanoseconds())/1e3)
	}
	sum, err := stats.Summarize(us[t.Trips/10:])
	return []float64{sum.P50, sum.P99}, err
}

func (t *trial) allTrips() int { return t.Trips + t.Trips/10 }

// putTrip sends with PutSignal, and awaits with World.Wait.
func putTrip(ctx context.Context, at place, t *trial) (us []float64, err error) {
	w, memory, err := at.world(ctx, message, 1, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Close(), memory.Free()) }()
	c, err := w.Channel(1-at.Process(), 0)
	if err != nil {
		return nil, err
	}
	src := make([]byte, message)
	if at.Process() == 0 {
		us, err = t.trips(func(n int) error {
			if err := c.PutSignal(0, 0, src, 0, 1); err != nil {
				return err
			}
			return w.Wait(ctx, 0, uint64(n+1))
		})
	} else {
		for n := 0; n < t.allTrips() && err == nil; n++ {
			if err = w.Wait(ctx, 0, uint64(n+1)); err == nil {
				err = c.PutSignal(0, 0, src, 0, 1)
			}
		}
	}
	if err != nil {
		return nil, err
	}
	_, err = at.Exchange(ctx, "done", nil)
	return us, err
}

// bareTrip writes to a net.Conn, and reads from it.
func bareTrip(ctx context.Context, at place, t *trial) (us []float64, err error) {
	conns, err := at.connect(ctx, 1)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeAll(conns)) }()
	c, b := conns[0], make([]byte, message)
	if at.Process() == 0 {
		return t.trips(func(int) error {
			if _, err := c.Write(b); err != nil {
				return err
			}
			_, err := io.ReadFull(c, b)
			return err
		})
	}
	for range t.allTrips() {
		if _, err := io.ReadFull(c, b); err != nil {
			return nil, err
		}
		if _, err := c.Write(b); err != nil {
			return nil, err
		}
	}
	return nil, nil
}
