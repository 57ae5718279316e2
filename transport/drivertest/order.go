package drivertest

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
)

func neverOvertakes(t *testing.T, newDriver func() driver.Driver) {
	stream(t, newDriver(), func(c *transport.Channel, offset int, src []byte) error {
		// Two puts, so that a signal that waits for the last one only is found out.
		half := len(src) / 2
		if err := c.Put(0, offset, src[:half]); err != nil {
			return err
		}
		if err := c.Put(0, offset+half, src[half:]); err != nil {
			return err
		}
		return c.Signal(0, 1)
	})
}

func streamNeverOvertaken(t *testing.T, newDriver func() driver.Driver) {
	stream(t, newDriver(), func(c *transport.Channel, offset int, src []byte) error {
		half := len(src) / 2
		if err := c.Stream(0, offset, src[:half]); err != nil {
			return err
		}
		// The signal of a put-signal is ordered after earlier streams too.
		return c.PutSignal(0, offset+half, src[half:], 0, 1)
	})
}

func putSignalNeverOvertakes(t *testing.T, newDriver func() driver.Driver) {
	stream(t, newDriver(), func(c *transport.Channel, offset int, src []byte) error {
		return c.PutSignal(0, offset, src, 0, 1)
	})
}

// stream sends blocks of changing sizes through a ring of slots, as a dispatch
// does: the sender puts while a slot is free, the receiver checks each block as
// soon as its signal shows and gives the slot back with a signal.
func stream(t *testing.T, d driver.Driver, put func(c *transport.Channel, offset int, src []byte) error) {
	const slots, slotSize = 4, 8192
	blocks := 2000
	if _, slow := splitOf(d); slow {
		blocks /= 4
	}
	w := connected(t, d, shape{ranks: 2, segments: []int{slots * slotSize}, words: 1})
	there, back := open(t, w[0], 1, 0), open(t, w[1], 0, 0)
	size := func(block uint64) int { return 1 + int(block*2654435761%slotSize) }
	must(t, together(2, func(rank int) error {
		ctx := context.Background()
		var buffers [slots][]byte // a source is used again when its slot is free
		for i := range buffers {
			buffers[i] = make([]byte, slotSize)
		}
		for block := range uint64(blocks) {
			slot := int(block % slots)
			want := random(buffers[slot][:size(block)], block)
			if rank == 0 {
				if err := put(there, slot*slotSize, want); err != nil {
					return err
				}
				// The next block goes where block+1-slots was.
				if block+1 >= slots {
					if err := w[0].Wait(ctx, 0, block+2-slots); err != nil {
						return err
					}
				}
				continue
			}
			if err := w[1].Wait(ctx, 0, block+1); err != nil {
				return err
			}
			if !bytes.Equal(w[1].Segment(0)[slot*slotSize:][:len(want)], want) {
				return fmt.Errorf("block %d of %d bytes: its signal came before its bytes", block, len(want))
			}
			if err := back.Signal(0, 1); err != nil {
				return err
			}
		}
		return nil
	}))
}

func wordsCount(t *testing.T, newDriver func() driver.Driver) {
	w := connected(t, newDriver(), shape{ranks: 2, segments: []int{64}, words: 3})
	c := open(t, w[0], 1, 0)
	for word := range 3 {
		if got := w[1].Load(word); got != 0 {
			t.Errorf("word %d is %d at first", word, got)
		}
	}
	must(t, c.Signal(1, 5))
	must(t, c.Signal(1, 0))
	must(t, c.PutSignal(0, 0, []byte{1}, 1, 37))
	must(t, c.Signal(2, 1<<63))
	must(t, c.Flush())
	wait(t, w[1], 1, 42)
	wait(t, w[1], 1, 7) // a value that the word is already past
	for word, want := range []uint64{0, 42, 1 << 63} {
		if got := w[1].Load(word); got != want {
			t.Errorf("word %d is %d, want %d", word, got, want)
		}
		if got := w[0].Load(word); got != 0 {
			t.Errorf("word %d of the rank that signals is %d", word, got)
		}
	}
}

func manyWriters(t *testing.T, newDriver func() driver.Driver) {
	const ranks, channels, batch = 4, 3, 100
	w := connected(t, newDriver(), shape{ranks: ranks, words: 1})
	var writers []*transport.Channel
	for n := range ranks * channels {
		writers = append(writers, open(t, w[n/channels], 0, n%channels))
	}
	// For some time, and not a number of signals: all must get to run at once.
	until := time.Now().Add(15 * time.Millisecond)
	must(t, together(len(writers), func(n int) error {
		for time.Now().Before(until) {
			for range batch {
				if err := writers[n].Signal(0, 3); err != nil {
					return err
				}
			}
		}
		return writers[n].Flush()
	}))
	var want uint64
	for _, c := range writers {
		want += 3 * uint64(c.Counters().Signals)
	}
	if got := w[0].Load(0); got != want {
		t.Errorf("after all signals were flushed the word is %d, want %d", got, want)
	}
}

func fence(t *testing.T, newDriver func() driver.Driver) {
	const rounds = 500
	w := connected(t, newDriver(), shape{ranks: 2, segments: []int{4096}, words: 1})
	c := open(t, w[0], 1, 0)
	buffers := [2][]byte{make([]byte, 4096), make([]byte, 4096)}
	for round := range uint64(rounds) {
		// Both go to one place: the second must be what is left.
		must(t, c.Put(0, 0, random(buffers[0], 2*round)))
		must(t, c.Fence())
		must(t, c.PutSignal(0, 0, random(buffers[1], 2*round+1), 0, 1))
		wait(t, w[1], 0, round+1)
		if !bytes.Equal(w[1].Segment(0), buffers[1]) {
			t.Fatalf("round %d: a put passed a fence", round)
		}
		must(t, c.Flush())
	}
}

func flush(t *testing.T, newDriver func() driver.Driver) {
	const rounds, size = 200, 14336
	w := connected(t, newDriver(), shape{ranks: 2, segments: []int{rounds * size}, words: 1})
	c := open(t, w[0], 1, 0)
	must(t, c.Flush()) // with nothing to wait for
	src := make([]byte, size)
	for round := range uint64(rounds) {
		must(t, c.PutSignal(0, int(round)*size, random(src, round), 0, 1))
		must(t, c.Flush())
		if got := w[1].Load(0); got != round+1 {
			t.Fatalf("round %d: flushed, and the word is %d", round, got)
		}
	}
	// The source was used again each time: every block must be what it was then.
	for round := range uint64(rounds) {
		if !bytes.Equal(w[1].Segment(0)[int(round)*size:][:size], random(src, round)) {
			t.Fatalf("round %d: the source was read after flush", round)
		}
	}
}
