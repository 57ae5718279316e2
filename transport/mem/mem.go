package mem

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/commbench/commbench/transport/block"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/internal/bell"
	"github.com/commbench/commbench/transport/internal/pages"
)

// Driver connects the ranks of one process. Use New to make one.
type Driver struct {
	bell      *bell.Bell // of all endpoints
	mu        sync.Mutex
	endpoints map[uint64]*endpoint // by key; those that are open
}

// New returns a driver that reaches the endpoints which it makes itself.
func New() *Driver { return &Driver{bell: new(bell.Bell), endpoints: make(map[uint64]*endpoint)} }

// Name is "mem".
func (d *Driver) Name() string { return "mem" }

// Caps of the driver: peers are mapped, any memory will do.
func (d *Driver) Caps() driver.Caps { return driver.Caps{Mapped: true} }

// Alloc returns size bytes: of the Go heap, or on Linux a mapping of their own if
// a huge page fits into them.
func (d *Driver) Alloc(size int) (driver.Memory, error) { return pages.Alloc(size) }

// Listen makes an endpoint and enters it in the driver's table.
func (d *Driver) Listen(_ driver.Place, opts driver.Options) (driver.Endpoint, error) {
	// Keys are drawn from so many that one of another driver value is not found.
	e := &endpoint{d: d, key: rand.Uint64(), words: make([]word, opts.Words), own: new(bell.Bell)}
	for _, m := range opts.Segments {
		e.segments = append(e.segments, m.Bytes())
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.endpoints[e.key] = e
	return e, nil
}

// word has a cache line of its own.
type word struct {
	value atomic.Uint64
	_     [56]byte
}

type endpoint struct {
	d        *Driver
	key      uint64
	segments [][]byte
	words    []word
	own      *bell.Bell
	peers    []*endpoint
}

func (e *endpoint) Address() []byte { return binary.LittleEndian.AppendUint64(nil, e.key) }

func (e *endpoint) Connect(addrs [][]byte) error {
	e.d.mu.Lock()
	defer e.d.mu.Unlock()
	peers := make([]*endpoint, len(addrs))
	for rank, addr := range addrs {
		if len(addr) != 8 {
			return fmt.Errorf("rank %d: %w: %d bytes", rank, driver.ErrBadAddress, len(addr))
		}
		peer := e.d.endpoints[binary.LittleEndian.Uint64(addr)]
		if peer == nil {
			return fmt.Errorf("rank %d: %w: closed, or of another mem driver", rank, driver.ErrBadAddress)
		}
		peers[rank] = peer
	}
	e.peers = peers
	return nil
}

func (e *endpoint) Channel(peer, _ int) (driver.Channel, error) {
	p := e.peers[peer]
	return &channel{segments: p.segments, words: p.words, own: p.own, bell: p.d.bell}, nil
}

func (e *endpoint) OwnBell() driver.Bell { return e.own }
func (e *endpoint) Bell() driver.Bell    { return e.d.bell }

func (e *endpoint) Load(word int) uint64 { return e.words[word].value.Load() }

func (e *endpoint) Peer(rank, segment int) ([]byte, error) {
	return e.peers[rank].segments[segment], nil
}

func (e *endpoint) Close() error {
	e.d.mu.Lock()
	defer e.d.mu.Unlock()
	delete(e.d.endpoints, e.key)
	return nil
}

// channel holds what the verbs touch of the peer.
type channel struct {
	segments [][]byte
	words    []word
	own      *bell.Bell // of the peer
	bell     *bell.Bell // of all
	streamed bool       // since the last fence
}

func (c *channel) Put(segment, offset int, src []byte) error {
	copy(c.segments[segment][offset:], src)
	return nil
}

// Stream copies past the caches. Its stores are ordered by the fence of the next
// verb that orders anything.
func (c *channel) Stream(segment, offset int, src []byte) error {
	block.Stream(c.segments[segment][offset:], src)
	c.streamed = true
	return nil
}

func (c *channel) fence() {
	if c.streamed {
		block.Fence()
		c.streamed = false
	}
}

func (c *channel) Signal(word int, add uint64) error {
	c.fence()
	c.words[word].value.Add(add)
	c.own.Ring()
	c.bell.Ring()
	return nil
}

func (c *channel) PutSignal(segment, offset int, src []byte, word int, add uint64) error {
	copy(c.segments[segment][offset:], src)
	return c.Signal(word, add)
}

func (c *channel) Fence() error {
	c.fence()
	return nil
}

func (c *channel) Flush() error {
	c.fence()
	return nil
}
