package transport

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/commbench/commbench/transport/driver"
)

// Sentinels that programs act on, with errors.Is. All but ErrBounds are those of
// package driver.
var (
	// ErrBounds: a peer, segment, word or range that does not exist.
	ErrBounds       = errors.New("out of bounds")
	ErrNotSupported = driver.ErrNotSupported
	ErrClosed       = driver.ErrClosed
	ErrBadAddress   = driver.ErrBadAddress
	ErrTimeout      = driver.ErrTimeout
	ErrLost         = driver.ErrLost
)

// Error says which rank failed to do what, and to whom.
type Error struct {
	Op      string // "listen", "connect", "put", "wait", ...
	World   string
	Rank    int // the rank that reports
	Peer    int // -1 where no one peer is meant
	Channel int // -1 where no channel is meant
	Err     error
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: world %q, rank %d", e.Op, e.World, e.Rank)
	if e.Peer >= 0 {
		fmt.Fprintf(&b, ", to rank %d", e.Peer)
	}
	if e.Channel >= 0 {
		fmt.Fprintf(&b, " on channel %d", e.Channel)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// WaitError is a Wait that ended without its signal. It comes inside an Error.
type WaitError struct {
	Word    int
	Awaited uint64
	Seen    uint64        // the word's value when the wait ended
	After   time.Duration // how long was waited
	Err     error         // ErrTimeout, ErrClosed, or the cause that the context was cancelled with
}

func (e *WaitError) Error() string {
	s := fmt.Sprintf("word %d: awaited %d, seen %d after %v: %v",
		e.Word, e.Awaited, e.Seen, e.After.Round(time.Millisecond), e.Err)
	if errors.Is(e.Err, ErrTimeout) {
		s += " (see whether the rank that signals this word is alive; if it is only slow, raise Options.Timeout)"
	}
	return s
}

func (e *WaitError) Unwrap() error { return e.Err }
