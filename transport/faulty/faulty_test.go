package faulty_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/drivertest"
	"github.com/commbench/commbench/transport/faulty"
	"github.com/commbench/commbench/transport/mem"
	"github.com/commbench/commbench/transport/shm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What is no fault by the contract must pass all of it.
func TestConformance(t *testing.T) {
	late := faulty.Spec{Delay: 20 * time.Microsecond}
	both := faulty.Spec{Delay: 20 * time.Microsecond, Reorder: true, Seed: 1}
	for _, spec := range []faulty.Spec{{}, {Reorder: true}, late, both} {
		conforms(t, func() driver.Driver { return mem.New() }, spec)
	}
	// The race detector does not see that words in shared memory order what a channel's
	// goroutine reads before what the caller writes later.
	if runtime.GOOS == "linux" && !race {
		conforms(t, func() driver.Driver { return shm.New() }, both)
	}
}

func conforms(t *testing.T, inside func() driver.Driver, spec faulty.Spec) {
	t.Run(fmt.Sprintf("%s/%v", inside().Name(), spec), func(t *testing.T) {
		drivertest.Run(t, func() driver.Driver { return faulty.New(inside(), spec) })
	})
}

// witness is a mem driver that notes the verbs which reach it.
type witness struct {
	driver.Driver
	put func() error // its error is that of each put, if set

	mu   sync.Mutex
	seen []string
}

func newWitness() *witness { return &witness{Driver: mem.New()} }

func (w *witness) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, fmt.Sprintf(format, args...))
}

// take returns what was noted since the last time.
func (w *witness) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}

func (w *witness) Listen(place driver.Place, opts driver.Options) (driver.Endpoint, error) {
	e, err := w.Driver.Listen(place, opts)
	return &witnessEndpoint{e, w}, err
}

type witnessEndpoint struct {
	driver.Endpoint
	w *witness
}

func (e *witnessEndpoint) Channel(peer, index int) (driver.Channel, error) {
	c, err := e.Endpoint.Channel(peer, index)
	return &witnessChannel{c, e.w}, err
}

// witnessChannel does not stream.
type witnessChannel struct {
	driver.Channel
	w *witness
}

func (c *witnessChannel) Put(segment, offset int, src []byte) error {
	c.w.note("put %d", offset)
	if c.w.put != nil {
		if err := c.w.put(); err != nil {
			return err
		}
	}
	return c.Channel.Put(segment, offset, src)
}

func (c *witnessChannel) Signal(word int, add uint64) error {
	c.w.note("signal %d", add)
	return c.Channel.Signal(word, add)
}

func (c *witnessChannel) PutSignal(segment, offset int, src []byte, word int, add uint64) error {
	c.w.note("put-signal %d %d", offset, add)
	return c.Channel.PutSignal(segment, offset, src, word, add)
}

func (c *witnessChannel) Fence() error { c.w.note("fence"); return c.Channel.Fence() }
func (c *witnessChannel) Flush() error { c.w.note("flush"); return c.Channel.Flush() }

// worlds are those of two ranks with a segment of 1000 bytes and two words each.
func worlds(t *testing.T, d driver.Driver, timeout time.Duration) [2]*transport.World {
	t.Helper()
	var w [2]*transport.World
	var addrs [][]byte
	for rank := range w {
		memory, err := transport.Alloc(1000, d)
		if err != nil {
			t.Fatal(err)
		}
		w[rank], err = transport.Listen(d, driver.Place{World: "rail 5", Rank: rank, Size: 2},
			&transport.Options{Segments: []driver.Memory{memory}, Words: 2, Timeout: timeout})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { must(t, w[rank].Close()) })
		addrs = append(addrs, w[rank].Address())
	}
	for _, w := range w {
		must(t, w.Connect(addrs))
	}
	return w
}

// channel is from rank 0 to rank 1.
func channel(t *testing.T, d driver.Driver, timeout time.Duration) (*transport.Channel, *transport.World) {
	t.Helper()
	w := worlds(t, d, timeout)
	return open(t, w[0], 1, 0), w[1]
}

func open(t *testing.T, w *transport.World, peer, index int) *transport.Channel {
	t.Helper()
	c, err := w.Channel(peer, index)
	must(t, err)
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const patience = 20 * time.Second

func TestNoFault(t *testing.T) {
	inside := newWitness()
	d := faulty.New(inside, faulty.Spec{})
	c, peer := channel(t, d, patience)
	must(t, errors.Join(c.Put(0, 1, []byte{1}), c.Stream(0, 2, []byte{2}), c.PutSignal(0, 3, []byte{3}, 0, 4), c.Signal(1, 5), c.Fence(), c.Flush()))
	want := []string{"put 1", "put 2", "put-signal 3 4", "signal 5", "fence", "flush"}
	if got := inside.take(); !slices.Equal(got, want) {
		t.Errorf("verbs %q reached the driver, want %q", got, want)
	}
	if got := peer.Segment(0)[:4]; !bytes.Equal(got, []byte{0, 1, 2, 3}) || peer.Load(0) != 4 || peer.Load(1) != 5 {
		t.Errorf("bytes %v, words %d and %d", got, peer.Load(0), peer.Load(1))
	}
	if got, want := d.Injected(), (faulty.Counts{Verbs: 4}); got != want {
		t.Errorf("injected %+v, want %+v", got, want)
	}
	if d.Name() != "mem" || d.Caps() != inside.Caps() {
		t.Errorf("it is %s with %+v", d.Name(), d.Caps())
	}
}

func TestDropAt(t *testing.T) {
	for n, lost := range []string{"", "put 1", "put 2", "put-signal 3 4", "signal 5", ""} {
		inside := newWitness()
		d := faulty.New(inside, faulty.Spec{DropAt: int64(n)})
		c, _ := channel(t, d, patience)
		must(t, errors.Join(c.Put(0, 1, []byte{1}), c.Fence(), c.Stream(0, 2, []byte{2}), c.PutSignal(0, 3, []byte{3}, 0, 4), c.Signal(1, 5), c.Flush()))
		want := []string{"put 1", "fence", "put 2", "put-signal 3 4", "signal 5", "flush"}
		if lost != "" {
			want = slices.DeleteFunc(want, func(v string) bool { return v == lost })
		}
		if got := inside.take(); !slices.Equal(got, want) {
			t.Errorf("verb %d: %q reached the driver, want %q", n, got, want)
		}
		if got, want := d.Injected().Dropped, int64(6-len(want)); got != want {
			t.Errorf("verb %d: %d were dropped, want %d", n, got, want)
		}
	}
}

// What chance drops on a channel depends on the seed and on the channel's own verbs.
func TestDrop(t *testing.T) {
	const verbs = 1000
	run := func(chance float64, seed uint64, other bool) (arrived string) {
		inside := newWitness()
		d := faulty.New(inside, faulty.Spec{Drop: chance, Seed: seed})
		w := worlds(t, d, patience)
		c, another := open(t, w[0], 1, 0), open(t, w[0], 1, 1)
		dropped := int64(0)
		for i := range uint64(verbs) {
			must(t, c.Signal(0, i))
			if got := inside.take(); len(got) == 0 {
				arrived += "."
				dropped++
			} else {
				arrived += "x"
			}
			if other && i%3 == 0 {
				before := d.Injected().Dropped
				must(t, another.Signal(0, i))
				inside.take()
				dropped += d.Injected().Dropped - before
			}
		}
		if got := d.Injected(); got.Dropped != dropped || got.Verbs < verbs {
			t.Errorf("injected %+v, and %d verbs were lost", got, dropped)
		}
		return arrived
	}
	some := run(0.3, 1, false)
	if n := strings.Count(some, "."); n < 230 || n > 370 {
		t.Errorf("a chance of 0.3 lost %d of %d verbs", n, verbs)
	}
	if run(0.3, 1, false) != some || run(0.3, 1, true) != some {
		t.Error("the same seed and the same calls lose other verbs")
	}
	if run(0.3, 2, false) == some {
		t.Error("another seed loses the same verbs")
	}
	if run(0, 1, false) != strings.Repeat("x", verbs) || run(1, 1, false) != strings.Repeat(".", verbs) {
		t.Error("a chance of 0 loses verbs, or one of 1 does not")
	}
}

func TestCut(t *testing.T) {
	for _, spec := range []faulty.Spec{{Cut: 3}, {Cut: 3, Reorder: true}, {Cut: 3, Delay: time.Millisecond}} {
		t.Run(spec.String(), func(t *testing.T) {
			d := faulty.New(mem.New(), spec)
			w := worlds(t, d, patience)
			c, other := open(t, w[0], 1, 0), open(t, w[0], 1, 7)
			must(t, errors.Join(c.Put(0, 0, []byte{1}), c.Signal(0, 1), other.Signal(1, 1), other.Flush(), c.Flush()))
			if peer := w[1]; peer.Segment(0)[0] != 1 || peer.Load(0) != 1 || peer.Load(1) != 1 {
				t.Error("what came before the cut did not arrive")
			}
			for index, c := range map[int]*transport.Channel{0: c, 7: other} {
				err := c.Signal(0, 1)
				for _, err := range []error{err, c.Put(0, 0, []byte{2}), c.Flush()} {
					if !errors.Is(err, faulty.ErrCut) || !errors.Is(err, transport.ErrLost) {
						t.Errorf("channel %d: %v", index, err)
					}
				}
				where := (*transport.Error)(nil)
				if !errors.As(err, &where) || where.World != "rail 5" || where.Rank != 0 || where.Peer != 1 || where.Channel != index {
					t.Errorf("%v does not name world, rank, peer and channel", err)
				}
			}
			if got := d.Injected(); got.Cut != 2 || got.Dropped != 0 {
				t.Errorf("injected %+v", got)
			}
			if peer := w[1]; peer.Segment(0)[0] != 1 || peer.Load(0) != 1 {
				t.Error("something arrived after the cut")
			}
		})
	}
}

// A channel of a driver, without the World around it, is final too.
func TestCutIsFinal(t *testing.T) {
	d := faulty.New(mem.New(), faulty.Spec{Cut: 1})
	e, err := d.Listen(driver.Place{Size: 1}, driver.Options{Words: 1, Timeout: patience})
	must(t, err)
	defer e.Close()
	must(t, e.Connect([][]byte{e.Address()}))
	c, err := e.Channel(0, 0)
	must(t, err)
	must(t, errors.Join(c.Signal(0, 1), c.Fence(), c.Flush()))
	for i, err := range []error{c.Signal(0, 1), c.Signal(0, 1), c.Fence(), c.Flush()} {
		if !errors.Is(err, faulty.ErrCut) {
			t.Errorf("verb %d: %v", i, err)
		}
	}
	if e.Load(0) != 1 || d.Injected().Cut != 1 {
		t.Errorf("the word is %d, injected %+v", e.Load(0), d.Injected())
	}
}

func TestMatch(t *testing.T) {
	var seen []faulty.Verb
	d := faulty.New(mem.New(), faulty.Spec{Drop: 1, Match: func(v faulty.Verb) bool {
		seen = append(seen, v)
		return v.Kind == faulty.Signal && v.Word == 1 && v.Peer == 1 && v.Channel == 3
	}})
	w := worlds(t, d, patience)
	c, self := open(t, w[0], 1, 3), open(t, w[1], 1, 3)
	must(t, errors.Join(c.Put(0, 0, []byte{1}), c.Stream(0, 1, []byte{1}), c.Signal(0, 1), c.PutSignal(0, 2, []byte{1}, 1, 1), c.Signal(1, 1), c.Fence(), c.Flush()))
	must(t, self.Signal(1, 1))
	at := faulty.Verb{World: "rail 5", Rank: 0, Peer: 1, Channel: 3}
	of := func(rank int, k faulty.Kind, word int) faulty.Verb {
		v := at
		v.Rank, v.Kind, v.Word = rank, k, word
		return v
	}
	want := []faulty.Verb{of(0, faulty.Put, 0), of(0, faulty.Stream, 0), of(0, faulty.Signal, 0), of(0, faulty.PutSignal, 1), of(0, faulty.Signal, 1), of(1, faulty.Signal, 1)}
	if !slices.Equal(seen, want) {
		t.Errorf("Match was asked for %+v, want %+v", seen, want)
	}
	if got, want := d.Injected(), (faulty.Counts{Verbs: 2, Dropped: 2}); got != want {
		t.Errorf("injected %+v, want %+v", got, want)
	}
	if got := w[1].Load(0) + w[1].Load(1); got != 2 || !bytes.Equal(w[1].Segment(0)[:3], []byte{1, 1, 1}) {
		t.Errorf("verbs that do not match were hit: words add up to %d", got)
	}
	for k, want := range map[faulty.Kind]string{faulty.Put: "put", faulty.Stream: "stream", faulty.Signal: "signal", faulty.PutSignal: "put-signal"} {
		if k.String() != want {
			t.Errorf("kind %d is called %q, want %q", k, k, want)
		}
	}
}
