package shm

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/commbench/commbench/transport/driver"
)

// Driver connects processes of one machine. Use New to make one.
type Driver struct {
	mu      sync.Mutex
	regions map[regionKey]*region // those that are mapped

	ringing sync.Mutex // serializes bell, and guards what follows
	last    *region    // of the last bell of all endpoints; it may be unmapped
}

// New returns a driver. Endpoints of one driver value share their mappings.
func New() *Driver { return &Driver{regions: make(map[regionKey]*region)} }

// Name is "shm".
func (d *Driver) Name() string { return "shm" }

// Caps of the driver: processes map each other's segments, which must come from
// Alloc.
func (d *Driver) Caps() driver.Caps {
	return driver.Caps{Mapped: true, Processes: true, OwnMemory: true}
}

// Alloc returns size bytes of shared memory.
func (d *Driver) Alloc(size int) (driver.Memory, error) {
	r, err := d.create(size)
	if err != nil {
		return nil, err
	}
	m := new(memory)
	m.region.Store(r)
	return m, nil
}

// memory is one use of a region; endpoints that register it are others.
type memory struct {
	region atomic.Pointer[region] // nil once freed
}

func (m *memory) Bytes() []byte {
	if r := m.region.Load(); r != nil {
		return r.bytes
	}
	return nil
}

func (m *memory) Free() error {
	if r := m.region.Swap(nil); r != nil {
		return r.release()
	}
	return nil
}

// Listen makes an endpoint, with a region of its own for its words.
func (d *Driver) Listen(place driver.Place, opts driver.Options) (driver.Endpoint, error) {
	e := &endpoint{d: d, rank: place.Rank, peers: make([]peer, place.Size)}
	own, err := d.register(opts)
	if err != nil {
		return nil, errors.Join(err, releaseAll(own))
	}
	self, err := thisProcess()
	if err != nil {
		return nil, errors.Join(err, releaseAll(own))
	}
	at := address{process: self}
	for _, r := range own {
		e.sizes = append(e.sizes, len(r.bytes))
		at.files = append(at.files, file{Descriptor: int32(r.fd), Inode: r.key.inode})
	}
	e.segments = len(opts.Segments)
	e.peers[e.rank] = e.peer(at, own)
	e.words = e.peers[e.rank].words
	return e, nil
}

// register returns the regions of the segments and, if there are words, of these
// and of the bell, each with one more use. After an error it returns those that it
// has.
func (d *Driver) register(opts driver.Options) ([]*region, error) {
	var own []*region
	for i, m := range opts.Segments {
		// Memory of another shm driver value is as good as ours.
		shared, ok := m.(*memory)
		if !ok {
			return own, fmt.Errorf("segment %d is not shared memory: it must come from Alloc of this driver", i)
		}
		r := shared.region.Load()
		if r == nil {
			return own, fmt.Errorf("segment %d was freed: %w", i, driver.ErrClosed)
		}
		r.retain()
		own = append(own, r)
	}
	if opts.Words > 0 {
		words, err := d.create(opts.Words*wordSize + bellSize)
		if err != nil {
			return own, fmt.Errorf("words: %w", err)
		}
		own = append(own, words)
		bell, err := d.bell()
		if err != nil {
			return own, fmt.Errorf("bell: %w", err)
		}
		own = append(own, bell)
	}
	return own, nil
}

// bell returns the region of the bell that all endpoints share, with one more use.
// It exists for as long as any of them.
func (d *Driver) bell() (*region, error) {
	d.ringing.Lock()
	defer d.ringing.Unlock()
	if r := d.last; r != nil && r.retainMapped() {
		return r, nil
	}
	r, err := d.create(bellSize)
	d.last = r
	return r, err
}
