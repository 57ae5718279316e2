package drivertest

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/mem"
)

// Rules of what drivers of networks have and others need not: over these they hold as
// well, as nothing is held back there, and sources are read at once.

func heldBack(t *testing.T, newDriver func() driver.Driver) {
	const verbs, size = 1000, 777
	w := connected(t, newDriver(), shape{ranks: 2, segments: []int{verbs * size}, words: 1, hold: true})
	there, back := open(t, w[0], 1, 0), open(t, w[1], 0, 0)
	src := random(make([]byte, verbs*size), 1)
	sent := uint64(0)
	for _, n := range []int{1, 2, verbs} { // between two pushes
		setGuard(w[1].Segment(0))
		for i := range n {
			must(t, there.PutSignal(0, i*size, src[i*size:][:size], 0, 1))
		}
		w[0].Push()
		sent += uint64(n)
		wait(t, w[1], 0, sent)
		if !onlyChanged(w[1].Segment(0), 0, src[:n*size]) {
			t.Errorf("%d puts that were held: other bytes arrived", n)
		}
	}
	must(t, there.Signal(0, 1))
	must(t, there.Flush()) // pushes
	if got := w[1].Load(0); got != sent+1 {
		t.Errorf("flushed, and the word is %d and not %d", got, sent+1)
	}
	// Who waits has pushed.
	must(t, together(2, func(rank int) error {
		for round := range uint64(50) {
			if rank == 0 {
				if err := there.Signal(0, 1); err != nil {
					return err
				}
				if err := w[0].Wait(context.Background(), 0, round+1); err != nil {
					return err
				}
				continue
			}
			if err := w[1].Wait(context.Background(), 0, sent+round+2); err != nil {
				return err
			}
			if err := back.Signal(0, 1); err != nil {
				return err
			}
		}
		w[rank].Push()
		return nil
	}))
}

func reusable(t *testing.T, newDriver func() driver.Driver) {
	const rounds, puts, size = 4, 16, 256 << 10 // more in a round than sockets hold
	for _, hold := range []bool{false, true} {
		w := connected(t, newDriver(), shape{name: fmt.Sprintf("hold %v", hold), ranks: 2, segments: []int{puts * size}, words: 1, hold: hold})
		c := open(t, w[0], 1, 0)
		src := make([]byte, puts*size)
		for round := range uint64(rounds) {
			random(src, round)
			for i := range puts {
				must(t, c.Put(0, i*size, src[i*size:][:size]))
			}
			mark := c.Mark()
			w[0].Push()
			for idle := (transport.Backoff{Bell: w[0].Bell()}); ; idle.Pause() {
				free, err := c.Reusable(mark)
				must(t, err)
				if free {
					break
				}
				if idle.Waited() > patience {
					t.Fatalf("round %d: sources are not free after %v", round, idle.Waited())
				}
			}
			clear(src)
			must(t, c.Signal(0, 1))
			w[0].Push()
			wait(t, w[1], 0, round+1)
			if !bytes.Equal(w[1].Segment(0), random(src, round)) {
				t.Fatalf("round %d: a source was read after it was said to be free", round)
			}
		}
	}
}

func chimes(t *testing.T, newDriver func() driver.Driver) {
	other := connected(t, mem.New(), shape{ranks: 1, words: 1})[0]
	w := connected(t, newDriver(), shape{ranks: 2, words: 1})
	if !w[1].Chime(other.Bell()) {
		t.Skip("the driver cannot ring another's bell, or rank 1 is in another process than that")
	}
	c := open(t, w[0], 1, 0)
	must(t, c.Signal(0, 1)) // opens connections, whatever that rings
	wait(t, w[1], 0, 1)
	for n := range uint64(50) {
		must(t, together(2, func(i int) error {
			if i == 0 {
				return park(w[1], other.Bell(), n+2)
			}
			return c.Signal(0, 1)
		}))
	}
}

// A goodbye takes a moment to arrive, so the peer is watched for a while.
func closedIsNotLost(t *testing.T, newDriver func() driver.Driver) {
	w := connected(t, newDriver(), shape{ranks: 2, words: 1})
	must(t, open(t, w[0], 1, 0).Signal(0, 1))
	must(t, open(t, w[1], 0, 0).Signal(0, 1))
	wait(t, w[0], 0, 1)
	wait(t, w[1], 0, 1)
	must(t, w[0].Fault())
	must(t, w[1].Close())
	for until := time.Now().Add(20 * time.Millisecond); time.Now().Before(until); time.Sleep(time.Millisecond) {
		if err := w[0].Fault(); err != nil {
			t.Fatalf("a rank that has closed is lost: %v", err)
		}
	}
}
