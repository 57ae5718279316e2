package drivertest

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
)

func memory(t *testing.T, newDriver func() driver.Driver) {
	d := newDriver()
	for _, size := range []int{1, 4095, 1 << 20} {
		m := alloc(t, d, 0, size)
		if b := m.Bytes(); len(b) != size || !bytes.Equal(b, make([]byte, size)) {
			t.Errorf("Alloc(%d) gave %d bytes, or not all are zero", size, len(b))
		}
		must(t, m.Free())
		must(t, m.Free()) // a second time is a no-op
	}
}

// Around the sizes of tokens (BF16 and FP8 with scales, of 7168 values), sizes
// that no vector instruction likes, and one above the copy's threshold for
// going past the cache.
var putSizeTable = []int{0, 1, 13, 64, 7167, 7168, 7392, 14336, 1<<20 + 1}

func putSizes(t *testing.T, newDriver func() driver.Driver) {
	sizes(t, newDriver(), func(c *transport.Channel, offset int, src []byte) error {
		if err := c.Put(0, offset, src); err != nil {
			return err
		}
		return c.Signal(0, 1)
	})
}

func streamSizes(t *testing.T, newDriver func() driver.Driver) {
	sizes(t, newDriver(), func(c *transport.Channel, offset int, src []byte) error {
		if err := c.Stream(0, offset, src); err != nil {
			return err
		}
		return c.Signal(0, 1)
	})
}

func putSignalSizes(t *testing.T, newDriver func() driver.Driver) {
	sizes(t, newDriver(), func(c *transport.Channel, offset int, src []byte) error {
		return c.PutSignal(0, offset, src, 0, 1)
	})
}

func sizes(t *testing.T, d driver.Driver, put func(c *transport.Channel, offset int, src []byte) error) {
	const room = 1<<20 + 1 + 128
	w := connected(t, d, shape{ranks: 2, segments: []int{room}, words: 1})
	c := open(t, w[0], 1, 0)
	dst := w[1].Segment(0)
	var sent uint64
	for _, size := range putSizeTable {
		src := random(make([]byte, size), uint64(size))
		for _, offset := range []int{0, 1, 63, room - size} {
			setGuard(dst)
			must(t, put(c, offset, src))
			sent++
			wait(t, w[1], 0, sent)
			if !onlyChanged(dst, offset, src) {
				t.Errorf("%d bytes at offset %d: other bytes arrived, or bytes around them changed", size, offset)
			}
		}
	}
}

func manyChannels(t *testing.T, newDriver func() driver.Driver) {
	const channels, rounds, size = 8, 50, 7392
	w := connected(t, newDriver(), shape{ranks: 2, segments: []int{channels * size}, words: 2 * channels})
	// Word i counts what arrived on channel i at rank 1; word channels+i, at rank 0,
	// what rank 1 has looked at.
	var there, back [channels]*transport.Channel
	for i := range channels {
		there[i], back[i] = open(t, w[0], 1, i), open(t, w[1], 0, i)
	}
	must(t, together(2*channels, func(n int) error {
		i, ctx := n/2, context.Background()
		block := make([]byte, size)
		for round := range uint64(rounds) {
			random(block, round<<8|uint64(i))
			if n%2 == 0 {
				if err := there[i].PutSignal(0, i*size, block, i, 1); err != nil {
					return err
				}
				if err := w[0].Wait(ctx, channels+i, round+1); err != nil {
					return err
				}
				continue
			}
			if err := w[1].Wait(ctx, i, round+1); err != nil {
				return err
			}
			if !bytes.Equal(w[1].Segment(0)[i*size:][:size], block) {
				return fmt.Errorf("channel %d, round %d: other bytes arrived", i, round)
			}
			if err := back[i].Signal(channels+i, 1); err != nil {
				return err
			}
		}
		return nil
	}))
	if got, want := there[3].Counters(), (transport.Counters{Puts: rounds, Bytes: rounds * size, Signals: rounds}); got != want {
		t.Errorf("counters are %+v, want %+v", got, want)
	}
}

func allToAll(t *testing.T, newDriver func() driver.Driver) {
	const size = 333
	for _, n := range []int{1, 2, 7} {
		t.Run(fmt.Sprintf("ranks=%d", n), func(t *testing.T) {
			w := connected(t, newDriver(), shape{name: "all", ranks: n, segments: []int{1, n * size}, words: n})
			block := func(from, to int) []byte { return random(make([]byte, size), uint64(from*n+to)) }
			must(t, together(n, func(rank int) error {
				for i := range n {
					peer := (rank + i) % n
					c, err := w[rank].Channel(peer, 0)
					if err != nil {
						return err
					}
					if err := c.Put(1, rank*size, block(rank, peer)); err != nil {
						return err
					}
					if err := c.Signal(rank, 1); err != nil {
						return err
					}
				}
				for from := range n {
					if err := w[rank].Wait(context.Background(), from, 1); err != nil {
						return err
					}
					if !bytes.Equal(w[rank].Segment(1)[from*size:][:size], block(from, rank)) {
						return fmt.Errorf("rank %d: other bytes arrived from rank %d", rank, from)
					}
				}
				return nil
			}))
		})
	}
}

func toSelf(t *testing.T, newDriver func() driver.Driver) {
	w := connected(t, newDriver(), shape{ranks: 2, segments: []int{100}, words: 1})
	for _, world := range w {
		setGuard(world.Segment(0))
		src := random(make([]byte, 50), uint64(world.Rank()))
		must(t, open(t, world, world.Rank(), 0).PutSignal(0, 7, src, 0, 1))
		wait(t, world, 0, 1)
		if !onlyChanged(world.Segment(0), 7, src) {
			t.Errorf("rank %d: other bytes arrived", world.Rank())
		}
	}
}

func twoWorlds(t *testing.T, newDriver func() driver.Driver) {
	d := newDriver()
	const size = 1000
	memories := []driver.Memory{alloc(t, d, 0, size), alloc(t, d, 1, size)}
	var worlds [2][]*transport.World
	for i, name := range []string{"up", "out"} {
		s := shape{name: name, ranks: 2, words: 1}
		for rank, m := range memories {
			worlds[i] = append(worlds[i], listen(t, d, rank, s, []driver.Memory{m}))
		}
		must(t, connect(worlds[i], addresses(worlds[i])))
	}
	// Rank 1 gets its bytes through one world and sends them on, from where they
	// are, through the other.
	src := random(make([]byte, size), 1)
	must(t, open(t, worlds[0][0], 1, 0).PutSignal(0, 0, src, 0, 1))
	wait(t, worlds[0][1], 0, 1)
	must(t, open(t, worlds[1][1], 0, 0).PutSignal(0, 0, memories[1].Bytes(), 0, 1))
	wait(t, worlds[1][0], 0, 1)
	if !bytes.Equal(memories[0].Bytes(), src) {
		t.Error("other bytes came back")
	}
	// Closing one world leaves the other alone.
	must(t, worlds[0][0].Close())
	must(t, worlds[0][1].Close())
	must(t, open(t, worlds[1][1], 0, 1).Signal(0, 1))
	wait(t, worlds[1][0], 0, 2)
}

func mapped(t *testing.T, newDriver func() driver.Driver) {
	d := newDriver()
	if away(d, 0) {
		t.Skip("what rank 0 maps is in another process")
	}
	w := connected(t, d, shape{ranks: 2, segments: []int{10, 1000}, words: 1})
	if !d.Caps().Mapped {
		if w[0].Peer(1, 1) != nil {
			t.Error("the driver says that it does not map peers, and does")
		}
		return
	}
	theirs := w[0].Peer(1, 1)
	if len(theirs) != 1000 {
		t.Fatalf("a peer's segment of 1000 bytes is mapped as %d", len(theirs))
	}
	if own := w[1].Peer(1, 1); &own[0] != &w[1].Segment(1)[0] {
		t.Error("a rank's own segment is mapped elsewhere")
	}
	for _, none := range [][]byte{w[0].Peer(1, 2), w[0].Peer(1, -1), w[0].Peer(2, 0), w[0].Peer(-1, 0)} {
		if none != nil {
			t.Error("a segment that does not exist is mapped")
		}
	}
	there, back := open(t, w[0], 1, 0), open(t, w[1], 0, 0)
	for round := range uint64(100) {
		// Stored by one rank and read by its owner, after the signal; then stored by the
		// owner and read by the other.
		src := random(make([]byte, 1000), round)
		must(t, together(2, func(rank int) error {
			ctx := context.Background()
			if rank == 1 {
				if err := w[1].Wait(ctx, 0, round+1); err != nil {
					return err
				}
				if !bytes.Equal(w[1].Segment(1), src) {
					return fmt.Errorf("round %d: the owner does not see what was stored", round)
				}
				w[1].Segment(1)[500]++
				return back.Signal(0, 1)
			}
			copy(theirs, src)
			if err := there.Signal(0, 1); err != nil {
				return err
			}
			if err := w[0].Wait(ctx, 0, round+1); err != nil {
				return err
			}
			if theirs[500] != src[500]+1 {
				return fmt.Errorf("round %d: the owner's store is not seen", round)
			}
			return nil
		}))
	}
	must(t, w[0].Close())
	if w[0].Peer(1, 1) != nil {
		t.Error("a closed world maps a peer")
	}
}
