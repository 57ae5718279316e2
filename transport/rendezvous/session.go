package rendezvous

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Session is a process's part in a job of which all processes have joined.
type Session struct {
	process int
	peers   []Peer // of process p at p
	timeout time.Duration
	ctx     context.Context
	cancel  context.CancelCauseFunc
	phase   atomic.Pointer[string]

	readers sync.WaitGroup
	told    chan struct{} // closed when all peers have been told of the end

	mu      sync.Mutex
	links   []*link // mu: the hub has one for each process, and nil at 0; a member has [0] alone
	joined  int     // mu: of the hub, how many links there are
	started bool    // mu: all have joined
	ended   bool    // mu: closed or failed
	round   round   // mu: of the hub
	waits   bool    // mu: a member waits for the result of round.what

	calls calls
}

func newSession(c Config) *Session {
	s := &Session{process: c.Process, timeout: c.Timeout, told: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.phase.Store(new(""))
	s.peers = make([]Peer, c.Processes)
	s.peers[c.Process] = Peer{c.Name, c.Host}
	s.calls.all = make(chan struct{}, 1)
	s.calls.results = make(chan [][]byte, 1)
	return s
}

// Process is this process's place.
func (s *Session) Process() int { return s.process }

// Processes is how many there are in the job.
func (s *Session) Processes() int { return len(s.peers) }

// Peers are all processes, this one included, in order.
func (s *Session) Peers() []Peer { return slices.Clone(s.peers) }

// Context ends when the job fails or the session is closed. Its cause is a
// *PeerError, the error that was given to Fail here, or ErrClosed.
func (s *Session) Context() context.Context { return s.ctx }

// Phase says what this process does from now on, for the errors of others: one or
// two words. They learn of it with the next exchange or sign of life.
func (s *Session) Phase(phase string) { s.phase.Store(&phase) }

// Fail gives up: all other processes learn that this one failed, and why. It
// returns when they were told, or could not be within two seconds. After a first
// failure, or Close, it does nothing.
func (s *Session) Fail(err error) {
	if err == nil {
		err = errors.New("it gave up")
	}
	_ = s.end(err, failFrame(s.blame(s.process, err)))
	<-s.told
}

// Close ends this process's part, with a goodbye unless the job has failed. It
// takes at most two seconds, and fails if a goodbye could not be said: others may
// take this process for dead. A second call does nothing.
func (s *Session) Close() error {
	err := s.end(ErrClosed, seal(begin(nil, kindBye), 0))
	<-s.told
	s.readers.Wait()
	if err != nil {
		return fmt.Errorf("rendezvous: goodbye: %w", err)
	}
	return nil
}

// end is the end of the session: the first one counts. It tells all peers, at the
// same time, in bounded time.
func (s *Session) end(cause error, frame []byte) error {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return nil
	}
	s.ended = true
	links := slices.Clone(s.links)
	s.mu.Unlock()
	s.cancel(cause)
	defer close(s.told)

	errs := make([]error, len(links))
	var wg sync.WaitGroup
	for i, l := range links {
		if l != nil {
			wg.Go(func() { errs[i] = l.finish(frame, linger(s.timeout)) })
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

// fail is the failure of the job, as this process sees it.
func (s *Session) fail(e *PeerError) { _ = s.end(e, failFrame(e)) }

// blame is an error of a process, with what is known of it.
func (s *Session) blame(process int, err error) *PeerError {
	e := &PeerError{Process: process, Name: s.peers[process].Name, Host: s.peers[process].Host, Err: err}
	s.mu.Lock()
	defer s.mu.Unlock()
	if process == s.process {
		e.Phase = *s.phase.Load()
	} else if l := s.link(process); l != nil {
		if p := l.phase.Load(); p != nil {
			e.Phase = *p
		}
	}
	return e
}

// link is that to a process, or nil. The caller holds mu.
func (s *Session) link(process int) *link {
	if process < len(s.links) {
		return s.links[process]
	}
	return nil
}

func (s *Session) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// read takes what a peer says until it has no more to say, or is not listened to.
func (s *Session) read(l *link) {
	defer close(l.done)
	defer l.conn.Close()
	for !s.over() {
		kind, payload, err := readFrame(l.r, len(s.peers))
		if err == nil {
			err = s.handle(l, kind, payload)
		}
		if err != nil {
			s.lost(l, err)
			break
		}
	}
	if s.over() {
		// Closed with bytes unread, a connection is reset, and the last frame with it.
		_, _ = io.Copy(io.Discard, l.r)
		<-s.told
	}
}

// keep sends signs of life.
func (s *Session) keep(l *link) {
	t := time.NewTicker(heartbeat(s.timeout))
	defer t.Stop()
	for {
		select {
		case <-t.C:
			s.sent(l, l.beat(*s.phase.Load()))
		case <-l.done:
			return
		case <-s.ctx.Done():
			return
		}
	}
}
