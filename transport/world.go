package transport

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/commbench/commbench/transport/driver"
)

// Bounds of a world, far above what is planned, so that a mistyped number is an
// error and not an allocation.
const (
	MaxRanks       = 1 << 16
	MaxChannels    = 1 << 16 // of one rank to one peer
	MaxWords       = 1 << 22
	MaxSegments    = 64
	MaxSegmentSize = 1 << 46
	maxName        = 256
)

const defaultTimeout = 30 * time.Second

// Options of Listen. Nil, or a zero field, stands for the default.
type Options struct {
	// Segments are the registered segments, numbered as they are here. Every rank
	// of the world registers segments of the same sizes. Default none.
	Segments []driver.Memory
	// Words is the number of signal words, all zero at first, the same at every
	// rank. Default none.
	Words int
	// Timeout bounds each Wait, and each call of the driver that waits for a
	// peer. Default 30 s.
	Timeout time.Duration
	// Hold lets signals, and what they order, be held back until Push, or until much
	// has come together. It is for programs that send many signals and say when they
	// are through; Wait and Flush push too. Default: what is signalled is sent.
	Hold bool
}

// World is one rank's membership of a world.
type World struct {
	// Read by every verb, never written after Listen, apart from closed.
	ep     driver.Endpoint
	words  int
	sizes  []int // of the segments, at every rank
	closed atomic.Bool

	driver   string
	place    driver.Place
	timeout  time.Duration
	segments [][]byte
	address  []byte
	mapper   driver.Mapper  // nil if peers' segments are not mapped
	own      driver.Bell    // of this rank; nil if the driver has none
	bell     driver.Bell    // of all ranks here; nil if the driver has none
	pusher   driver.Pusher  // nil if the driver never holds verbs back
	watcher  driver.Watcher // nil if the driver cannot tell that a peer is lost
	rest     func()         // Rest, made once
	poller   driver.Poller  // nil if there is nothing to be polled

	waiting sync.RWMutex // held for reading by each Wait, so that Close can see them out

	mu        sync.Mutex // serializes the set-up calls of the driver, and guards what follows
	connected bool
	channels  map[channelID]bool // those that were opened
}

type channelID struct{ peer, index int }

// Listen makes this rank's membership of a world: its segments and words exist,
// and can be reached by peers that know its Address. It waits for nobody.
func Listen(d driver.Driver, place driver.Place, opts *Options) (*World, error) {
	if opts == nil {
		opts = &Options{}
	}
	w := &World{
		words:    opts.Words,
		place:    place,
		timeout:  opts.Timeout,
		channels: make(map[channelID]bool),
	}
	if w.timeout == 0 {
		w.timeout = defaultTimeout
	}
	if d == nil {
		return nil, w.wrap("listen", errors.New("no driver given"))
	}
	w.driver = d.Name()
	if err := w.check(opts.Segments); err != nil {
		return nil, w.wrap("listen", err)
	}
	for _, m := range opts.Segments {
		w.segments = append(w.segments, m.Bytes())
		w.sizes = append(w.sizes, len(m.Bytes()))
	}
	ep, err := d.Listen(place, driver.Options{Segments: opts.Segments, Words: opts.Words, Timeout: w.timeout, Hold: opts.Hold})
	if err != nil {
		return nil, w.wrap("listen", fmt.Errorf("driver %s: %w", w.driver, err))
	}
	w.ep = ep
	w.address = w.seal(place.Rank, ep.Address())
	if d.Caps().Mapped {
		w.mapper, _ = ep.(driver.Mapper)
	}
	if belled, ok := ep.(driver.Belled); ok && w.words > 0 {
		w.own, w.bell = belled.OwnBell(), belled.Bell()
	}
	w.pusher, _ = ep.(driver.Pusher)
	w.watcher, _ = ep.(driver.Watcher)
	w.poller, _ = ep.(driver.Poller)
	if w.poller != nil {
		w.rest = w.Rest
	}
	return w, nil
}

// check says what is wrong with the arguments of Listen.
func (w *World) check(segments []driver.Memory) error {
	p := w.place
	switch {
	case p.Size < 1 || p.Size > MaxRanks:
		return fmt.Errorf("%d ranks: must be between 1 and %d: %w", p.Size, MaxRanks, ErrBounds)
	case p.Rank < 0 || p.Rank >= p.Size:
		return fmt.Errorf("rank %d of %d: %w", p.Rank, p.Size, ErrBounds)
	case len(p.World) > maxName:
		return fmt.Errorf("the world's name has %d bytes: at most %d: %w", len(p.World), maxName, ErrBounds)
	case w.words < 0 || w.words > MaxWords:
		return fmt.Errorf("%d words: must be between 0 and %d: %w", w.words, MaxWords, ErrBounds)
	case w.timeout < 0:
		return fmt.Errorf("timeout %v: must not be negative: %w", w.timeout, ErrBounds)
	case len(segments) > MaxSegments:
		return fmt.Errorf("%d segments: at most %d: %w", len(segments), MaxSegments, ErrBounds)
	}
	for i, m := range segments {
		if m == nil || len(m.Bytes()) == 0 {
			return fmt.Errorf("segment %d is empty, or was freed: %w", i, ErrBounds)
		}
	}
	return nil
}

// Address is what peers need to reach this rank: opaque bytes, at most a few
// KiB, for all other ranks to be given to Connect.
func (w *World) Address() []byte { return bytes.Clone(w.address) }

// Connect tells this rank the addresses of all ranks, by rank, its own included.
// It returns an error that is ErrBadAddress if one of them is damaged, or is
// not the address of that rank in this world, with this driver and with words
// and segments as they are here. A world that failed to connect can only be
// closed.
func (w *World) Connect(addrs [][]byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed.Load() {
		return w.wrap("connect", ErrClosed)
	}
	if w.connected {
		return w.wrap("connect", errors.New("already connected"))
	}
	if len(addrs) != w.place.Size {
		return w.wrap("connect", fmt.Errorf("%w: %d addresses for %d ranks", ErrBadAddress, len(addrs), w.place.Size))
	}
	bodies := make([][]byte, len(addrs))
	for rank, addr := range addrs {
		body, err := w.unseal(rank, addr)
		if err != nil {
			return w.wrap("connect", err)
		}
		bodies[rank] = body
	}
	// Addresses that are whole but of an earlier run are told by our own.
	if !bytes.Equal(addrs[w.place.Rank], w.address) {
		return w.wrap("connect", fmt.Errorf("rank %d: %w: it is of another endpoint than this one; are the addresses of an earlier run?",
			w.place.Rank, ErrBadAddress))
	}
	if err := w.ep.Connect(bodies); err != nil {
		return w.wrap("connect", err)
	}
	w.connected = true
	return nil
}

// Channel opens a channel to the peer, which may be the rank itself. index
// tells the channels of a pair apart; each can be opened once.
func (w *World) Channel(peer, index int) (*Channel, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := &Channel{w: w, peer: peer, index: index}
	id := channelID{peer, index}
	switch {
	case w.closed.Load():
		return nil, c.fail("open", ErrClosed)
	case !w.connected:
		return nil, c.fail("open", errors.New("the world is not connected"))
	case peer < 0 || peer >= w.place.Size:
		return nil, c.fail("open", fmt.Errorf("there are %d ranks: %w", w.place.Size, ErrBounds))
	case index < 0 || index >= MaxChannels:
		return nil, c.fail("open", fmt.Errorf("a pair has at most %d channels: %w", MaxChannels, ErrBounds))
	case w.channels[id]:
		return nil, c.fail("open", errors.New("already open"))
	}
	ch, err := w.ep.Channel(peer, index)
	if err != nil {
		return nil, c.fail("open", err)
	}
	c.ch = ch
	c.stream, _ = ch.(driver.Streamer)
	c.late, _ = ch.(driver.Late)
	w.channels[id] = true
	return c, nil
}

// Load reads one of this rank's own words, for those who poll. It is an acquire:
// what was put before the signals that it shows is visible to the caller.
//
// A word that does not exist, and every word of a closed world, reads 0: a
// signal that never comes. Load is the hottest call of all and has no error to
// return, so it neither fails nor panics; Wait tells the two from a late peer.
func (w *World) Load(word int) uint64 {
	if uint(word) >= uint(w.words) || w.closed.Load() {
		return 0
	}
	return w.ep.Load(word)
}

// Bell is what those who poll can park on, with a Backoff: signals to this rank
// ring it, and those to any other rank of the same driver value. So who polls
// several worlds with the same bell can park on it; who polls worlds with
// different bells cannot park on any, and needs a Backoff without one.
//
// It is nil if the driver has none, or the world no words, and must not be used
// after Close.
func (w *World) Bell() driver.Bell { return w.bell }

// Chime has signals to the ranks of this driver value ring another driver's bell as
// well, and says whether the driver can do that: who polls worlds of both can then
// park on that bell. It must be rung no more, that is this world closed, before what
// the bell is of.
func (w *World) Chime(bell driver.Bell) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	chimer, ok := w.ep.(driver.Chimer)
	if ok && !w.closed.Load() {
		chimer.Chime(bell)
	}
	return ok
}

// Push sends what verbs have left to be sent, on any channel of any rank of the same
// driver value; see Options.Hold. It does not wait, and may be called from any
// goroutine until Close.
func (w *World) Push() {
	if w.pusher != nil && !w.closed.Load() {
		w.pusher.Push()
	}
}

// Poll does what a driver's goroutines would do, for any rank of the same driver value:
// carry out what has come from a network. It says whether there was anything, does not
// wait, and is for those who poll words; Wait does it. See driver.Poller.
func (w *World) Poll() bool {
	return w.poller != nil && !w.closed.Load() && w.poller.Poll()
}

// Polled says whether the driver is one for which Poll does something.
func (w *World) Polled() bool { return w.poller != nil }

// Watched says whether the driver can tell that a peer is lost.
func (w *World) Watched() bool { return w.watcher != nil }

// Rest is for who has polled with Poll and is about to sleep. Wait does it.
func (w *World) Rest() {
	if w.poller != nil && !w.closed.Load() {
		w.poller.Rest()
	}
}

// Fault is nil, or says that a peer is lost: its process died, or cannot be reached any
// more. Not every driver can tell. Wait ends with it; who polls asks now and then.
func (w *World) Fault() error {
	if w.watcher == nil || w.closed.Load() {
		return nil
	}
	if err := w.watcher.Fault(); err != nil {
		return w.wrap("fault", err)
	}
	return nil
}

// Peer returns a rank's segment as memory, this rank's own included, or nil if
// the driver does not map peers, or not this one. It is asked for once, at
// set-up, and is valid until the world is closed.
//
// What is read there is defined after a signal that orders it. A store made
// there is ordered as a Put is: before a later signal on any channel to that
// rank from the same goroutine.
func (w *World) Peer(rank, segment int) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mapper == nil || !w.connected || w.closed.Load() ||
		uint(rank) >= uint(w.place.Size) || uint(segment) >= uint(len(w.sizes)) {
		return nil
	}
	memory, err := w.mapper.Peer(rank, segment)
	if err != nil {
		return nil // whoever goes on with a channel to that rank gets the reason there
	}
	return memory
}

// Segment returns one of this rank's own segments, or nil if there is none of
// that number.
func (w *World) Segment(segment int) []byte {
	if uint(segment) >= uint(len(w.segments)) {
		return nil
	}
	return w.segments[segment]
}

// Rank is this rank.
func (w *World) Rank() int { return w.place.Rank }

// Size is the number of ranks.
func (w *World) Size() int { return w.place.Size }

// Name is the world's name.
func (w *World) Name() string { return w.place.World }

// Close detaches from all peers. A Wait that is going on returns ErrClosed, and
// so does every later verb; no verb or Load may be going on. The segments'
// memory is not freed. A second call does nothing.
func (w *World) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed.Swap(true) {
		return nil
	}
	if w.own != nil {
		w.own.Ring() // for each Wait
	}
	w.waiting.Lock()
	defer w.waiting.Unlock()
	if err := w.ep.Close(); err != nil {
		return w.wrap("close", err)
	}
	return nil
}

func (w *World) wrap(op string, err error) error {
	return &Error{Op: op, World: w.place.World, Rank: w.place.Rank, Peer: -1, Channel: -1, Err: err}
}
