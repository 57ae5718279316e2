package rendezvous

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
)

// small frames are sent to one process after the other, and their memory is kept.
const small = 64 << 10

// calls belongs to the exchange of this process that is under way.
type calls struct {
	turn    sync.Mutex
	number  uint32
	scratch []byte
	told    *string       // the phase that peers know
	all     chan struct{} // of the hub: everyone is here
	results chan [][]byte // of a member, by its reader
}

// Exchange returns the blobs of all processes, in their order, to each of them.
// All must call it the same number of times with the same what, which is a name of
// at most MaxWhat bytes. A blob has at most MaxBlob bytes; with empty ones it is a
// barrier. The result belongs to the caller.
//
// Its error is the cause of Context, which it waits for if something fails. If ctx
// ends first this process has failed, as others cannot be left waiting: it is as
// if Fail were called. A blob that is too large is refused before anything is sent.
func (s *Session) Exchange(ctx context.Context, what string, blob []byte) ([][]byte, error) {
	if len(what) > MaxWhat || len(blob) > MaxBlob {
		return nil, fmt.Errorf("rendezvous: exchange %.*q: %d bytes with a name of %d: at most %d and %d can be sent",
			MaxWhat, what, len(blob), len(what), MaxBlob, MaxWhat)
	}
	if !s.calls.turn.TryLock() {
		return nil, fmt.Errorf("rendezvous: exchange %q: another one of this process is under way", what)
	}
	defer s.calls.turn.Unlock()

	giveUp := func() { s.Fail(fmt.Errorf("gave up exchange %q: %w", what, context.Cause(ctx))) }
	if ctx.Err() != nil {
		giveUp()
	}
	stop := context.AfterFunc(ctx, giveUp)
	blobs := s.exchange(what, blob)
	if !stop() {
		<-s.ctx.Done()
	}
	if s.ctx.Err() == nil {
		return blobs, nil
	}
	err := context.Cause(s.ctx)
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		err = context.Cause(ctx)
	}
	return nil, fmt.Errorf("rendezvous: exchange %q: %w", what, err)
}

// exchange returns when there is a result, or the session has ended.
func (s *Session) exchange(what string, blob []byte) [][]byte {
	switch {
	case s.ctx.Err() != nil:
		return nil
	case len(s.peers) == 1:
		return [][]byte{bytes.Clone(blob)}
	case s.process == 0:
		return s.gather(what, blob)
	}
	return s.ask(what, blob)
}

// ask is a member's part.
func (s *Session) ask(what string, blob []byte) [][]byte {
	hub := s.links[0]
	s.mu.Lock()
	s.waits, s.round.what = true, what
	err := s.missed()
	s.mu.Unlock()
	if err != nil {
		s.fail(s.blame(0, err))
		return nil
	}
	b := appendExchange(s.news(s.calls.scratch[:0]), s.calls.number, what, blob)
	if cap(b) <= small {
		s.calls.scratch = b
	}
	s.sent(hub, hub.send(b))
	select {
	case blobs := <-s.calls.results:
		s.calls.number++
		return blobs
	case <-s.ctx.Done():
		return nil
	}
}

// answer is the hub's result, for the ask that waits for it.
func (s *Session) answer(payload []byte) error {
	s.mu.Lock()
	waits := s.waits
	s.waits = false
	s.mu.Unlock()
	if !waits {
		return fmt.Errorf("%w: a result that was not asked for", errFrame)
	}
	blobs, err := split(payload, len(s.peers), s.calls.number)
	if err == nil {
		s.calls.results <- blobs
	}
	return err
}

// news appends a frame with this process's phase if it has changed.
func (s *Session) news(b []byte) []byte {
	if p := s.phase.Load(); p != s.calls.told {
		s.calls.told = p
		b = appendBeat(b, *p)
	}
	return b
}
