// Package transport moves bytes and signals between ranks, one-sided, over any
// driver: in one process (mem), between processes of a machine (shm), or
// between machines. What is common to all drivers is here, once: bounds,
// deadlines, counters, the check of addresses, and errors that say who was
// talking to whom. Package driver holds what a driver implements.
//
// # Terms
//
// A world is a group of ranks that can reach each other; a World is one rank's
// membership of it. A rank registers segments (blocks of memory that its peers
// put bytes into) and words (64-bit counters that its peers signal). A channel
// is an ordered way from one rank to a peer, which may be the rank itself.
//
// The verbs of a channel are put (copy bytes into the peer's segment), signal
// (add to the peer's word), put-signal (both), fence and flush. The owner of a
// word waits with Wait, or polls with Load and a Backoff if it has several things
// to do; nobody is interrupted and no receive is posted. Those who wait spin, then
// yield, and then park on a bell, which signals ring; over a driver that has none
// they sleep for up to a millisecond at a time.
//
// A world is symmetric, as in NVSHMEM: every rank registers the same number of
// words, and segments of the same sizes in the same order. An offset that is in
// bounds here is therefore in bounds at every peer. Connect checks it.
//
// # Set-up
//
// Every rank calls Listen, the addresses of all are brought to all (by whatever
// started the ranks), every rank calls Connect and then opens its channels:
//
//	world, err := transport.Listen(driver, driver.Place{World: "node 0", Rank: 1, Size: 8}, opts)
//	addrs := exchange(world.Address())
//	err = world.Connect(addrs)
//	channel, err := world.Channel(peer, 0)
//
// # Ordering
//
// When the owner of a word has seen the effect of a signal, through Load or
// Wait, it also sees the bytes of every put that was issued before that signal
// on the same channel. Nothing else is promised: not between two channels, and
// not that bytes have arrived because Put returned.
//
// # Concurrency
//
// A Channel belongs to one goroutine at a time; different channels are
// independent, also those to one peer. Load, Wait and the methods that describe
// a World may be called from any goroutine. Close makes a Wait that is still
// going on return; every other use of the world and its channels must have
// ended before Close is called, because Close unmaps what they touch.
//
// # Errors
//
// Programs act on the sentinels (ErrTimeout, ErrClosed, ErrBadAddress,
// ErrNotSupported, ErrLost, ErrBounds) with errors.Is, never on text. A channel's first
// error is final: its order is lost with it, so every later verb returns the
// same error.
package transport
