package shm

import (
	"errors"
	"fmt"

	"github.com/commbench/commbench/transport/block"
	"github.com/commbench/commbench/transport/driver"
)

type endpoint struct {
	d        *Driver
	rank     int
	segments int   // how many
	sizes    []int // of each rank's regions: the segments, then those of the words if there are any
	words    []word
	peers    []peer // by rank, this one included
}

// peer is what an endpoint has of one rank. It is attached on first use, so that
// a rank maps those that it talks to and no others.
type peer struct {
	at       address
	regions  []*region // nil until attached
	segments [][]byte
	words    []word
	own      *bell // of the rank
	bell     *bell // of its process
}

func (e *endpoint) peer(at address, regions []*region) peer {
	p := peer{at: at, regions: regions}
	for _, r := range regions[:e.segments] {
		p.segments = append(p.segments, r.bytes)
	}
	if len(regions) > e.segments {
		p.words, p.own = wordsOf(regions[e.segments].bytes)
		p.bell = bellOf(regions[e.segments+1].bytes)
	}
	return p
}

func (e *endpoint) attach(rank int) (*peer, error) {
	p := &e.peers[rank]
	if p.regions != nil {
		return p, nil
	}
	var regions []*region
	for i, f := range p.at.files {
		r, err := e.d.attach(regionKey{p.at.process, f.Inode}, f.Descriptor, e.sizes[i])
		if err != nil {
			return nil, errors.Join(err, releaseAll(regions))
		}
		regions = append(regions, r)
	}
	*p = e.peer(p.at, regions)
	return p, nil
}

func (e *endpoint) Address() []byte { return e.peers[e.rank].at.encode() }

func (e *endpoint) Connect(addrs [][]byte) error {
	ats := make([]address, len(addrs))
	for rank, addr := range addrs {
		at, err := decode(addr, len(e.sizes))
		if err != nil {
			return fmt.Errorf("rank %d: %w", rank, err)
		}
		ats[rank] = at
	}
	for rank := range e.peers {
		e.peers[rank].at = ats[rank]
	}
	return nil
}

func (e *endpoint) Channel(rank, _ int) (driver.Channel, error) {
	p, err := e.attach(rank)
	if err != nil {
		return nil, err
	}
	return &channel{segments: p.segments, words: p.words, own: p.own, bell: p.bell}, nil
}

func (e *endpoint) Peer(rank, segment int) ([]byte, error) {
	p, err := e.attach(rank)
	if err != nil {
		return nil, err
	}
	return p.segments[segment], nil
}

func (e *endpoint) Load(word int) uint64 { return e.words[word].value.Load() }

func (e *endpoint) OwnBell() driver.Bell { return e.peers[e.rank].own }
func (e *endpoint) Bell() driver.Bell    { return e.peers[e.rank].bell }

func (e *endpoint) Close() error {
	var errs []error
	for rank := range e.peers {
		errs = append(errs, releaseAll(e.peers[rank].regions))
		e.peers[rank] = peer{}
	}
	return errors.Join(errs...)
}

// channel holds what the verbs touch of the peer.
type channel struct {
	segments [][]byte
	words    []word
	own      *bell
	bell     *bell
	streamed bool // since the last fence
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
