package tcp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/internal/bell"
)

// Neither who sends nor who receives allocates, also where the socket is full and the
// pump sends, where batches are full, and where one call looks at many connections.
func TestNoAllocations(t *testing.T) {
	noLeaks(t)
	for _, config := range []Config{{Streams: 2}, {Streams: 2, Buffer: 16 << 10}, {Streams: mostPolled + 1}} {
		config.Secret = secret
		w0, w1 := pair(t, New(config), New(config), patience)
		there, back := open(t, w0, 1, 0), open(t, w1, 0, 0)
		src := make([]byte, segmentSize)
		ctx, round := context.Background(), uint64(0)
		for name, verb := range map[string]func() error{
			"signal":     func() error { return there.Signal(0, 1) },
			"put-signal": func() error { return there.PutSignal(0, 1, src[:7168], 0, 1) },
			"large":      func() error { return there.PutSignal(0, 0, src, 0, 1) },
			"many": func() error {
				for i := range 3 * maxDescs {
					if err := there.Put(0, 100*i, src[:100]); err != nil {
						return err
					}
				}
				return errors.Join(there.Signal(0, 1), there.Flush())
			},
		} {
			loop := func() {
				round++
				must(t, verb())
				must(t, w1.Wait(ctx, 0, round))
				must(t, back.Signal(0, 1))
				must(t, w0.Wait(ctx, 0, round))
			}
			for range 20 {
				loop() // until all has its size
			}
			if n := testing.AllocsPerRun(100, loop); n != 0 {
				t.Errorf("%d streams, buffer %d: %s allocates %v times", config.Streams, config.Buffer, name, n)
			}
		}
	}
}

// A source may be changed once it is reusable: what arrives is what it was. Where the
// network stalls it is not reusable, and a bell rings when it becomes so.
func TestReusable(t *testing.T) {
	noLeaks(t)
	w0, w1, p := far(t, 64<<10, patience, func(*proxy) {})
	c := open(t, w0, 1, 0)
	must(t, c.Signal(1, 1))
	wait(t, w1, 1, 1)
	p.allow(0, 0)
	src := bytes.Repeat([]byte("before"), segmentSize/6) // more than buffers hold
	must(t, c.PutSignal(0, 0, src, 0, 1))
	mark := c.Mark()
	if ok, err := c.Reusable(mark); ok || err != nil {
		t.Errorf("a source that is not sent is reusable: %v, %v", ok, err)
	}
	if ok, err := c.Reusable(0); !ok || err != nil {
		t.Errorf("no source is not reusable: %v, %v", ok, err)
	}
	p.allow(0, 1<<40)
	for {
		ticket := w0.Bell().Arm()
		ok, err := c.Reusable(mark)
		must(t, err)
		if ok {
			break
		}
		if !w0.Bell().Park(ticket, patience) {
			t.Fatal("no bell rings when a source has become reusable")
		}
	}
	copy(src, bytes.Repeat([]byte("AFTER!"), len(src)/6))
	wait(t, w1, 0, 1)
	if got := w1.Segment(0)[:len(src)]; !bytes.Equal(got, bytes.Repeat([]byte("before"), len(src)/6)) {
		t.Error("what arrived is not what was put")
	}
}

// What can be sent later is, with Hold, until somebody pushes, waits or flushes, or until
// there is a lot of it; without, puts are and signals are not.
func TestHold(t *testing.T) {
	noLeaks(t)
	for _, hold := range []bool{false, true} {
		d0, d1 := process(1), process(1)
		w0, w1 := listen(t, d0, 0, 2, patience, hold), listen(t, d1, 1, 2, patience, false)
		connect(t, w0, w1)
		c := open(t, w0, 1, 0)
		src := make([]byte, worth)
		s := (*d0.hub.streams.Load())[0]
		waiting := func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.fill != nil && s.fill.descs > 0
		}
		sent := uint64(0)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		for _, test := range []struct {
			name string
			verb func() error
			held bool
			push func() error
		}{
			{"signal", func() error { return c.Signal(0, 1) }, hold, func() error { w0.Push(); return nil }},
			{"put-signal", func() error { return c.PutSignal(0, 0, src[:100], 0, 1) }, hold, c.Flush},
			{"put", func() error { return c.Put(0, 0, src[:100]) }, true, func() error { return c.PutSignal(0, 0, src, 0, 1) }},
			{"signal, then wait", func() error { return c.Signal(0, 1) }, hold, func() error {
				if err := w0.Wait(ctx, 0, 1<<60); !errors.Is(err, context.Canceled) {
					return err
				}
				return nil
			}},
			{"many signals", func() error {
				for range maxDescs - 1 {
					if err := c.Signal(0, 1); err != nil {
						return err
					}
				}
				sent += maxDescs - 1
				return nil
			}, hold, func() error { return c.Signal(0, 1) }},
			{"many bytes", func() error { return c.PutSignal(0, 0, src[:worth-1], 0, 1) }, hold, func() error { return c.Put(0, 0, src[:1]) }},
		} {
			must(t, test.verb())
			if got := waiting(); got != test.held || s.held.Load() != test.held {
				t.Errorf("hold %v: after a %s something is held: %v, want %v", hold, test.name, got, test.held)
			}
			must(t, test.push())
			sent++
			wait(t, w1, 0, sent)
			if test.name != "many bytes" && waiting() {
				t.Errorf("hold %v: after a %s and what sends it something is left", hold, test.name)
			}
			w0.Push() // the put of one byte, where nothing was held
		}
	}
}

// Channels of many goroutines over one connection, which is full all the time: each
// flush is of its own channel's verbs, and ends.
func TestSharedStream(t *testing.T) {
	noLeaks(t)
	const users, rounds, size = 16, 50, 10_000
	config := Config{Secret: secret, Streams: 1, Buffer: 16 << 10}
	w0, w1 := pair(t, New(config), New(config), patience)
	errs := make([]error, users)
	var all sync.WaitGroup
	for user := range users {
		c := open(t, w0, 1, user)
		all.Go(func() {
			errs[user] = func() error {
				src := make([]byte, size)
				for round := range rounds {
					for i := range src {
						src[i] = byte(round + user)
					}
					verb := c.Put
					if round%2 == 1 {
						verb = func(segment, at int, src []byte) error { return c.PutSignal(segment, at, src, 0, 1) }
					}
					if err := errors.Join(verb(0, user*size, src), c.Flush()); err != nil {
						return err
					}
					if got := w1.Segment(0)[user*size:][:size]; !bytes.Equal(got, src) {
						return fmt.Errorf("user %d, round %d: a flush returned before its put was there", user, round)
					}
				}
				return nil
			}()
		})
	}
	all.Wait()
	must(t, errors.Join(errs...))
	if got := w1.Load(0); got != users*rounds/2 {
		t.Errorf("%d signals arrived", got)
	}
}

// Flushes that wait for room go in any order, and all of them end.
func TestFlushesWithoutRoom(t *testing.T) {
	noLeaks(t)
	w0, _, p := far(t, 64<<10, patience, func(*proxy) {})
	const users = 4
	var channels []*transport.Channel
	for user := range users {
		channels = append(channels, open(t, w0, 1, user))
		must(t, channels[user].Signal(0, 1))
		must(t, channels[user].Flush())
	}
	s := (*p.from.hub.streams.Load())[0]
	full := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.fill == nil && len(s.spare) == 0
	}
	src := make([]byte, worth)
	for range 20 {
		p.allow(0, 0)
		for i := 0; !full(); i++ {
			must(t, channels[i%users].Put(0, 0, src))
		}
		var begun, ended sync.WaitGroup
		begun.Add(users)
		errs := make([]error, users)
		for user, c := range channels {
			ended.Go(func() {
				begun.Done()
				errs[user] = c.Flush() // of the puts, or of nothing
			})
		}
		begun.Wait()
		p.allow(0, 1<<40)
		ended.Wait()
		must(t, errors.Join(errs...))
	}
}

// Who leaves with puts that nobody has sent yet may free what they are of. Others on the
// same connection go on.
func TestCloseThenFree(t *testing.T) {
	noLeaks(t)
	d0, d1 := process(1), process(1)
	stays, peer := pair(t, d0, d1, patience)
	leaves, peer2 := pair(t, d0, d1, patience)
	c := open(t, stays, 1, 0)
	must(t, c.Signal(0, 1))
	wait(t, peer, 0, 1)
	m, err := d0.Alloc(segmentSize)
	must(t, err)
	must(t, open(t, leaves, 1, 0).Put(0, 0, m.Bytes()[:1000]))
	must(t, leaves.Close())
	must(t, m.Free())
	must(t, errors.Join(c.Signal(0, 1), c.Flush()))
	wait(t, peer, 0, 2)
	if err := errors.Join(stays.Fault(), peer2.Fault()); err != nil {
		t.Error(err)
	}
}

// Another driver's bell rings with signals, of peers and of the rank itself, until the
// endpoint that asked for it has closed.
func TestChime(t *testing.T) {
	noLeaks(t)
	d0, d1 := process(1), process(1)
	w0 := listen(t, d0, 0, 3, patience, false)
	asks := listen(t, d1, 1, 3, patience, false)
	stays := listen(t, d1, 2, 3, patience, false)
	connect(t, w0, asks, stays)
	far, near := open(t, w0, 2, 0), open(t, stays, 2, 0)
	var other driver.Bell = new(bell.Bell)
	if !asks.Chime(other) {
		t.Fatal("no chimes")
	}
	rings := func(c *transport.Channel) bool {
		ticket := other.Arm()
		must(t, errors.Join(c.Signal(0, 1), c.Flush()))
		return other.Arm() != ticket
	}
	for name, c := range map[string]*transport.Channel{"peer": far, "rank itself": near} {
		if !rings(c) {
			t.Errorf("a signal of a %s does not ring another driver's bell", name)
		}
	}
	must(t, asks.Close())
	for name, c := range map[string]*transport.Channel{"peer": far, "rank itself": near} {
		if rings(c) {
			t.Errorf("a signal of a %s rings another driver's bell after who asked for it has closed", name)
		}
	}
}
