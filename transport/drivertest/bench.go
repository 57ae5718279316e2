package drivertest

import (
	"context"
	"fmt"
	"testing"

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
