package bench_test

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/mem"
)

// tamper is a mem driver whose puts a test can change and drop. A put of less
// than least bytes is a note, and left alone.
type tamper struct {
	driver.Driver
	least int
	rows  atomic.Int64 // puts that were not notes
	// change is called with the number of the put, from 1. It returns what is put
	// in place of src, or nil to drop it.
	change func(n int64, p put) []byte
}

// put is a put between two ranks of the cluster.
type put struct {
	scaleOut bool
	from, to int
	src      []byte
}

func newTamper(least int, change func(n int64, p put) []byte) *tamper {
	return &tamper{Driver: mem.New(), least: least, change: change}
}

func (t *tamper) Listen(place driver.Place, opts driver.Options) (driver.Endpoint, error) {
	ep, err := t.Driver.Listen(place, opts)
	if err != nil {
		return nil, err
	}
	base := 0
	if strings.HasPrefix(place.World, "scale-up") {
		var node int
		if _, err := fmt.Sscanf(place.World, "scale-up of node %d", &node); err != nil {
			return nil, err
		}
		base = node * place.Size
	}
	return &tamperEndpoint{ep, ep.(driver.Mapper), t, place, base}, nil
}

type tamperEndpoint struct {
	driver.Endpoint
	driver.Mapper
	t     *tamper
	place driver.Place
	base  int // rank of the cluster that is rank 0 of the world
}

func (e *tamperEndpoint) Channel(peer, index int) (driver.Channel, error) {
	c, err := e.Endpoint.Channel(peer, index)
	if err != nil {
		return nil, err
	}
	return &tamperChannel{c, e.t, put{e.place.World == "scale-out", e.base + e.place.Rank, e.base + peer, nil}}, nil
}

type tamperChannel struct {
	driver.Channel
	t   *tamper
	put put
}

func (c *tamperChannel) Put(segment, offset int, src []byte) error {
	if len(src) < c.t.least {
		return c.Channel.Put(segment, offset, src)
	}
	p := c.put
	p.src = src
	if src = c.t.change(c.t.rows.Add(1), p); src == nil {
		return nil
	}
	return c.Channel.Put(segment, offset, src)
}

func (c *tamperChannel) PutSignal(segment, offset int, src []byte, word int, add uint64) error {
	if err := c.Put(segment, offset, src); err != nil {
		return err
	}
	return c.Signal(word, add)
}
