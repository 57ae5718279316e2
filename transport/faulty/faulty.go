package faulty

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync/atomic"

	"github.com/commbench/commbench/transport/driver"
)

// ErrCut: the channel was cut. It is a driver.ErrLost, as what a driver returns whose
// connection was cut.
var ErrCut = fmt.Errorf("cut, as was asked for: %w", driver.ErrLost)

// Driver is a driver with faults. Use New to make one.
type Driver struct {
	driver.Driver
	spec Spec

	verbs, dropped, cut, delayed, reordered atomic.Int64
}

// New is d with faults. Values of the Spec that Parse would refuse count as the
// nearest that it takes. The same driver value can be given to several of them.
func New(d driver.Driver, s Spec) *Driver {
	s.Delay = min(max(s.Delay, 0), maxDelay)
	return &Driver{Driver: d, spec: s}
}

// Counts are what was injected.
type Counts struct {
	Verbs     int64 // verbs that Match took: those that were hit, and those that could have been
	Dropped   int64 // verbs that were lost
	Cut       int64 // channels that were cut
	Delayed   int64 // verbs that were given a delay
	Reordered int64 // times that puts, from one verb that orders them to the next, changed places
}

// Injected is what was injected until now, on all channels. It may be called at any time.
func (d *Driver) Injected() Counts {
	return Counts{Verbs: d.verbs.Load(), Dropped: d.dropped.Load(), Cut: d.cut.Load(),
		Delayed: d.delayed.Load(), Reordered: d.reordered.Load()}
}

// Caps are those of the driver inside, but with Delay or Reorder it maps no peers.
func (d *Driver) Caps() driver.Caps {
	c := d.Driver.Caps()
	c.Mapped = c.Mapped && !d.late()
	return c
}

// late says whether puts may take effect after they have returned.
func (d *Driver) late() bool { return d.spec.Delay > 0 || d.spec.Reorder }

// Network is that of the driver inside, or zero if that one crosses none.
func (d *Driver) Network() driver.Network {
	if n, ok := d.Driver.(driver.Networked); ok {
		return n.Network()
	}
	return driver.Network{}
}

// Listen is that of the driver inside, whose channels will have faults.
func (d *Driver) Listen(place driver.Place, opts driver.Options) (driver.Endpoint, error) {
	opts.Hold = opts.Hold && d.spec.Delay == 0
	inside, err := d.Driver.Listen(place, opts)
	if err != nil {
		return nil, err
	}
	return d.wrap(inside, place, opts.Timeout), nil
}

// chance is what decides for a channel. Each has its own, so that what happens on one
// does not depend on when others are used.
func (d *Driver) chance(at Verb) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprintf(h, "%q %d %d %d", at.World, at.Rank, at.Peer, at.Channel)
	return rand.New(rand.NewPCG(d.spec.Seed, h.Sum64()))
}
