package drivertest

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
)

// Bench measures what a driver costs, through package transport, between two
// ranks of this process. Puts go from one hot block to another, so that the
// figures show the driver rather than memory: they are not a bandwidth that a
// dispatch can reach. A put is timed until it was flushed, many at a time.
func Bench(b *testing.B, newDriver func() driver.Driver) {
	// A short message; a token in FP8 with scales, and in BF16; a large block.
	for _, size := range []int{64, 7392, 14336, 1 << 20} {
		b.Run(fmt.Sprintf("put/bytes=%d", size), func(b *testing.B) {
			w := connected(b, newDriver(), shape{ranks: 2, segments: []int{size}})
			c := open(b, w[0], 1, 0)
			src := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if err := c.Put(0, 0, src); err != nil {
					b.Fatal(err)
				}
			}
			must(b, c.Flush())
		})
	}
	b.Run("signal", func(b *testing.B) {
		w := connected(b, newDriver(), shape{ranks: 2, words: 1})
		c := open(b, w[0], 1, 0)
		b.ReportAllocs()
		for b.Loop() {
			if err := c.Signal(0, 1); err != nil {
				b.Fatal(err)
			}
		}
		must(b, c.Flush())
	})
	b.Run("load", func(b *testing.B) {
		w := connected(b, newDriver(), shape{ranks: 1, words: 1})
		b.ReportAllocs()
		for b.Loop() {
			w[0].Load(0)
		}
	})
	for _, size := range []int{64, 7392} {
		b.Run(fmt.Sprintf("ping-pong/bytes=%d", size), func(b *testing.B) { pingPong(b, newDriver(), size) })
	}
	b.Run("wake/polling", func(b *testing.B) { wake(b, newDriver(), 20*time.Microsecond) })
	b.Run("wake/parked", func(b *testing.B) { wake(b, newDriver(), 5*time.Millisecond) })
	b.Run("ring/ranks=32", func(b *testing.B) { ring(b, newDriver(), 32) })
}

// pingPong times a put-signal there, and back, each after a Wait.
func pingPong(b *testing.B, d driver.Driver, size int) {
	w := connected(b, d, shape{ranks: 2, segments: []int{size}, words: 1})
	ends := [2]*transport.Channel{open(b, w[0], 1, 0), open(b, w[1], 0, 0)}
	ctx, cancel := context.WithCancel(context.Background())
	echoed := make(chan error, 1)
	go func() {
		src := make([]byte, size)
		for n := uint64(1); ; n++ {
			if err := w[1].Wait(ctx, 0, n); err != nil {
				if ctx.Err() != nil {
					err = nil
				}
				echoed <- err
				return
			}
			if err := ends[1].PutSignal(0, 0, src, 0, 1); err != nil {
				echoed <- err
				return
			}
		}
	}()
	src := make([]byte, size)
	b.SetBytes(2 * int64(size))
	b.ReportAllocs()
	n := uint64(0)
	for b.Loop() {
		n++
		if err := ends[0].PutSignal(0, 0, src, 0, 1); err != nil {
			b.Fatal(err)
		}
		if err := w[0].Wait(ctx, 0, n); err != nil {
			b.Fatal(err)
		}
	}
	cancel()
	must(b, <-echoed)
}

// wake times how long after a signal the Wait for it returns, where it has waited
// for a time before: so short that it still polls, or so long that it is parked.
func wake(b *testing.B, d driver.Driver, before time.Duration) {
	w := connected(b, d, shape{ranks: 2, words: 1})
	there, back := open(b, w[0], 1, 0), open(b, w[1], 0, 0)
	ctx, cancel := context.WithCancel(context.Background())
	var sent, woken atomic.Int64 // nanoseconds since start
	start := time.Now()
	ended := make(chan error, 1)
	go func() {
		for n := uint64(1); ; n++ {
			err := w[1].Wait(ctx, 0, n)
			woken.Store(int64(time.Since(start)))
			if err == nil {
				err = back.Signal(0, 1)
			}
			if err != nil {
				if ctx.Err() != nil {
					err = nil
				}
				ended <- err
				return
			}
		}
	}()
	var times []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		if before >= time.Millisecond {
			time.Sleep(before)
		} else {
			for at := time.Now(); time.Since(at) < before; {
			}
		}
		sent.Store(int64(time.Since(start)))
		if err := there.Signal(0, 1); err != nil {
			b.Fatal(err)
		}
		if err := w[0].Wait(ctx, 0, uint64(len(times)+1)); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Duration(woken.Load()-sent.Load()))
	}
	cancel()
	must(b, <-ended)
	ReportTimes(b, times)
}

// ReportTimes reports the median and the 99th percentile of what was timed, instead
// of the time of an iteration.
func ReportTimes(b *testing.B, times []time.Duration) {
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2]), "p50-ns")
	b.ReportMetric(float64(times[len(times)*99/100]), "p99-ns")
	b.ReportMetric(0, "ns/op")
}

// ring times a hop of a token that ranks pass around, all but one of which wait.
func ring(b *testing.B, d driver.Driver, ranks int) {
	w := connected(b, d, shape{ranks: ranks, words: 1})
	channels := make([]*transport.Channel, ranks)
	for rank := range w {
		channels[rank] = open(b, w[rank], (rank+1)%ranks, 0)
	}
	rounds := uint64(b.N/ranks + 1)
	b.ResetTimer()
	must(b, together(ranks, func(rank int) error {
		for round := range rounds {
			if rank == 0 { // whose token it is
				if err := channels[rank].Signal(0, 1); err != nil {
					return err
				}
			}
			if err := w[rank].Wait(context.Background(), 0, round+1); err != nil {
				return err
			}
			if rank > 0 {
				if err := channels[rank].Signal(0, 1); err != nil {
					return err
				}
			}
		}
		return nil
	}))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rounds*uint64(ranks)), "ns/hop")
	b.ReportMetric(0, "ns/op")
}
