package limits

import (
	"github.com/commbench/commbench/transport/block"
)

// Stores says how a block is written.
type Stores uint8

const (
	Ordinary  Stores = iota // copy
	Streaming               // block.Stream: past the caches
)

func (s Stores) String() string { return [...]string{"ordinary", "streaming"}[s] }

// Copy copies blocks from places of the sources to places of the targets: the
// ceiling of a hop. Its rate counts the bytes copied, once, as a ledger counts
// what is written.
type Copy struct {
	Block, Stride    int      // bytes of a block, and from one place to the next
	Sources, Targets [][]byte // regions, which must not overlap; the targets are overwritten
	Order            Order
	Stores           Stores
}

// Probe prepares to measure with the team. The error is ErrShape.
func (c Copy) Probe(team Team) (*Probe, error) {
	from, err := shape(team, "sources", c.Sources, c.Block, c.Stride, c.Order)
	if err != nil {
		return nil, err
	}
	to, err := shape(team, "targets", c.Targets, c.Block, c.Stride, c.Order)
	if err != nil {
		return nil, err
	}
	if c.Stores > Streaming {
		return nil, shapef("stores %d", c.Stores)
	}
	loads := make([]load, len(from))
	for i := range loads {
		p := pair{from: from[i], to: to[i].salted()}
		if loads[i] = (*copier)(&p); c.Stores == Streaming {
			loads[i] = (*streamer)(&p)
		}
	}
	return newProbe(team, int64(c.Block), loads), nil
}

// pair is where a worker reads and writes. Both change with each step, so another
// worker's must not be on the same cache line.
type pair struct {
	from, to places
	_        [128]byte
}

type copier pair

func (c *copier) step() { copy(c.to.next(), c.from.next()) }

func (c *copier) finish() {}

type streamer pair

func (s *streamer) step() { block.Stream(s.to.next(), s.from.next()) }

func (s *streamer) finish() { block.Fence() }
