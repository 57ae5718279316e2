package faulty

import (
	"sync"
	"time"

	"github.com/commbench/commbench/transport/driver"
)

// endpoint has what endpoints can have without harm if the driver inside does not:
// Push does nothing then, Fault knows nothing, and Peer is only asked for where Caps
// says that peers are mapped.
type endpoint struct {
	driver.Endpoint
	d       *Driver
	place   driver.Place
	timeout time.Duration

	stop   chan struct{}  // closed to end the channels' goroutines
	late   sync.WaitGroup // those goroutines
	closed bool
}

// belled, chiming and polled are endpoints of drivers that have bells, which others must
// not seem to have. What is polled has both.
type (
	belled struct {
		*endpoint
		driver.Belled
	}
	chiming struct {
		*endpoint
		driver.Belled
		driver.Chimer
	}
	polled struct {
		chiming
		driver.Poller
	}
)

func (d *Driver) wrap(inside driver.Endpoint, place driver.Place, timeout time.Duration) driver.Endpoint {
	e := &endpoint{Endpoint: inside, d: d, place: place, timeout: timeout, stop: make(chan struct{})}
	bells, rings := inside.(driver.Belled)
	chimer, chimes := inside.(driver.Chimer)
	poller, polls := inside.(driver.Poller)
	switch {
	case rings && chimes && polls:
		return &polled{chiming{e, bells, chimer}, poller}
	case rings && chimes:
		return &chiming{e, bells, chimer}
	case rings:
		return &belled{e, bells}
	}
	return e
}

func (e *endpoint) Channel(peer, index int) (driver.Channel, error) {
	inside, err := e.Endpoint.Channel(peer, index)
	if err != nil {
		return nil, err
	}
	at := Verb{World: e.place.World, Rank: e.place.Rank, Peer: peer, Channel: index}
	chance := e.d.chance(at)
	carry := &carry{Channel: inside}
	carry.streamer, _ = inside.(driver.Streamer)

	var first stage = carry
	if e.d.spec.Delay > 0 {
		q := newQueue(e, first, chance)
		e.late.Go(q.run)
		first = q
	}
	if e.d.spec.Reorder {
		first = &shuffle{d: e.d, next: first, chance: chance, held: make([]call, 0, window)}
	}
	return &channel{&lose{d: e.d, at: at, next: first, chance: chance}}, nil
}

func (e *endpoint) Peer(rank, segment int) ([]byte, error) {
	if m, ok := e.Endpoint.(driver.Mapper); ok && !e.d.late() {
		return m.Peer(rank, segment)
	}
	return nil, driver.ErrNotSupported
}

func (e *endpoint) Push() {
	if p, ok := e.Endpoint.(driver.Pusher); ok {
		p.Push()
	}
}

func (e *endpoint) Fault() error {
	if w, ok := e.Endpoint.(driver.Watcher); ok {
		return w.Fault()
	}
	return nil
}

func (e *endpoint) Close() error {
	if !e.closed {
		e.closed = true
		close(e.stop)
	}
	e.late.Wait()
	return e.Endpoint.Close()
}
