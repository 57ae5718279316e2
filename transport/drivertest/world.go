package drivertest

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
)

// patience bounds what must succeed. It is long: a test that reaches it fails.
const patience = 20 * time.Second

// shape is what all ranks of a world agree on.
type shape struct {
	name     string // of the world
	ranks    int
	segments []int // sizes
	words    int
	timeout  time.Duration // default patience
	hold     bool
}

// connected returns the worlds of all ranks, connected to each other. They are
// closed and their memory is freed at the end of the test.
func connected(t testing.TB, d driver.Driver, s shape) []*transport.World {
	t.Helper()
	worlds := listening(t, d, s)
	if err := connect(worlds, addresses(worlds)); err != nil {
		t.Fatal(err)
	}
	return worlds
}

// listening returns the worlds of all ranks, not yet connected.
func listening(t testing.TB, d driver.Driver, s shape) []*transport.World {
	t.Helper()
	worlds := make([]*transport.World, s.ranks)
	for rank := range worlds {
		var segments []driver.Memory
		for _, size := range s.segments {
			segments = append(segments, alloc(t, d, rank, size))
		}
		worlds[rank] = listen(t, d, rank, s, segments)
	}
	return worlds
}

func listen(t testing.TB, d driver.Driver, rank int, s shape, segments []driver.Memory) *transport.World {
	t.Helper()
	if s.timeout == 0 {
		s.timeout = patience
	}
	w, err := transport.Listen(d, driver.Place{World: s.name, Rank: rank, Size: s.ranks},
		&transport.Options{Segments: segments, Words: s.words, Timeout: s.timeout, Hold: s.hold})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// alloc returns memory for a rank.
func alloc(t testing.TB, d driver.Driver, rank, size int) driver.Memory {
	t.Helper()
	m, err := allocate(d, rank, size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Free(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func addresses(worlds []*transport.World) [][]byte {
	var addrs [][]byte
	for _, w := range worlds {
		addrs = append(addrs, w.Address())
	}
	return addrs
}

// connect connects all ranks at once, as a driver may wait for peers there.
func connect(worlds []*transport.World, addrs [][]byte) error {
	return together(len(worlds), func(rank int) error { return worlds[rank].Connect(addrs) })
}

func open(t testing.TB, w *transport.World, peer, index int) *transport.Channel {
	t.Helper()
	c, err := w.Channel(peer, index)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wait is a Wait that must succeed.
func wait(t testing.TB, w *transport.World, word int, atLeast uint64) {
	t.Helper()
	if err := w.Wait(context.Background(), word, atLeast); err != nil {
		t.Fatal(err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// together calls f(0) to f(n-1), each in a goroutine of its own, and returns
// their errors when all have ended.
func together(n int, f func(i int) error) error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = f(i) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// random fills b with bytes that depend on the seed and on nothing else.
func random(b []byte, seed uint64) []byte {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	rand.NewChaCha8(key).Read(b)
	return b
}

const guard = 0xA5

// onlyChanged says whether b holds want at offset and the guard byte elsewhere.
func onlyChanged(b []byte, offset int, want []byte) bool {
	end := offset + len(want)
	return bytes.Equal(b[offset:end], want) && isGuard(b[:offset]) && isGuard(b[end:])
}

func isGuard(b []byte) bool {
	return len(b) == 0 || b[0] == guard && bytes.Equal(b[1:], b[:len(b)-1])
}

func setGuard(b []byte) {
	b[0] = guard
	for n := 1; n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
}
