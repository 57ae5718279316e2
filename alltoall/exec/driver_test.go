package exec_test

import (
	"fmt"
	"strings"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/drivertest"
	"github.com/commbench/commbench/transport/mem"
)

// spy is a mem driver whose verbs a test can watch, lose and fail. Its functions
// are changed between runs only; workers call them at the same time.
type spy struct {
	driver.Driver
	put    func(verb) error // called before a put; its error is the put's
	signal func(verb) bool  // called before a signal, which is lost where it says so
}

func newSpy() *spy { return &spy{Driver: mem.New()} }

// newUnmapped is a driver that has nothing but its verbs.
func newUnmapped() driver.Driver { return drivertest.Bare(mem.New()) }

// verb says between which ranks of the cluster a verb is, and in which domain.
type verb struct {
	scaleOut          bool
	from, to, channel int
	word              int // of a signal
}

func (s *spy) Listen(place driver.Place, opts driver.Options) (driver.Endpoint, error) {
	ep, err := s.Driver.Listen(place, opts)
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
	return &spyEndpoint{ep, ep.(driver.Mapper), s, place, base}, nil
}

type spyEndpoint struct {
	driver.Endpoint
	driver.Mapper
	spy   *spy
	place driver.Place
	base  int // rank of the cluster that is rank 0 of the world
}

func (e *spyEndpoint) Channel(peer, index int) (driver.Channel, error) {
	c, err := e.Endpoint.Channel(peer, index)
	if err != nil {
		return nil, err
	}
	return &spyChannel{c, e.spy, verb{e.place.World == "scale-out", e.base + e.place.Rank, e.base + peer, index, 0}}, nil
}

type spyChannel struct {
	driver.Channel
	spy  *spy
	verb verb
}

func (c *spyChannel) Put(segment, offset int, src []byte) error {
	if c.spy.put != nil {
		if err := c.spy.put(c.verb); err != nil {
			return err
		}
	}
	return c.Channel.Put(segment, offset, src)
}

func (c *spyChannel) Signal(word int, add uint64) error {
	if c.spy.signal != nil {
		v := c.verb
		v.word = word
		if c.spy.signal(v) {
			return nil
		}
	}
	return c.Channel.Signal(word, add)
}

func (c *spyChannel) PutSignal(segment, offset int, src []byte, word int, add uint64) error {
	if err := c.Put(segment, offset, src); err != nil {
		return err
	}
	return c.Signal(word, add)
}
