package transport

import (
	"fmt"

	"github.com/commbench/commbench/transport/driver"
)

// Channel is an ordered way to one peer, used by one goroutine at a time. No
// verb allocates. The first error of a verb is final: later verbs do nothing and
// return it again.
type Channel struct {
	w        *World
	ch       driver.Channel
	stream   driver.Streamer // nil if the driver has only Put
	late     driver.Late     // nil if the driver cannot tell
	err      error           // the first error
	counters Counters
	peer     int
	index    int

	// Channels of different goroutines must not share a cache line: each verb
	// counts.
	_ [128 - 112]byte
}

// Counters say what went through a channel: verbs that were issued without an
// error. A put-signal is one put and one signal.
type Counters struct {
	Puts    int64
	Bytes   int64
	Signals int64
}

// Put copies src into the peer's segment at offset. It may return before the
// bytes have arrived, or were even read: src must stay unchanged until Flush
// returns, or until a signal from the peer implies that it has used them.
func (c *Channel) Put(segment, offset int, src []byte) error {
	if !c.usable() || !c.w.inside(segment, offset, len(src)) {
		return c.refuse("put", c.w.outside(segment, offset, len(src)))
	}
	if err := c.ch.Put(segment, offset, src); err != nil {
		return c.fail("put", err)
	}
	c.counters.Puts++
	c.counters.Bytes += int64(len(src))
	return nil
}

// Stream is Put for bytes that the peer will not use soon. Where the driver can,
// they go past the caches, which is up to twice as fast for rows of a buffer that
// no cache holds, and slower for one that a cache does.
func (c *Channel) Stream(segment, offset int, src []byte) error {
	if c.stream == nil {
		return c.Put(segment, offset, src)
	}
	if !c.usable() || !c.w.inside(segment, offset, len(src)) {
		return c.refuse("stream", c.w.outside(segment, offset, len(src)))
	}
	if err := c.stream.Stream(segment, offset, src); err != nil {
		return c.fail("stream", err)
	}
	c.counters.Puts++
	c.counters.Bytes += int64(len(src))
	return nil
}

// Signal adds to the peer's word, after every earlier put on this channel is
// visible there.
func (c *Channel) Signal(word int, add uint64) error {
	if !c.usable() || uint(word) >= uint(c.w.words) {
		return c.refuse("signal", c.w.noWord(word))
	}
	if err := c.ch.Signal(word, add); err != nil {
		return c.fail("signal", err)
	}
	c.counters.Signals++
	return nil
}

// PutSignal is Put and then Signal, in one message where the driver can.
func (c *Channel) PutSignal(segment, offset int, src []byte, word int, add uint64) error {
	if !c.usable() || !c.w.inside(segment, offset, len(src)) || uint(word) >= uint(c.w.words) {
		err := c.w.outside(segment, offset, len(src))
		if err == nil {
			err = c.w.noWord(word)
		}
		return c.refuse("put-signal", err)
	}
	if err := c.ch.PutSignal(segment, offset, src, word, add); err != nil {
		return c.fail("put-signal", err)
	}
	c.counters.Puts++
	c.counters.Bytes += int64(len(src))
	c.counters.Signals++
	return nil
}

// Fence orders earlier puts before later puts at the peer. It does not wait, and
// is not needed before a signal.
func (c *Channel) Fence() error {
	if !c.usable() {
		return c.refuse("fence", nil)
	}
	if err := c.ch.Fence(); err != nil {
		return c.fail("fence", err)
	}
	return nil
}

// Flush returns when every earlier verb on this channel has taken effect at the
// peer and all sources may be reused.
func (c *Channel) Flush() error {
	if !c.usable() {
		return c.refuse("flush", nil)
	}
	if err := c.ch.Flush(); err != nil {
		return c.fail("flush", err)
	}
	return nil
}

// Mark names all verbs so far, for Reusable.
func (c *Channel) Mark() uint64 {
	if c.late == nil || !c.usable() {
		return 0
	}
	return c.late.Mark()
}

// Reusable says whether the sources of the verbs that a mark names may be changed: they
// were read, though they may not have arrived. Over a driver whose puts are copies they
// always may, and over one that cannot tell this is Flush. Otherwise it does not wait.
func (c *Channel) Reusable(mark uint64) (bool, error) {
	switch {
	case c.w.mapper != nil:
		return true, nil
	case c.late == nil:
		return true, c.Flush()
	case !c.usable():
		return false, c.refuse("reusable", nil)
	}
	return c.late.Reusable(mark), nil
}

// Counters returns what went through so far. Like the verbs, it is for the
// goroutine that uses the channel: the counters are plain integers.
func (c *Channel) Counters() Counters { return c.counters }

// Peer is the rank at the other end.
func (c *Channel) Peer() int { return c.peer }

func (c *Channel) usable() bool { return c.err == nil && !c.w.closed.Load() }

// refuse is the end of a verb that the driver never saw: the channel failed
// before, or the world was closed, or else it is what is wrong with the
// arguments.
func (c *Channel) refuse(op string, wrong error) error {
	if c.err != nil {
		return c.err
	}
	if c.w.closed.Load() {
		wrong = ErrClosed
	}
	return c.fail(op, wrong)
}

func (c *Channel) fail(op string, err error) error {
	c.err = &Error{Op: op, World: c.w.place.World, Rank: c.w.place.Rank, Peer: c.peer, Channel: c.index, Err: err}
	return c.err
}

// inside says whether n bytes at offset lie in the segment. The subtraction
// cannot overflow, which an addition could.
func (w *World) inside(segment, offset, n int) bool {
	return uint(segment) < uint(len(w.sizes)) && offset >= 0 && n <= w.sizes[segment]-offset
}

// outside is why not, or nil.
func (w *World) outside(segment, offset, n int) error {
	switch {
	case w.inside(segment, offset, n):
		return nil
	case uint(segment) >= uint(len(w.sizes)):
		return fmt.Errorf("segment %d: there are %d: %w", segment, len(w.sizes), ErrBounds)
	default:
		return fmt.Errorf("segment %d: %d bytes at offset %d, of %d: %w", segment, n, offset, w.sizes[segment], ErrBounds)
	}
}
