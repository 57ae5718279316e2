package faulty

import "github.com/commbench/commbench/transport/driver"

// Kind is what a verb does.
type Kind int

// The kinds of verbs that can be hit.
const (
	Put Kind = iota
	Stream
	Signal
	PutSignal

	fence // the others pass through all stages, but are never hit
	flush
)

func (k Kind) String() string {
	return [...]string{"put", "stream", "signal", "put-signal", "fence", "flush"}[k]
}

// call is a verb with its arguments, on its way to the driver inside.
type call struct {
	kind            Kind
	hit             bool // faults are for it
	segment, offset int
	src             []byte
	word            int
	add             uint64
}

// stage is a part of a channel's way: it hands a call on, at once, later or never.
// lose comes first, then shuffle and queue if they are asked for, and carry.
type stage interface{ do(call) error }

// channel turns verbs into calls.
type channel struct{ first stage }

func (c *channel) Put(segment, offset int, src []byte) error {
	return c.first.do(call{kind: Put, segment: segment, offset: offset, src: src})
}

func (c *channel) Stream(segment, offset int, src []byte) error {
	return c.first.do(call{kind: Stream, segment: segment, offset: offset, src: src})
}

func (c *channel) Signal(word int, add uint64) error {
	return c.first.do(call{kind: Signal, word: word, add: add})
}

func (c *channel) PutSignal(segment, offset int, src []byte, word int, add uint64) error {
	return c.first.do(call{kind: PutSignal, segment: segment, offset: offset, src: src, word: word, add: add})
}

func (c *channel) Fence() error { return c.first.do(call{kind: fence}) }
func (c *channel) Flush() error { return c.first.do(call{kind: flush}) }

// carry turns calls into verbs of the driver inside.
type carry struct {
	driver.Channel
	streamer driver.Streamer // nil if that driver has only Put
}

func (c *carry) do(v call) error {
	switch v.kind {
	case Stream:
		if c.streamer != nil {
			return c.streamer.Stream(v.segment, v.offset, v.src)
		}
		return c.Put(v.segment, v.offset, v.src)
	case Put:
		return c.Put(v.segment, v.offset, v.src)
	case Signal:
		return c.Signal(v.word, v.add)
	case PutSignal:
		return c.PutSignal(v.segment, v.offset, v.src, v.word, v.add)
	case fence:
		return c.Fence()
	default:
		return c.Flush()
	}
}
