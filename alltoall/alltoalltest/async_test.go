package alltoalltest_test

import (
	"bytes"
	"runtime"
	"sync"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/mem"
)

// async is a driver that has nothing but its verbs, and whose verbs return before
// anything happened, as those of a network do: it is mem, not mapped and without a
// bell, with a goroutine for each channel that carries out later what was asked for.
// Channels know nothing of each other.
type async struct {
	driver.Driver
	copies bool // sources are free when a put returns, and not only when it was carried out
}

func newAsync(copies bool) driver.Driver { return &async{mem.New(), copies} }

func (*async) Name() string      { return "async" }
func (*async) Caps() driver.Caps { return driver.Caps{} }

func (a *async) Listen(place driver.Place, opts driver.Options) (driver.Endpoint, error) {
	e, err := a.Driver.Listen(place, opts)
	return &asyncEndpoint{Endpoint: e, copies: a.copies}, err
}

type asyncEndpoint struct {
	driver.Endpoint // without the bell and the mapped memory that it has
	copies          bool
	busy            sync.WaitGroup // channels with something to do
}

func (e *asyncEndpoint) Channel(peer, index int) (driver.Channel, error) {
	inner, err := e.Endpoint.Channel(peer, index)
	return &asyncChannel{e: e, inner: inner}, err
}

func (e *asyncEndpoint) Close() error {
	e.busy.Wait()
	return e.Endpoint.Close()
}

type asyncChannel struct {
	e     *asyncEndpoint
	inner driver.Channel
	mu    sync.Mutex
	queue []func() error
	busy  bool // there is a goroutine for the queue
}

// later has the channel's goroutine do what is asked for, after what was before.
func (c *asyncChannel) later(verb func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, verb)
	if !c.busy {
		c.busy = true
		c.e.busy.Go(c.work)
	}
	return nil
}

func (c *asyncChannel) work() {
	for {
		runtime.Gosched() // others may come first
		c.mu.Lock()
		if len(c.queue) == 0 {
			c.busy = false
			c.mu.Unlock()
			return
		}
		verb := c.queue[0]
		c.queue = c.queue[1:]
		c.mu.Unlock()
		if err := verb(); err != nil {
			panic(err) // mem's verbs do not fail
		}
	}
}

func (c *asyncChannel) Put(segment, offset int, src []byte) error {
	if c.e.copies {
		src = bytes.Clone(src)
	}
	return c.later(func() error { return c.inner.Put(segment, offset, src) })
}

func (c *asyncChannel) Signal(word int, add uint64) error {
	return c.later(func() error { return c.inner.Signal(word, add) })
}

func (c *asyncChannel) PutSignal(segment, offset int, src []byte, word int, add uint64) error {
	if err := c.Put(segment, offset, src); err != nil {
		return err
	}
	return c.Signal(word, add)
}

func (c *asyncChannel) Fence() error { return nil } // the queue is in order

func (c *asyncChannel) Flush() error {
	done := make(chan struct{})
	if err := c.later(func() error { close(done); return nil }); err != nil {
		return err
	}
	<-done
	return nil
}
