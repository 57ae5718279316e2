package drivertest

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/mem"
)

func bounds(t *testing.T, newDriver func() driver.Driver) {
	w := connected(t, newDriver(), shape{name: "rail 5", ranks: 2, segments: []int{100, 10}, words: 4})
	setGuard(w[1].Segment(0))
	setGuard(w[1].Segment(1))
	one, ten := make([]byte, 1), make([]byte, 10)
	wrong := []struct {
		name string
		verb func(c *transport.Channel) error
	}{
		{"put before the segment", func(c *transport.Channel) error { return c.Put(0, -1, one) }},
		{"put past the segment", func(c *transport.Channel) error { return c.Put(0, 91, ten) }},
		{"put far past the segment", func(c *transport.Channel) error { return c.Put(0, math.MaxInt, ten) }},
		{"put far before the segment", func(c *transport.Channel) error { return c.Put(0, math.MinInt, ten) }},
		{"put of nothing past the segment", func(c *transport.Channel) error { return c.Put(1, 11, nil) }},
		{"put past the smaller segment", func(c *transport.Channel) error { return c.Put(1, 10, one) }},
		{"stream past the segment", func(c *transport.Channel) error { return c.Stream(0, 91, ten) }},
		{"put to segment -1", func(c *transport.Channel) error { return c.Put(-1, 0, one) }},
		{"put to segment 2", func(c *transport.Channel) error { return c.Put(2, 0, one) }},
		{"signal of word -1", func(c *transport.Channel) error { return c.Signal(-1, 1) }},
		{"signal of word 4", func(c *transport.Channel) error { return c.Signal(4, 1) }},
		{"put-signal past the segment", func(c *transport.Channel) error { return c.PutSignal(0, 100, one, 0, 1) }},
		{"put-signal of word 4", func(c *transport.Channel) error { return c.PutSignal(0, 0, one, 4, 1) }},
	}
	for i, bad := range wrong {
		c := open(t, w[0], 1, i) // each on its own channel, as an error is final
		err := bad.verb(c)
		if !errors.Is(err, transport.ErrBounds) {
			t.Errorf("%s: %v", bad.name, err)
		}
		var where *transport.Error
		if !errors.As(err, &where) || where.World != "rail 5" || where.Rank != 0 || where.Peer != 1 || where.Channel != i {
			t.Errorf("%s: %v does not name world, rank, peer and channel", bad.name, err)
		}
		if c.Counters() != (transport.Counters{}) {
			t.Errorf("%s: counted as %+v", bad.name, c.Counters())
		}
	}
	c := open(t, w[0], 1, len(wrong))
	must(t, c.Put(1, 10, nil)) // nothing, at the very end, is inside
	must(t, c.Flush())
	if !isGuard(w[1].Segment(0)) || !isGuard(w[1].Segment(1)) || w[1].Load(0) != 0 {
		t.Error("a verb that was refused has left something at the peer")
	}
	for _, id := range [][2]int{{-1, 0}, {2, 0}, {1, -1}, {1, transport.MaxChannels}} {
		if _, err := w[0].Channel(id[0], id[1]); !errors.Is(err, transport.ErrBounds) {
			t.Errorf("channel %d to rank %d: %v", id[1], id[0], err)
		}
	}
}

func sticky(t *testing.T, newDriver func() driver.Driver) {
	w := connected(t, newDriver(), shape{ranks: 2, segments: []int{8}, words: 1})
	c, other := open(t, w[0], 1, 0), open(t, w[0], 1, 1)
	first := c.Signal(9, 1)
	for _, again := range verbs(c) {
		if again != first {
			t.Errorf("after %q a verb returned %v", first, again)
		}
	}
	must(t, other.Signal(0, 1))
	must(t, other.Flush())
	if got := w[1].Load(0); got != 1 {
		t.Errorf("the word is %d, and not 1: a channel that failed still sends, or another fails with it", got)
	}
}

// verbs calls each verb once and returns what they returned.
func verbs(c *transport.Channel) []error {
	return []error{
		c.Put(0, 0, []byte{1}), c.Signal(0, 1), c.PutSignal(0, 0, []byte{1}, 0, 1), c.Fence(), c.Flush(),
	}
}

func openOnce(t *testing.T, newDriver func() driver.Driver) {
	w := connected(t, newDriver(), shape{ranks: 2, words: 1})
	c := open(t, w[0], 1, 7)
	if _, err := w[0].Channel(1, 7); err == nil || !strings.Contains(err.Error(), "to rank 1 on channel 7") {
		t.Errorf("a channel was opened twice: %v", err)
	}
	open(t, w[0], 0, 7) // the same index to another rank is another channel
	must(t, c.Signal(0, 1))
	wait(t, w[1], 0, 1)
}

func closed(t *testing.T, newDriver func() driver.Driver) {
	w := connected(t, newDriver(), shape{ranks: 2, segments: []int{8}, words: 1})
	c := open(t, w[0], 1, 0)
	must(t, open(t, w[1], 0, 0).Signal(0, 1))
	wait(t, w[0], 0, 1)
	addrs := addresses(w)
	must(t, w[0].Close())
	must(t, w[0].Close())
	for i, err := range append(verbs(c), w[0].Connect(addrs), w[0].Wait(context.Background(), 0, 0)) {
		if !errors.Is(err, transport.ErrClosed) {
			t.Errorf("call %d after Close: %v", i, err)
		}
	}
	if _, err := w[0].Channel(1, 1); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("a channel after Close: %v", err)
	}
	if got := w[0].Load(0); got != 0 {
		t.Errorf("a word after Close is %d", got)
	}
}

func badAddresses(t *testing.T, newDriver func() driver.Driver) {
	d := newDriver()
	s := shape{name: "a", ranks: 2, segments: []int{64}, words: 2}
	good := addresses(listening(t, d, s))
	other := func(d driver.Driver, s shape) []byte { return addresses(listening(t, d, s))[1] }

	elsewhere, later := s, s
	elsewhere.name = "b"
	later.ranks = 3
	cases := map[string][]byte{
		"none":                     nil,
		"text":                     []byte("localhost:4242"),
		"zeros":                    make([]byte, 64),
		"noise":                    random(make([]byte, 1000), 1),
		"another rank's":           good[0],
		"another world's":          other(d, elsewhere),
		"a larger world's":         other(d, later),
		"with something after it":  append(bytes.Clone(good[1]), 0),
		"with something before it": append([]byte{0}, good[1]...),
	}
	if d.Name() != "mem" {
		cases["another driver's"] = other(mem.New(), s)
	}
	for name, addr := range cases {
		refused(t, d, s, name, func(own []byte) [][]byte { return [][]byte{own, addr} })
	}
	for n := range good[1] {
		refused(t, d, s, "cut short", func(own []byte) [][]byte { return [][]byte{own, good[1][:n]} })
		flipped := bytes.Clone(good[1])
		flipped[n] ^= 0x10
		refused(t, d, s, "damaged", func(own []byte) [][]byte { return [][]byte{own, flipped} })
	}
	refused(t, d, s, "none at all", func([]byte) [][]byte { return nil })
	refused(t, d, s, "one too few", func(own []byte) [][]byte { return [][]byte{own} })
	refused(t, d, s, "one too many", func(own []byte) [][]byte { return [][]byte{own, good[1], good[1]} })
	refused(t, d, s, "of an earlier run", func([]byte) [][]byte { return good })
}

// refused lets a new rank 0 connect to the addresses, which must be
// ErrBadAddress and leave a world that can be closed.
func refused(t *testing.T, d driver.Driver, s shape, name string, addrs func(own []byte) [][]byte) {
	t.Helper()
	m, err := allocate(d, 0, s.segments[0])
	must(t, err)
	w, err := transport.Listen(d, driver.Place{World: s.name, Rank: 0, Size: s.ranks},
		&transport.Options{Segments: []driver.Memory{m}, Words: s.words, Timeout: patience})
	must(t, err)
	if err := w.Connect(addrs(w.Address())); !errors.Is(err, transport.ErrBadAddress) {
		t.Errorf("an address that is %s: %v", name, err)
	}
	if _, err := w.Channel(0, 0); err == nil {
		t.Errorf("an address that is %s: a channel opens all the same", name)
	}
	must(t, w.Close())
	must(t, m.Free())
}

func disagree(t *testing.T, newDriver func() driver.Driver) {
	d := newDriver()
	ours := shape{ranks: 2, segments: []int{64, 32}, words: 2}
	for name, theirs := range map[string]shape{
		"other sizes":      {ranks: 2, segments: []int{64, 33}, words: 2},
		"another order":    {ranks: 2, segments: []int{32, 64}, words: 2},
		"a segment less":   {ranks: 2, segments: []int{64}, words: 2},
		"a word more":      {ranks: 2, segments: []int{64, 32}, words: 3},
		"a smaller world":  {ranks: 1, segments: []int{64, 32}, words: 2},
		"nothing to offer": {ranks: 2},
	} {
		w := listening(t, d, ours)[0]
		peers := listening(t, d, theirs)
		addrs := [][]byte{w.Address(), peers[len(peers)-1].Address()}
		if err := w.Connect(addrs); !errors.Is(err, transport.ErrBadAddress) {
			t.Errorf("a peer with %s: %v", name, err)
		}
	}
}

func allocations(t *testing.T, newDriver func() driver.Driver) {
	d := newDriver()
	if away(d, 0) {
		t.Skip("what rank 0 allocates is in another process, and the way there allocates")
	}
	w := connected(t, d, shape{ranks: 2, segments: []int{1 << 20}, words: 1})
	c := open(t, w[0], 1, 0)
	small, large := make([]byte, 64), make([]byte, 14336)
	must(t, c.Signal(0, 1))
	wait(t, w[1], 0, 1)
	ctx := context.Background()
	verbs := map[string]func() error{
		"put":        func() error { return errors.Join(c.Put(0, 3, small), c.Flush()) },
		"large put":  func() error { return errors.Join(c.Put(0, 3, large), c.Flush()) },
		"stream":     func() error { return errors.Join(c.Stream(0, 3, large), c.Flush()) },
		"signal":     func() error { return errors.Join(c.Signal(0, 1), c.Flush()) },
		"put-signal": func() error { return errors.Join(c.PutSignal(0, 3, large, 0, 1), c.Flush()) },
		"fence":      c.Fence,
		"flush":      c.Flush,
		"wait":       func() error { return w[1].Wait(ctx, 0, 1) },
		"load":       func() error { w[1].Load(0); return nil },
	}
	if away(d, 1) { // that it allocates is the pipe's doing
		delete(verbs, "wait")
		delete(verbs, "load")
	} else if bell := w[1].Bell(); bell != nil {
		verbs["park"] = func() error { bell.Park(bell.Arm(), time.Microsecond); return nil }
		verbs["ring"] = func() error { bell.Arm(); return c.Signal(0, 1) }
	}
	for name, verb := range verbs {
		var failed error
		n := testing.AllocsPerRun(200, func() {
			if err := verb(); err != nil {
				failed = err
			}
		})
		must(t, failed)
		if n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
