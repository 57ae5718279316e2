package tcp

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/internal/bell"
)

// word has a cache line of its own.
type word struct {
	value atomic.Uint64
	_     [56]byte
}

type endpoint struct {
	h        *hub
	id       uint32 // in the hub
	rank     int
	size     int // ranks of the world
	segments [][]byte
	words    []word
	own      *bell.Bell
	timeout  time.Duration
	hold     bool
	peers    atomic.Pointer[[]address] // by rank; nil before Connect
	streams  []*stream                 // that its channels use
	closed   bool
}

func (e *endpoint) Address() []byte {
	a := address{hub: e.h.id, endpoint: e.id, host: e.h.host}
	return a.encode()
}

func (e *endpoint) Connect(addrs [][]byte) error {
	peers := make([]address, len(addrs))
	for rank, addr := range addrs {
		a, err := decodeAddress(addr)
		if err != nil {
			return fmt.Errorf("rank %d: %w", rank, err)
		}
		peers[rank] = a
	}
	e.peers.Store(&peers)
	return nil
}

func (e *endpoint) Channel(peer, index int) (driver.Channel, error) {
	if peer == e.rank {
		return &local{e}, nil
	}
	to := &(*e.peers.Load())[peer]
	l, err := e.h.link(to, e.timeout)
	if err != nil {
		return nil, err
	}
	// Channels of a pair, and of ranks side by side, are spread over the connections.
	s := l.streams[(e.rank+peer+index)%len(l.streams)]
	if !slices.Contains(e.streams, s) {
		e.streams = append(e.streams, s)
	}
	return &channel{s: s, endpoint: to.endpoint, now: !e.hold}, nil
}

func (e *endpoint) Load(word int) uint64 { return e.words[word].value.Load() }

// signal adds to a word and wakes who waits. The caller holds the hub's life.
func (e *endpoint) signal(word int, add uint64) {
	e.words[word].value.Add(add)
	e.own.Ring()
	e.h.ring()
}

func (e *endpoint) OwnBell() driver.Bell { return e.own }
func (e *endpoint) Bell() driver.Bell    { return e.h.bell }

// Chime has signals ring another driver's bell as well.
func (e *endpoint) Chime(b driver.Bell) {
	e.h.life.Lock()
	defer e.h.life.Unlock()
	var all []chime
	if old := e.h.chimes.Load(); old != nil {
		all = append(all, *old...)
	}
	all = append(all, chime{b, e})
	e.h.chimes.Store(&all)
}

// Push sends what is held back.
func (e *endpoint) Push() { e.h.push() }

// Poll carries out what has come.
func (e *endpoint) Poll() bool { return e.h.poll() }

// Rest is for who polls no more.
func (e *endpoint) Rest() { e.h.rest() }

// Fault is the first peer, by rank, whose hub is lost.
func (e *endpoint) Fault() error {
	faults, peers := e.h.faults.Load(), e.peers.Load()
	if faults == nil || peers == nil {
		return nil
	}
	for rank := range *peers {
		peer := &(*peers)[rank]
		if err := (*faults)[peer.hub]; err != nil {
			return fmt.Errorf("%w: rank %d at %s: %w", driver.ErrLost, rank, peer.host, err)
		}
	}
	return nil
}

func (e *endpoint) Close() error {
	if !e.closed {
		e.closed = true
		e.h.d.leave(e)
	}
	return nil
}

// local is a rank's way to itself.
type local struct{ e *endpoint }

func (c *local) Put(segment, offset int, src []byte) error {
	copy(c.e.segments[segment][offset:], src)
	return nil
}

func (c *local) Signal(word int, add uint64) error {
	c.e.words[word].value.Add(add)
	c.e.own.Ring()
	c.e.h.ringOpen()
	return nil
}

func (c *local) PutSignal(segment, offset int, src []byte, word int, add uint64) error {
	copy(c.e.segments[segment][offset:], src)
	return c.Signal(word, add)
}

func (c *local) Fence() error         { return nil }
func (c *local) Mark() uint64         { return 0 }
func (c *local) Reusable(uint64) bool { return true }
func (c *local) Flush() error         { return nil }

// channel is a way to a peer, over one of the connections to its hub.
type channel struct {
	s        *stream
	endpoint uint32 // of the peer
	now      bool   // signals are sent at once
	dirty    bool   // since the last flush
}

func (c *channel) Put(segment, offset int, src []byte) error {
	return c.put(opPut, segment, offset, src, 0, 0, false)
}

func (c *channel) PutSignal(segment, offset int, src []byte, word int, add uint64) error {
	return c.put(opPut|opSignal, segment, offset, src, word, add, c.now)
}

// put is one descriptor, or several where there are too many bytes for one; the last
// one signals.
func (c *channel) put(op uint8, segment, offset int, src []byte, word int, add uint64, now bool) error {
	if len(src) == 0 && op == opPut {
		return nil
	}
	c.dirty = true
	d := desc{op: opPut, segment: uint16(segment), endpoint: c.endpoint}
	for len(src) > maxPut {
		d.offset, d.length = uint64(offset), maxPut
		if err := c.s.add(&d, src[:maxPut], false); err != nil {
			return err
		}
		offset, src = offset+maxPut, src[maxPut:]
	}
	d.op, d.offset, d.length, d.word, d.add = op, uint64(offset), uint32(len(src)), uint32(word), add
	return c.s.add(&d, src, now)
}

func (c *channel) Signal(word int, add uint64) error {
	c.dirty = true
	return c.s.add(&desc{op: opSignal, endpoint: c.endpoint, word: uint32(word), add: add}, nil, c.now)
}

// Mark and Reusable go by batches: sources of one that was sent are the kernel's. Of a
// connection that has ended nobody needs them any more, and the next verb says why.
func (c *channel) Mark() uint64              { return c.s.mark() }
func (c *channel) Reusable(mark uint64) bool { return c.s.read.Load() >= mark || c.s.ended.Load() }

// Fence has nothing to do: the connection is in order.
func (c *channel) Fence() error { return nil }

func (c *channel) Flush() error {
	if !c.dirty {
		return nil
	}
	if err := c.s.flush(c.endpoint); err != nil {
		return err
	}
	c.dirty = false
	return nil
}
