package drivertest_test

import (
	"sync"
	"testing"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/drivertest"
	"github.com/commbench/commbench/transport/mem"
)

// The suite must hold for drivers whose verbs return before anything happened,
// as those of a network card do. async is such a driver: it is mem, not mapped,
// with a goroutine for each channel that carries out later what was asked for.
type async struct{ driver.Driver }

func (async) Name() string      { return "async" }
func (async) Caps() driver.Caps { return driver.Caps{} }

func (a async) Listen(place driver.Place, opts driver.Options) (driver.Endpoint, error) {
	e, err := a.Driver.Listen(place, opts)
	return &asyncEndpoint{Endpoint: e}, err
}

type asyncEndpoint struct {
	driver.Endpoint
	queues  []chan verb
	workers sync.WaitGroup
}

func (e *asyncEndpoint) Channel(peer, index int) (driver.Channel, error) {
	inner, err := e.Endpoint.Channel(peer, index)
	if err != nil {
		return nil, err
	}
	c := &asyncChannel{queue: make(chan verb, 64), idle: make(chan struct{})}
	e.queues = append(e.queues, c.queue)
	e.workers.Go(func() {
		for v := range c.queue {
			switch v.op {
			case 'p':
				inner.Put(v.segment, v.offset, v.src)
			case 's':
				inner.Signal(v.word, v.add)
			case 'f':
				c.idle <- struct{}{}
			}
		}
	})
	return c, nil
}

func (e *asyncEndpoint) Close() error {
	for _, queue := range e.queues {
		close(queue)
	}
	e.queues = nil
	e.workers.Wait()
	return e.Endpoint.Close()
}

type asyncChannel struct {
	queue chan verb
	idle  chan struct{}
}

type verb struct {
	op              byte
	segment, offset int
	src             []byte
	word            int
	add             uint64
}

func (c *asyncChannel) Put(segment, offset int, src []byte) error {
	c.queue <- verb{op: 'p', segment: segment, offset: offset, src: src}
	return nil
}

func (c *asyncChannel) Signal(word int, add uint64) error {
	c.queue <- verb{op: 's', word: word, add: add}
	return nil
}

func (c *asyncChannel) PutSignal(segment, offset int, src []byte, word int, add uint64) error {
	c.Put(segment, offset, src)
	return c.Signal(word, add)
}

func (c *asyncChannel) Fence() error { return nil } // the queue is in order

func (c *asyncChannel) Flush() error {
	c.queue <- verb{op: 'f'}
	<-c.idle
	return nil
}

func TestAsynchronousDriver(t *testing.T) {
	drivertest.Run(t, func() driver.Driver { return async{mem.New()} })
}
