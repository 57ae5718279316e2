package rendezvous

import (
	"errors"
	"fmt"
	"os"
)

// handle does what a peer says. Its error is a fault of that peer.
func (s *Session) handle(l *link, kind byte, payload []byte) error {
	s.mu.Lock()
	started, ended := s.started, s.ended
	s.mu.Unlock()
	switch {
	case ended:
		return nil
	case !started, l.left.Load():
		return fmt.Errorf("%w: a frame of kind %d before its beginning or after its end", errFrame, kind)
	}
	c := cursor{b: payload}
	switch {
	case kind == kindBeat:
		phase := c.text(MaxName)
		l.phase.Store(&phase)
		return c.end("sign of life")
	case kind == kindFail:
		e, err := c.failure(len(s.peers))
		if err == nil {
			s.failed(l, e)
		}
		return err
	case kind == kindBye:
		s.leave(l)
		return nil
	case kind == kindExchange && s.process == 0:
		number, what := c.u32(), c.text(MaxWhat)
		blob := c.take(len(c.b))
		if err := c.end("exchange"); err != nil || len(blob) > MaxBlob {
			return errors.Join(err, errFrame)
		}
		return s.arrive(l.process, number, what, blob)
	case kind == kindResult && s.process != 0:
		return s.answer(payload)
	}
	return fmt.Errorf("%w: a frame of kind %d", errFrame, kind)
}

// failure reads a PeerError of a job of so many processes.
func (c *cursor) failure(processes int) (*PeerError, error) {
	e := &PeerError{Process: int(c.u32())}
	e.Name, e.Host, e.Phase = c.text(MaxName), c.text(MaxName), c.text(MaxName)
	e.Err = errors.New(c.text(maxMessage))
	if err := c.end("failure"); err != nil {
		return nil, err
	}
	if e.Process < 0 || e.Process >= processes {
		return nil, fmt.Errorf("%w: a failure of process %d of %d", errFrame, e.Process, processes)
	}
	return e, nil
}

// failed is a failure that a peer tells of. Members tell of their own, or that the
// hub has failed in their eyes, which the hub knows better: it is alive.
func (s *Session) failed(l *link, e *PeerError) {
	if s.process == 0 {
		mine := s.blame(l.process, e.Err)
		if e.Process != l.process {
			mine.Err = fmt.Errorf("it gave up: %w", e)
		} else if e.Phase != "" {
			mine.Phase = e.Phase
		}
		e = mine
	}
	s.fail(e)
}

// leave is a peer's goodbye.
func (s *Session) leave(l *link) {
	s.mu.Lock()
	l.left.Store(true)
	s.round.gone = l
	err := s.missed()
	s.mu.Unlock()
	if err != nil {
		s.fail(s.blame(l.process, err))
	}
}

// missed is the error of a process that has left while others wait for it. The
// caller holds mu.
func (s *Session) missed() error {
	here := s.round.present()
	if s.waits {
		here = []int{s.process}
	}
	if s.round.gone == nil || len(here) == 0 {
		return nil
	}
	verb := "wait"
	if len(here) == 1 {
		verb = "waits"
	}
	return fmt.Errorf("%w, but %s %s for it in exchange %q", ErrLeft, list(here), verb, s.round.what)
}

// lost is the end of a link. It is nothing bad after a goodbye, and makes room for
// another before all have joined.
func (s *Session) lost(l *link, err error) {
	s.mu.Lock()
	switch {
	case s.ended || l.left.Load():
		s.mu.Unlock()
		return
	case !s.started:
		s.links[l.process] = nil
		s.joined--
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	s.fail(s.blame(l.process, lostError{s.broken(err)}))
}

// sent looks at what became of a frame.
func (s *Session) sent(l *link, err error) {
	switch {
	case err == nil || s.over():
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.lost(l, fmt.Errorf("it has taken nothing for %v: it hangs, or its host or the network is down", s.timeout))
	default:
		// Its reader finds what the peer said before, perhaps a goodbye, and the end.
		l.expire(linger(s.timeout))
	}
}
