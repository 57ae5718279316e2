package tcp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/commbench/commbench/transport"
)

// far is two ranks, of which the first reaches the second through a proxy, over one
// connection. prepare sets the proxy up.
func far(t testing.TB, buffer int, timeout time.Duration, prepare func(*proxy)) (w0, w1 *transport.World, p *proxy) {
	t.Helper()
	config := Config{Secret: secret, Streams: 1, Buffer: buffer}
	d1 := New(config)
	w1 = listen(t, d1, 1, 2, timeout, false)
	p = newProxy(t, d1.Network().Address, prepare)
	p.from = New(config)
	w0 = listen(t, detour{p.from, map[string]string{p.to: p.address()}}, 0, 2, timeout, false)
	connect(t, w0, w1)
	return w0, w1, p
}

// talk is a conversation: rank 0 puts, signals and flushes, and rank 1 waits.
func talk(w0, w1 *transport.World) (opened, said, waited error) {
	c, err := w0.Channel(1, 0)
	if err != nil {
		return err, nil, nil
	}
	if said = c.PutSignal(0, 3, make([]byte, 100), 0, 1); said == nil {
		said = c.Flush()
	}
	return nil, said, w1.Wait(context.Background(), 0, 1)
}

// length is how many bytes a conversation has, on each way.
func length(t *testing.T) [2]int64 {
	t.Helper()
	w0, w1, p := far(t, 0, patience, func(*proxy) {})
	opened, said, waited := talk(w0, w1)
	must(t, errors.Join(opened, said, waited))
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.passed
}

// A connection is cut after each of its bytes, on each way: at connect, in a put, a
// signal, an acknowledgement. Who opens, says or waits is told, and at once.
func TestCutAnywhere(t *testing.T) {
	noLeaks(t)
	lengths, every := length(t), int64(1)
	if testing.Short() {
		every = 7
	}
	for way, n := range lengths {
		for at := int64(0); at < n; at += every {
			name := fmt.Sprintf("way %d, cut after byte %d of %d", way, at, n)
			t.Run(name, func(t *testing.T) {
				w0, w1, p := far(t, 0, patience, func(p *proxy) {
					p.left[way], p.cuts, p.reset = at, true, at%2 == 1
				})
				start := time.Now()
				opened, said, waited := talk(w0, w1)
				if took := time.Since(start); took > patience/2 {
					t.Errorf("it took %v", took)
				}
				if opened != nil {
					// A connection that ends before the welcome may be of another process.
					if !errors.Is(opened, transport.ErrLost) && !errors.Is(opened, transport.ErrClosed) {
						t.Error(opened)
					}
					says(t, opened, "open: ", "rank 0, to rank 1 on channel 0", "connection 1 of 1 to "+p.address())
					return
				}
				if !errors.Is(said, transport.ErrLost) {
					t.Errorf("who says it: %v", said)
				}
				says(t, said, "rank 0, to rank 1 on channel 0", "connection to "+p.address())
				says(t, w0.Fault(), "rank 1 at "+p.address())
				if waited != nil {
					if !errors.Is(waited, transport.ErrLost) {
						t.Errorf("who waits: %v", waited)
					}
					says(t, waited, "rank 1: word 0: awaited 1, seen 0", "rank 0 at 127.0.0.1:")
				}
			})
		}
	}
}

// A connection stalls: whoever needs it does not wait for longer than the timeout.
func TestStallAnywhere(t *testing.T) {
	noLeaks(t)
	lengths := length(t)
	var all sync.WaitGroup
	defer all.Wait()
	for way, n := range lengths {
		for _, at := range []int64{0, 1, 30, n / 2, n * 3 / 4, n - 9, n - 1} {
			w0, w1, p := far(t, 0, soon, func(p *proxy) { p.left[way] = at })
			all.Go(func() {
				start := time.Now()
				opened, said, waited := talk(w0, w1)
				name := fmt.Sprintf("way %d, stalled after byte %d of %d: %v, %v, %v", way, at, n, opened, said, waited)
				if took := time.Since(start); took > patience/2 {
					t.Errorf("%s: it took %v", name, took)
				}
				// Of a handshake both sides lose patience, and the other one may hang up first.
				lost := opened != nil && errors.Is(opened, transport.ErrLost)
				if err := errors.Join(opened, said); !errors.Is(err, transport.ErrTimeout) && !lost {
					t.Error(name)
				}
				says(t, errors.Join(opened, said), p.address())
				if waited != nil && !errors.Is(waited, transport.ErrTimeout) && !errors.Is(waited, transport.ErrLost) {
					t.Error(name)
				}
			})
		}
	}
}

// A peer that takes nothing any more while much is put: all verbs end, and the connection
// with them, so that the peer is told when it goes on.
func TestStallWhileBusy(t *testing.T) {
	noLeaks(t)
	w0, w1, p := far(t, 64<<10, soon, func(*proxy) {})
	c := open(t, w0, 1, 10)
	must(t, c.Signal(0, 1))
	wait(t, w1, 0, 1)
	p.allow(0, 0)
	start := time.Now()
	for name, err := range busy(t, w0) {
		if !errors.Is(err, transport.ErrTimeout) && !errors.Is(err, transport.ErrLost) {
			t.Errorf("%s: %v", name, err)
		}
	}
	says(t, until(func() error { return c.Signal(0, 1) }), "rank 0, to rank 1 on channel 10", p.address())
	if took := time.Since(start); took > patience/2 {
		t.Errorf("it took %v", took)
	}
	says(t, w0.Fault(), "rank 1 at "+p.address())
	p.allow(0, math.MaxInt64)
	sleep(t, w1)
	says(t, w1.Fault(), "rank 0 at 127.0.0.1:")
}

// All bytes come one by one, or in pieces of any length.
func TestPieces(t *testing.T) {
	noLeaks(t)
	for _, step := range []int{1, 3, 39, 40, 41, 1000} {
		w0, w1, _ := far(t, 0, patience, func(p *proxy) { p.step = step })
		c := open(t, w0, 1, 0)
		r := rand.New(rand.NewPCG(3, uint64(step)))
		want := append([]byte(nil), w1.Segment(0)...)
		for round := range uint64(20) {
			for range r.IntN(10) {
				src := make([]byte, r.IntN(200))
				for i := range src {
					src[i] = byte(r.Uint32())
				}
				at := r.IntN(5000)
				copy(want[at:], src)
				if r.IntN(2) == 0 {
					must(t, c.Put(0, at, src))
				} else {
					must(t, c.PutSignal(0, at, src, 1, 1))
				}
			}
			must(t, c.Signal(0, 1))
			wait(t, w1, 0, round+1)
			if got := w1.Segment(0); string(got[:6000]) != string(want[:6000]) {
				t.Fatalf("step %d, round %d: other bytes arrived than were put", step, round)
			}
		}
		must(t, c.Flush())
	}
}

// A peer that closes while it is put to is no fault: its goodbye counts, though bytes to
// it are the first thing that fails.
func TestOrderlyClose(t *testing.T) {
	noLeaks(t)
	for range 20 {
		w0, w1 := pair(t, process(2), process(2), patience)
		c := open(t, w0, 1, 0)
		other := open(t, w0, 1, 1)
		src := make([]byte, segmentSize)
		var ended error
		var all sync.WaitGroup
		all.Go(func() { ended = until(func() error { return c.PutSignal(0, 0, src, 0, 1) }) })
		wait(t, w1, 0, 3)
		must(t, w1.Close())
		all.Wait()
		if !errors.Is(ended, transport.ErrClosed) || errors.Is(ended, transport.ErrLost) {
			t.Fatalf("a put to who has closed: %v", ended)
		}
		says(t, ended, "rank 0, to rank 1 on channel 0", "has left")
		if err := until(func() error { return errors.Join(other.Signal(0, 1), other.Flush()) }); !errors.Is(err, transport.ErrClosed) {
			t.Fatalf("a signal to who has closed: %v", err)
		}
		if err := w0.Fault(); err != nil {
			t.Fatalf("who has closed is a fault: %v", err)
		}
		if ok, err := c.Reusable(1 << 40); ok || !errors.Is(err, transport.ErrClosed) {
			t.Fatalf("sources of a channel that has failed: %v, %v", ok, err)
		}
	}
}

// Of several that are lost, the first by rank is named.
func TestFaults(t *testing.T) {
	noLeaks(t)
	const ranks = 4
	via := map[string]string{}
	worlds := []*transport.World{listen(t, detour{process(1), via}, 0, ranks, patience, false)}
	proxies := map[int]*proxy{}
	for rank := 1; rank < ranks; rank++ {
		d := process(1)
		worlds = append(worlds, listen(t, d, rank, ranks, patience, false))
		p := newProxy(t, d.Network().Address, func(*proxy) {})
		via[p.to], proxies[rank] = p.address(), p
	}
	connect(t, worlds...)
	w := worlds[0]
	channels := map[int]*transport.Channel{}
	for peer := 1; peer < ranks; peer++ {
		channels[peer] = open(t, w, peer, 0)
		must(t, channels[peer].Signal(0, 1))
		wait(t, worlds[peer], 0, 1)
	}
	if err := w.Fault(); err != nil {
		t.Error(err)
	}
	for _, lost := range []int{2, 3, 1} {
		proxies[lost].cut()
		err := until(func() error { return errors.Join(channels[lost].Signal(0, 1), channels[lost].Flush()) })
		if !errors.Is(err, transport.ErrLost) {
			t.Error(err)
		}
		first := min(lost, 2)
		says(t, w.Fault(), fmt.Sprintf("rank %d at %s", first, proxies[first].address()))
		says(t, w.Wait(context.Background(), 1, 1), fmt.Sprintf("rank %d at %s", first, proxies[first].address()))
		if lost == 2 { // the others can still be reached
			must(t, errors.Join(channels[1].Signal(0, 1), channels[1].Flush()))
		}
	}
}

// Nobody is there, or somebody who does not answer.
func TestUnreached(t *testing.T) {
	noLeaks(t)
	d1 := process(1)
	w1 := listen(t, d1, 1, 2, patience, false)
	host := d1.Network().Address
	silent := newProxy(t, host, func(p *proxy) { p.left = [2]int64{} })
	for name, test := range map[string]struct {
		via  string
		kind error
		says string
	}{
		"nobody": {"127.0.0.1:1", transport.ErrLost, "connection refused"},
		"mute":   {silent.address(), transport.ErrTimeout, "the peer did not answer in time"},
	} {
		w0 := listen(t, detour{process(1), map[string]string{host: test.via}}, 0, 2, soon, false)
		must(t, w0.Connect([][]byte{w0.Address(), w1.Address()}))
		start := time.Now()
		_, err := w0.Channel(1, 0)
		if took := time.Since(start); !errors.Is(err, test.kind) || took > patience/2 {
			t.Errorf("%s: %v, after %v", name, err, took)
		}
		says(t, err, "rank 0, to rank 1 on channel 0", test.via, test.says)
	}
}
