package rendezvous

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/commbench/commbench/transport/internal/auth"
)

const (
	spareFlights = 64 // connections that prove themselves, beyond one for each member
	acceptPause  = 50 * time.Millisecond
)

// lobby is where the hub receives the members.
type lobby struct {
	s       *Session
	c       *Config
	l       net.Listener
	log     refusals
	joined  chan struct{}  // somebody has taken a place
	deaf    chan error     // nobody listens any more
	done    chan struct{}  // closed when nobody is received any more
	greeter sync.WaitGroup // for each connection, and the one that accepts

	mu      sync.Mutex
	flights []net.Conn // mu: those that have not proved themselves yet, oldest first
	closed  bool       // mu
}

// host receives all members and starts the job.
func (s *Session) host(ctx context.Context, c *Config) error {
	l := c.Listener
	if l == nil {
		var err error
		if l, err = new(net.ListenConfig).Listen(ctx, "tcp", c.Address); err != nil {
			return fmt.Errorf("process 0 cannot listen at %s: %w; name an address of this host and a free port", c.Address, err)
		}
	}
	s.links = make([]*link, c.Processes)
	s.round.here, s.round.blobs = make([]bool, c.Processes), make([][]byte, c.Processes)
	b := &lobby{s: s, c: c, l: l, log: refusals{log: c.Log},
		joined: make(chan struct{}, 1), deaf: make(chan error, 1), done: make(chan struct{})}
	b.greeter.Go(b.accept)
	err := b.wait(ctx)
	b.close()
	if err != nil {
		_ = s.end(err, refuseFrame(err.Error()))
		return err
	}
	welcome := welcomeFrame(s.timeout, s.peers)
	for _, l := range s.links[1:] {
		s.start(l)
	}
	s.share(welcome)
	return context.Cause(s.ctx)
}

// wait returns when all have joined: from then on a lost link is a failure.
func (b *lobby) wait(ctx context.Context) error {
	timeout := time.NewTimer(b.c.Timeout)
	defer timeout.Stop()
	for {
		select {
		case <-b.joined:
			b.s.mu.Lock()
			b.s.started = b.s.joined == b.c.Processes-1
			started := b.s.started
			b.s.mu.Unlock()
			if started {
				return nil
			}
		case <-timeout.C:
			return b.missing(fmt.Sprintf("within %v", b.c.Timeout), errors.New("start them, and see that they can reach this address"))
		case err := <-b.deaf:
			return b.missing("before its listener failed", err)
		case <-ctx.Done():
			return b.missing("before process 0 gave up", context.Cause(ctx))
		}
	}
}

// missing says who did not join.
func (b *lobby) missing(when string, why error) error {
	b.s.mu.Lock()
	var absent []int
	for p, l := range b.s.links {
		if p > 0 && l == nil {
			absent = append(absent, p)
		}
	}
	b.s.mu.Unlock()
	return fmt.Errorf("%s of %d did not join %s at %s: %w%s", list(absent), b.c.Processes, when, b.l.Addr(), why, b.log.summary())
}

// close receives nobody any more. Who has no place yet is cut off.
func (b *lobby) close() {
	b.l.Close()
	close(b.done)
	b.mu.Lock()
	b.closed = true
	for _, conn := range b.flights {
		conn.Close()
	}
	b.mu.Unlock()
	b.greeter.Wait()
	b.log.close()
}

func (b *lobby) accept() {
	for {
		conn, err := b.l.Accept()
		switch {
		case err == nil:
			oldest, ok := b.admit(conn)
			if ok {
				b.greeter.Go(func() { b.greet(conn) })
			}
			if oldest != nil {
				b.log.add(fmt.Sprintf("too many connections that prove nothing: dropped the oldest, from %v", oldest.RemoteAddr()))
			}
			continue
		case errors.Is(err, net.ErrClosed):
			b.deaf <- err // which close does not read
			return
		}
		// No file descriptor is free, say: others end.
		b.log.add(fmt.Sprintf("cannot accept connections: %v", err))
		select {
		case <-time.After(acceptPause):
		case <-b.done:
			return
		}
	}
}

// admit makes room for a connection to prove itself. One of the job takes a
// moment, so the oldest, which is dropped if there are too many, is most likely none.
func (b *lobby) admit(conn net.Conn) (oldest net.Conn, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		conn.Close()
		return nil, false
	}
	if len(b.flights) >= b.c.Processes-1+spareFlights {
		oldest = b.flights[0]
		oldest.Close()
		b.flights = slices.Delete(b.flights, 0, 1)
	}
	b.flights = append(b.flights, conn)
	return oldest, true
}

// landed ends a connection's time to prove itself. It is false if that was cut short.
func (b *lobby) landed(conn net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.flights, conn)
	if i < 0 || b.closed {
		return false
	}
	b.flights = slices.Delete(b.flights, i, i+1)
	return true
}

// greet takes a connection to its place, or refuses it.
func (b *lobby) greet(conn net.Conn) {
	deadline := time.Now().Add(min(b.c.Timeout, maxProof))
	hello, err := auth.Server(conn, b.c.Secret, purpose, deadline)
	if !b.landed(conn) {
		return
	}
	if err != nil {
		conn.Close()
		b.refused(conn, err)
		return
	}
	cl, err := decodeClaim(hello)
	if err == nil {
		err = b.seat(conn, cl)
	}
	if err != nil {
		// The peer is waiting and has said nothing more, so it reads this.
		_ = conn.SetDeadline(time.Now().Add(linger(b.c.Timeout)))
		_, _ = conn.Write(refuseFrame(err.Error()))
		conn.Close()
		b.refused(conn, err)
	}
}

func (b *lobby) refused(conn net.Conn, err error) {
	b.log.add(fmt.Sprintf("refused a connection from %v: %v", conn.RemoteAddr(), err))
}

// seat gives a member its place. The error is for it to read.
func (b *lobby) seat(conn net.Conn, cl claim) error {
	s := b.s
	s.mu.Lock()
	defer s.mu.Unlock()
	who := title(cl.process, cl.peer)
	switch n := b.c.Processes; {
	case s.started || s.ended:
		return fmt.Errorf("%s is too late: all others have joined, or process 0 has given up", who)
	case cl.processes != n:
		return fmt.Errorf("%s was started for %d processes, and process 0 for %d: start all with the same number", who, cl.processes, n)
	case cl.process < 1 || cl.process >= n:
		return fmt.Errorf("%s: members of %d processes are 1 to %d", who, n, n-1)
	case s.links[cl.process] != nil:
		return fmt.Errorf("%s comes second: %s has joined, from %v; give each process its own number",
			who, title(cl.process, s.peers[cl.process]), s.links[cl.process].conn.RemoteAddr())
	}
	l := newLink(cl.process, conn)
	s.links[cl.process], s.peers[cl.process] = l, cl.peer
	s.joined++
	s.readers.Go(func() {
		s.read(l)
		if s.unseated(l) {
			b.log.add(who + " joined and went away before all were there")
		}
	})
	select {
	case b.joined <- struct{}{}:
	default: // there is news already
	}
	return nil
}

// unseated says whether a link of the hub has lost its place.
func (s *Session) unseated(l *link) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.links[l.process] != l
}
