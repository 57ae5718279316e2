package transport_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/mem"
)

// What holds for every driver is tested in package drivertest. Here is what no
// driver can show, over a driver of which nothing is expected.

// stub is a driver whose verbs do nothing, or fail.
type stub struct {
	name   string
	own    bool
	err    error // of every verb
	allocs int
}

func (s *stub) Name() string      { return s.name }
func (s *stub) Caps() driver.Caps { return driver.Caps{OwnMemory: s.own} }
func (s *stub) Alloc(size int) (driver.Memory, error) {
	s.allocs++
	return mem.New().Alloc(size)
}
func (s *stub) Listen(driver.Place, driver.Options) (driver.Endpoint, error) {
	return &stubEndpoint{s}, nil
}

type stubEndpoint struct{ s *stub }

func (e *stubEndpoint) Address() []byte                          { return []byte(e.s.name) }
func (e *stubEndpoint) Connect([][]byte) error                   { return nil }
func (e *stubEndpoint) Channel(int, int) (driver.Channel, error) { return &stubChannel{e.s.err}, nil }
func (e *stubEndpoint) Load(int) uint64                          { return 0 }
func (e *stubEndpoint) Close() error                             { return e.s.err }

type stubChannel struct{ err error }

func (c *stubChannel) Put(int, int, []byte) error                    { return c.err }
func (c *stubChannel) Signal(int, uint64) error                      { return c.err }
func (c *stubChannel) PutSignal(int, int, []byte, int, uint64) error { return c.err }
func (c *stubChannel) Fence() error                                  { return c.err }
func (c *stubChannel) Flush() error                                  { return c.err }

// alone is a connected world of one rank with a segment of 1 KiB and two words.
func alone(t testing.TB, d driver.Driver) *transport.World {
	t.Helper()
	m, err := transport.Alloc(1024, d)
	if err != nil {
		t.Fatal(err)
	}
	w, err := transport.Listen(d, driver.Place{World: "alone", Size: 1},
		&transport.Options{Segments: []driver.Memory{m}, Words: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Connect([][]byte{w.Address()}); err != nil {
		t.Fatal(err)
	}
	return w
}

func channel(t testing.TB, w *transport.World, index int) *transport.Channel {
	t.Helper()
	c, err := w.Channel(0, index)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAlloc(t *testing.T) {
	heap, heap2 := &stub{name: "heap"}, &stub{name: "heap2"}
	own, own2, other := &stub{name: "own", own: true}, &stub{name: "own", own: true}, &stub{name: "other", own: true}
	for _, test := range []struct {
		name    string
		drivers []driver.Driver
		by      *stub // nil: an error
	}{
		{"one", []driver.Driver{heap}, heap},
		{"the first of two", []driver.Driver{heap, heap2}, heap},
		{"the one that needs its own, last", []driver.Driver{heap, own}, own},
		{"the one that needs its own, first", []driver.Driver{own, heap}, own},
		{"one twice", []driver.Driver{own, heap, own}, own},
		{"two values of one driver", []driver.Driver{own, own2}, own},
		{"two that need their own", []driver.Driver{own, heap, other}, nil},
		{"none", nil, nil},
	} {
		for _, s := range []*stub{heap, heap2, own, own2, other} {
			s.allocs = 0
		}
		m, err := transport.Alloc(10, test.drivers...)
		if test.by == nil {
			if err == nil {
				t.Errorf("%s: no error", test.name)
			}
			continue
		}
		if err != nil || len(m.Bytes()) != 10 || test.by.allocs != 1 {
			t.Errorf("%s: %v, allocated by another driver than %s", test.name, err, test.by.name)
		}
	}
	for _, size := range []int{0, -1, transport.MaxSegmentSize + 1} {
		if _, err := transport.Alloc(size, heap); !errors.Is(err, transport.ErrBounds) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestListenBounds(t *testing.T) {
	d := &stub{name: "stub"}
	freed, err := transport.Alloc(1, d)
	if err != nil {
		t.Fatal(err)
	}
	if err := freed.Free(); err != nil {
		t.Fatal(err)
	}
	good := driver.Place{World: "w", Rank: 0, Size: 1}
	for name, test := range map[string]struct {
		place driver.Place
		opts  transport.Options
	}{
		"no ranks":           {driver.Place{}, transport.Options{}},
		"many ranks":         {driver.Place{Size: transport.MaxRanks + 1}, transport.Options{}},
		"rank past the end":  {driver.Place{Rank: 2, Size: 2}, transport.Options{}},
		"negative rank":      {driver.Place{Rank: -1, Size: 2}, transport.Options{}},
		"a long name":        {driver.Place{World: strings.Repeat("x", 257), Size: 1}, transport.Options{}},
		"negative words":     {good, transport.Options{Words: -1}},
		"many words":         {good, transport.Options{Words: transport.MaxWords + 1}},
		"a negative timeout": {good, transport.Options{Timeout: -time.Second}},
		"many segments":      {good, transport.Options{Segments: make([]driver.Memory, transport.MaxSegments+1)}},
		"no segment":         {good, transport.Options{Segments: []driver.Memory{nil}}},
		"a freed segment":    {good, transport.Options{Segments: []driver.Memory{freed}}},
	} {
		if _, err := transport.Listen(d, test.place, &test.opts); !errors.Is(err, transport.ErrBounds) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := transport.Listen(nil, good, nil); err == nil {
		t.Error("no driver: no error")
	}
	w, err := transport.Listen(d, good, nil)
	if err != nil {
		t.Fatalf("nil options: %v", err)
	}
	if w.Name() != "w" || w.Rank() != 0 || w.Size() != 1 || w.Segment(0) != nil || w.Peer(0, 0) != nil {
		t.Error("a world without segments does not say so")
	}
}

func TestConnectOnce(t *testing.T) {
	w, err := transport.Listen(&stub{name: "stub"}, driver.Place{Size: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Channel(0, 0); err == nil {
		t.Error("a channel opens before Connect")
	}
	if err := w.Connect([][]byte{w.Address()}); err != nil {
		t.Error(err)
	}
	if err := w.Connect([][]byte{w.Address()}); err == nil {
		t.Error("a second Connect is no error")
	}
}

// The address of the largest world is still a few KiB.
func TestAddressSize(t *testing.T) {
	m, err := mem.New().Alloc(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	opts := &transport.Options{Words: transport.MaxWords}
	for range transport.MaxSegments {
		opts.Segments = append(opts.Segments, m)
	}
	place := driver.Place{World: strings.Repeat("\x00", 256), Rank: transport.MaxRanks - 1, Size: transport.MaxRanks}
	w, err := transport.Listen(&stub{name: "stub"}, place, opts)
	if err != nil {
		t.Fatal(err)
	}
	longer := transport.MaxSegments * len("00000000") // the largest sizes have so many digits more
	if n := len(w.Address()) + longer; n > 4096 {
		t.Errorf("an address has %d bytes", n)
	}
}

func TestDriverErrors(t *testing.T) {
	broken := errors.New("cable pulled")
	w := alone(t, &stub{name: "stub", err: broken})
	for i, verb := range []func(c *transport.Channel) error{
		func(c *transport.Channel) error { return c.Put(0, 0, nil) },
		func(c *transport.Channel) error { return c.Signal(0, 1) },
		func(c *transport.Channel) error { return c.PutSignal(0, 0, nil, 0, 1) },
		(*transport.Channel).Fence,
		(*transport.Channel).Flush,
	} {
		c := channel(t, w, i)
		first := verb(c)
		if !errors.Is(first, broken) {
			t.Errorf("verb %d: %v", i, first)
		}
		if again := c.Put(0, 0, nil); again != first {
			t.Errorf("verb %d: then %v", i, again)
		}
		if c.Counters() != (transport.Counters{}) {
			t.Errorf("verb %d: a verb that failed is counted", i)
		}
	}
	if err := w.Close(); !errors.Is(err, broken) {
		t.Errorf("Close: %v", err)
	}
}

func TestErrorText(t *testing.T) {
	w := alone(t, &stub{name: "stub"})
	bounds := channel(t, w, 3).Put(0, 1000, make([]byte, 25))
	missing := channel(t, w, 4).Signal(2, 1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	waited := w.Wait(ctx, 1, 7)
	var what *transport.WaitError
	if errors.As(waited, &what) {
		what.After = 0 // is not the same each time
	}
	for _, test := range []struct {
		err  error
		want string
	}{
		{bounds, `put: world "alone", rank 0, to rank 0 on channel 3: segment 0: 25 bytes at offset 1000, of 1024: out of bounds`},
		{missing, `signal: world "alone", rank 0, to rank 0 on channel 4: word 2: there are 2: out of bounds`},
		{waited, `wait: world "alone", rank 0: word 1: awaited 7, seen 0 after 0s: context canceled`},
	} {
		if test.err == nil || test.err.Error() != test.want {
			t.Errorf("got  %v\nwant %s", test.err, test.want)
		}
	}
}

// A poller must come to rest: one that has waited for long sleeps between loads.
func TestBackoff(t *testing.T) {
	var b transport.Backoff
	b.Pause()
	if b.Waited() != 0 {
		t.Errorf("the first pause takes %v", b.Waited())
	}
	for b.Waited() < 5*time.Millisecond {
		b.Pause()
	}
	pauses := 0
	for b.Waited() < 25*time.Millisecond {
		b.Pause()
		pauses++
	}
	if pauses > 40 {
		t.Errorf("%d pauses in 20 ms", pauses)
	}
}

// fakeBell writes down what is done to it.
type fakeBell struct {
	log  []string
	park func(d time.Duration) (rung bool)
}

func (f *fakeBell) Arm() uint32 { f.log = append(f.log, "arm"); return 7 }
func (f *fakeBell) Ring()       { f.log = append(f.log, "ring") }
func (f *fakeBell) Park(ticket uint32, d time.Duration) bool {
	f.log = append(f.log, fmt.Sprintf("park %d", ticket))
	return f.park(d)
}

// With a bell every other pause parks, after one that only arms. A ring makes
// pauses short again, and the end of the time does not.
func TestBackoffParks(t *testing.T) {
	bell := &fakeBell{park: func(d time.Duration) bool { time.Sleep(d); return false }}
	b := transport.Backoff{Bell: bell}
	untilArmed := func() (pauses int) {
		for bell.log = nil; len(bell.log) == 0; pauses++ {
			b.Pause()
		}
		return pauses
	}
	if n := untilArmed(); n < 10 {
		t.Errorf("armed after %d pauses", n)
	}
	for range 3 {
		b.Pause()
		b.Pause()
	}
	if got, want := strings.Join(bell.log, ", "), "arm, park 7, arm, park 7, arm, park 7, arm"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if w := b.Waited(); w < 3*time.Millisecond {
		t.Errorf("waited %v", w)
	}
	bell.park = func(time.Duration) bool { return true }
	before := b.Waited()
	b.Pause()
	if n := untilArmed(); n < 10 {
		t.Errorf("armed %d pauses after a ring", n)
	}
	if b.Waited() <= before {
		t.Error("a ring ends the time that was waited")
	}
}

type belledStub struct {
	stub
	own, all fakeBell
}

func (s *belledStub) Listen(driver.Place, driver.Options) (driver.Endpoint, error) {
	return &belledEndpoint{stubEndpoint{&s.stub}, s}, nil
}

type belledEndpoint struct {
	stubEndpoint
	s *belledStub
}

func (e *belledEndpoint) OwnBell() driver.Bell { return &e.s.own }
func (e *belledEndpoint) Bell() driver.Bell    { return &e.s.all }

func TestBell(t *testing.T) {
	s := &belledStub{stub: stub{name: "belled"}}
	wordless, err := transport.Listen(s, driver.Place{Size: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if wordless.Bell() != nil || alone(t, &s.stub).Bell() != nil {
		t.Error("a world without words, or without bells, has one")
	}
	w := alone(t, s)
	if w.Bell() != &s.all {
		t.Error("a world has another bell than its driver")
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.own.park = func(time.Duration) bool { cancel(); return false }
	if err := w.Wait(ctx, 0, 1); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := strings.Join(s.own.log, ", "); got != "arm, park 7" {
		t.Errorf("a wait did to the rank's own bell: %s", got)
	}
	for range 2 {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := strings.Join(s.own.log, ", "); got != "arm, park 7, ring" {
		t.Errorf("Close did to the rank's own bell: %s", got)
	}
	if len(s.all.log) > 0 {
		t.Errorf("something did to the bell of all: %s", s.all.log)
	}
}

// Two channels that lie side by side must not share a cache line, nor the pair
// of lines that is fetched together.
func TestChannelSize(t *testing.T) {
	if size := reflect.TypeFor[transport.Channel]().Size(); size%128 != 0 {
		t.Errorf("a Channel has %d bytes", size)
	}
}

// Variables of the package, so that the compiler cannot see past the interface.
var (
	bareChannel  driver.Channel  = &stubChannel{}
	bareEndpoint driver.Endpoint = &stubEndpoint{}
)

// What the portable layer adds to a verb: the difference to the driver's own.
func BenchmarkOverhead(b *testing.B) {
	d := &stub{name: "stub"}
	src := make([]byte, 1024)
	b.Run("put/driver", func(b *testing.B) {
		for b.Loop() {
			if err := bareChannel.Put(0, 0, src); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("put/transport", func(b *testing.B) {
		c := channel(b, alone(b, d), 0)
		for b.Loop() {
			if err := c.Put(0, 0, src); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("load/driver", func(b *testing.B) {
		for b.Loop() {
			bareEndpoint.Load(0)
		}
	})
	b.Run("load/transport", func(b *testing.B) {
		w := alone(b, d)
		for b.Loop() {
			w.Load(0)
		}
	})
}
