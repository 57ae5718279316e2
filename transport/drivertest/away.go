package drivertest

import (
	"fmt"
	"time"

	"github.com/commbench/commbench/transport/driver"
)

// A rank in the other process is here an endpoint all of whose calls are made there.

func (s *split) Listen(place driver.Place, opts driver.Options) (driver.Endpoint, error) {
	if !away(s, place.Rank) {
		return s.Driver.Listen(place, opts)
	}
	args := listenArgs{Driver: s.id, Place: place, Words: opts.Words, Timeout: opts.Timeout, Hold: opts.Hold}
	e := &awayEndpoint{c: s.c, rank: place.Rank}
	for i, m := range opts.Segments {
		m, ok := m.(*awayMemory)
		if !ok {
			return nil, fmt.Errorf("segment %d of rank %d is memory of another process", i, place.Rank)
		}
		args.Memories = append(args.Memories, m.id)
		e.segments = append(e.segments, m.bytes)
	}
	var made listened
	if err := s.c.call("Listen", args, &made); err != nil {
		return nil, err
	}
	e.id, e.address = made.ID, made.Address
	if made.Belled {
		return &awayBelled{e, awayBell{s.c, made.Bells[0]}, awayBell{s.c, made.Bells[1]}}, nil
	}
	return e, nil
}

type awayEndpoint struct {
	c        *child
	id       int
	rank     int
	address  []byte
	segments [][]byte
}

func (e *awayEndpoint) Address() []byte { return e.address }
func (e *awayEndpoint) Connect(addrs [][]byte) error {
	return e.c.call("Connect", connectArgs{e.id, addrs}, nil)
}
func (e *awayEndpoint) Close() error { return e.c.call("Close", e.id, nil) }
func (e *awayEndpoint) Push()        { _ = e.c.call("Push", e.id, nil) }

func (e *awayEndpoint) Channel(peer, index int) (driver.Channel, error) {
	c := &awayChannel{c: e.c}
	return c, e.c.call("Channel", [3]int{e.id, peer, index}, &c.id)
}

// Load is 0 if the other process is gone: a signal that never comes.
func (e *awayEndpoint) Load(word int) (value uint64) {
	_ = e.c.call("Load", [2]int{e.id, word}, &value)
	return value
}

// Peer is for the rank's own segments: what the other process has mapped cannot be seen.
func (e *awayEndpoint) Peer(rank, segment int) ([]byte, error) {
	if rank != e.rank {
		return nil, driver.ErrNotSupported
	}
	return e.segments[segment], nil
}

type awayBelled struct {
	*awayEndpoint
	own, bell awayBell
}

func (e *awayBelled) OwnBell() driver.Bell { return e.own }
func (e *awayBelled) Bell() driver.Bell    { return e.bell }

// awayBell can be compared, as bells are.
type awayBell struct {
	c  *child
	id int
}

func (b awayBell) Arm() (ticket uint32) {
	_ = b.c.call("Arm", b.id, &ticket)
	return ticket
}

func (b awayBell) Park(ticket uint32, d time.Duration) (rung bool) {
	_ = b.c.call("Park", parkArgs{b.id, ticket, d}, &rung)
	return rung
}

func (b awayBell) Ring() { _ = b.c.call("Ring", b.id, nil) }

type awayChannel struct {
	c  *child
	id int
}

func (c *awayChannel) do(v verbArgs) error {
	v.Channel = c.id
	return c.c.call("Verb", v, nil)
}

func (c *awayChannel) Put(segment, offset int, src []byte) error {
	return c.do(verbArgs{Verb: "put", Segment: segment, Offset: offset, Src: src})
}

// Stream is Put where the driver has no other.
func (c *awayChannel) Stream(segment, offset int, src []byte) error {
	return c.do(verbArgs{Verb: "stream", Segment: segment, Offset: offset, Src: src})
}

func (c *awayChannel) Signal(word int, add uint64) error {
	return c.do(verbArgs{Verb: "signal", Word: word, Add: add})
}

func (c *awayChannel) PutSignal(segment, offset int, src []byte, word int, add uint64) error {
	return c.do(verbArgs{Verb: "put-signal", Segment: segment, Offset: offset, Src: src, Word: word, Add: add})
}

func (c *awayChannel) Fence() error { return c.do(verbArgs{Verb: "fence"}) }
func (c *awayChannel) Flush() error { return c.do(verbArgs{Verb: "flush"}) }
