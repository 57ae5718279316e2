package driver

import (
	"errors"
	"time"
)

// Sentinels that programs act on, with errors.Is.
var (
	// ErrNotSupported: the driver cannot do this on this machine, conclusively.
	ErrNotSupported = errors.New("not supported")
	// ErrClosed: the endpoint, or the peer's, was closed.
	ErrClosed = errors.New("closed")
	// ErrBadAddress: a peer's address is not one of this driver, is damaged, or
	// describes segments other than those that were agreed on.
	ErrBadAddress = errors.New("bad address")
	// ErrTimeout: what was waited for did not come within Options.Timeout.
	ErrTimeout = errors.New("timed out")
	// ErrLost: a peer's process died, or no connection reaches it any more.
	ErrLost = errors.New("peer lost")
)

// Caps says what a driver can do. It is constant for a driver.
type Caps struct {
	// Mapped: endpoints implement Mapper, so a peer's segment can be read and
	// written as memory.
	Mapped bool
	// Processes: the ranks of a world may live in different processes.
	Processes bool
	// OwnMemory: segments must come from this driver's own Alloc. Without it any
	// memory will do.
	OwnMemory bool
}

// Driver makes endpoints. It is safe for concurrent use.
type Driver interface {
	// Name is the driver's name on the command line: "mem", "shm", ...
	Name() string
	Caps() Caps
	// Alloc returns size zeroed bytes that can be registered as a segment. Memory
	// that was never touched costs nothing but address space.
	Alloc(size int) (Memory, error)
	// Listen makes one rank's endpoint: its segments and words exist and can be
	// reached once peers know its address. It does not wait for any peer.
	Listen(place Place, opts Options) (Endpoint, error)
}

// Memory is a block of bytes that one or more endpoints register as a segment,
// in one world or in several.
type Memory interface {
	Bytes() []byte
	// Free gives the memory back. It must not be used, here or by a peer in this
	// process, afterwards. A second call is a no-op.
	Free() error
}

// Place is a rank's place in a world.
type Place struct {
	World string // name of the world, for errors and so that worlds are not mixed up
	Rank  int    // this rank, 0 <= Rank < Size
	Size  int    // ranks in the world
}

// Options of Listen.
type Options struct {
	Segments []Memory // registered segments, numbered as they are here
	Words    int      // number of 64-bit signal words, all zero at first
	// Timeout is how long a call may wait for a peer: Connect, Channel, Flush, or a
	// verb with no room left. Always positive; of no use to a driver that never
	// waits.
	Timeout time.Duration
	// Hold lets signals, and what they order, be held back until Pusher's Push, or
	// until so much has come together that it is worth sending. Who sends many, and
	// says when it is through, moves more. Of no use to a driver that has no Pusher.
	Hold bool
}

// Endpoint is one rank's membership of a world. Load may be called from any
// goroutine at any time before Close; the other methods from one goroutine at a
// time.
type Endpoint interface {
	// Address is what peers need to reach this rank, opaque, at most a few KiB. It
	// is exchanged by whoever set the world up.
	Address() []byte
	// Connect tells the endpoint the addresses of all ranks, by rank, its own
	// included. A driver may attach to a peer here or at the first Channel.
	//
	// Package transport has checked that each address arrived whole and is of that
	// rank, of this driver's name, world, words and segment sizes. What is inside
	// still came from another process: it must not be trusted to be sound.
	Connect(addrs [][]byte) error
	// Channel opens channel index to the peer (which may be the rank itself). The
	// same pair may be asked for once only.
	Channel(peer, index int) (Channel, error)
	// Load reads one of this rank's own words. It is an acquire: what was put
	// before the signals that it shows is visible to the caller.
	Load(word int) uint64
	// Close detaches from all peers. Channels must not be used afterwards. A second
	// call is a no-op. Segments' memory is not freed. Verbs that were not flushed may
	// be lost, here or at a peer that has closed, which is no error of Close.
	Close() error
}

// Channel is an ordered way to one peer, with one producer: a channel is used
// by one goroutine at a time. No verb allocates.
type Channel interface {
	// Put copies src into the peer's segment at offset. It may return before the
	// bytes have arrived; src must stay unchanged until Flush returns, or until a
	// later signal of the peer implies that it used them.
	Put(segment, offset int, src []byte) error
	// Signal adds to the peer's word, after every earlier Put on this channel is
	// visible there (release).
	Signal(word int, add uint64) error
	// PutSignal is Put and then Signal, in one message where the driver can.
	PutSignal(segment, offset int, src []byte, word int, add uint64) error
	// Fence orders earlier puts before later puts at the peer. It does not wait.
	Fence() error
	// Flush returns when every earlier verb on this channel has taken effect at
	// the peer and all sources may be reused.
	Flush() error
}

// Belled is implemented by endpoints whose signals wake those who wait for them.
// Both are asked once, at set-up, of an endpoint that has words, and are valid
// until it is closed.
type Belled interface {
	// OwnBell is rung by signals to this endpoint. A driver need not tell it from Bell.
	OwnBell() Bell
	// Bell is rung by signals to any endpoint of the driver value that made this one,
	// and is the same for all of them: who polls words of several can park on one thing.
	Bell() Bell
}

// Bell is what those who poll words can sleep on: signals to the words ring it.
// They ring only a bell that somebody has armed since it last rang, and are
// otherwise about as cheap as they would be without. Its methods may be called from
// any goroutine, and allocate nothing in the long run.
//
//	ticket := bell.Arm()
//	if !poll() {
//		bell.Park(ticket, d)
//	}
//
// What came before Arm is seen by the poll after it, and what comes later ends Park:
// nothing is missed in between.
type Bell interface {
	// Arm is for whoever may be about to park. The ticket is how often the bell has
	// rung.
	Arm() (ticket uint32)
	// Park sleeps for d, or until the bell rings, and says whether it did. It returns
	// at once if the bell has rung since the ticket, and may return early for no reason.
	// A peer may die between its word and the bell, which is what d is for.
	Park(ticket uint32, d time.Duration) (rung bool)
	// Ring is what a signal does after it has added to its word, for news that come in
	// another way.
	Ring()
}

// Chimer is implemented by endpoints of drivers that can ring another driver's bell
// with their own. Who polls words of two drivers can then park on one bell.
type Chimer interface {
	// Chime has signals to any endpoint of the driver value that made this one ring
	// the bell as well, until this endpoint is closed. It is called once, at set-up.
	Chime(Bell)
}

// Pusher is implemented by endpoints that can hold verbs back, see Options.Hold.
type Pusher interface {
	// Push sends what verbs on any channel of the driver value that made this endpoint
	// have left to be sent. It does not wait for a peer, may be called from any
	// goroutine, allocates nothing, and is cheap where nothing is left.
	Push()
}

// Poller is implemented by endpoints of drivers whose signals are brought by goroutines,
// from a network: who waits can do their work, which is quicker than to wait for them,
// and does not keep them from running.
type Poller interface {
	// Poll does what there is to be done for any endpoint of the driver value that made
	// this one, and says whether there was anything. It does not wait, may be called from
	// any goroutine, and allocates nothing.
	Poll() bool
	// Rest is for who has polled and is about to sleep: goroutines do the work again, as
	// they do when nobody has polled for some milliseconds.
	Rest()
}

// Watcher is implemented by endpoints that notice when a peer is lost.
type Watcher interface {
	// Fault is nil, or says which peer is lost and how: its process died, or no
	// connection reaches it any more. A peer that was closed is not lost. It is polled,
	// from any goroutine until Close, and bells ring when there is something to be seen.
	Fault() error
}

// Late is implemented by channels that read the sources of verbs after these have
// returned, and can say when they have. Flush says more, and waits for it.
type Late interface {
	// Mark names all verbs so far.
	Mark() uint64
	// Reusable says whether the sources of the verbs that a mark names may be changed.
	// It does not wait; bells ring when it becomes true.
	Reusable(mark uint64) bool
}

// Networked is implemented by drivers that cross a network.
type Networked interface {
	// Network says how. It is asked while an endpoint is open.
	Network() Network
}

// Network is what a driver uses to cross a network. What is not known is zero.
type Network struct {
	Address       string // of this process, host:port
	Interface     string // that the address is of
	Streams       int    // connections to each peer process
	Congestion    string // congestion control, as the system names it
	NoDelay       *bool  // small packets do not wait for others, as the system says
	SendBuffer    int    // of a connection, in bytes, as the system says
	ReceiveBuffer int
	Sockets       int // that this process has open
}

// Streamer is implemented by channels that can put past the caches.
type Streamer interface {
	// Stream is Put for bytes that the peer will not use soon.
	Stream(segment, offset int, src []byte) error
}

// Mapper is implemented by endpoints of drivers with Caps.Mapped. It is asked
// once, at set-up, never in a loop.
type Mapper interface {
	// Peer returns a rank's segment as memory, valid until the endpoint is closed.
	// What is read there is only defined after a signal that orders it. A store
	// there is ordered as a Put is, before later signals on any channel to that
	// rank from the same goroutine.
	Peer(rank, segment int) ([]byte, error)
}
