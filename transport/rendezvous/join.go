package rendezvous

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"time"

	"github.com/commbench/commbench/transport/internal/auth"
)

const (
	maxProof     = 10 * time.Second // for a connection to prove that it is of the job
	firstBackoff = 20 * time.Millisecond
	maxBackoff   = 500 * time.Millisecond
)

// Join meets the other processes of the job. It returns when all are there, or
// with an error within twice Timeout: for process 0 and those that do not reach it
// within Timeout itself. Nothing is left of a Join that failed.
func Join(ctx context.Context, c Config) (*Session, error) {
	s, err := join(ctx, &c)
	if err != nil {
		return nil, fmt.Errorf("rendezvous: %w", err)
	}
	return s, nil
}

func join(ctx context.Context, c *Config) (*Session, error) {
	if c.Listener != nil {
		defer c.Listener.Close()
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s := newSession(*c)
	var err error
	switch {
	case c.Processes == 1:
		s.started = true
	case c.Process == 0:
		err = s.host(ctx, c)
	default:
		err = s.enter(ctx, c)
	}
	if err != nil {
		_ = s.end(err, nil)
		s.readers.Wait()
		return nil, err
	}
	return s, nil
}

// start has a link's peer watched, and tells it that this process is alive.
func (s *Session) start(l *link) {
	l.watch(s.timeout)
	s.readers.Go(func() { s.keep(l) })
}

// enter is a member's way in.
func (s *Session) enter(ctx context.Context, c *Config) error {
	conn, err := dial(ctx, c)
	if err != nil {
		return err
	}
	l := newLink(0, conn)
	if err := s.await(ctx, l); err != nil {
		conn.Close()
		return fmt.Errorf("%s at %s: %w", title(0, Peer{}), c.Address, err)
	}
	s.links, s.started = []*link{l}, true
	s.start(l)
	s.readers.Go(func() { s.read(l) })
	return nil
}

// dial connects to process 0, which may not be there yet, and proves the secret.
func dial(ctx context.Context, c *Config) (net.Conn, error) {
	within, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	end, _ := within.Deadline()
	backoff := firstBackoff
	var last error
	for {
		conn, err := attempt(within, c)
		switch {
		case err == nil:
			return conn, nil
		case errors.Is(err, auth.ErrSecret), errors.Is(err, auth.ErrVersion), errors.Is(err, auth.ErrProtocol):
			return nil, fmt.Errorf("process %d, to process 0 at %s: %w", c.Process, c.Address, err)
		case last == nil || time.Now().Before(end): // that the time is over says less
			last = err
		}
		select {
		case <-time.After(backoff/2 + rand.N(backoff)): // not all members at once
			backoff = min(2*backoff, maxBackoff)
			continue
		case <-within.Done():
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("process %d did not reach process 0 at %s: %w; the last attempt: %w",
				c.Process, c.Address, context.Cause(ctx), last)
		}
		return nil, fmt.Errorf("process %d did not reach process 0 at %s within %v: %w; see whether process 0 runs and "+
			"listens there, has not begun without this process, and can be reached from this host",
			c.Process, c.Address, c.Timeout, last)
	}
}

// attempt ends with ctx.
func attempt(ctx context.Context, c *Config) (net.Conn, error) {
	dialer := net.Dialer{Timeout: maxProof}
	conn, err := dialer.DialContext(ctx, "tcp", c.Address)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(maxProof)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	// auth sets the deadline, so the connection is closed to stop it earlier.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	err = auth.Client(conn, c.Secret, purpose, claim{c.Process, c.Processes, Peer{c.Name, c.Host}}.encode(), deadline)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// await is the verdict of the hub, which has its own timeout for the others.
func (s *Session) await(ctx context.Context, l *link) error {
	l.watch(s.timeout)
	stop := context.AfterFunc(ctx, func() { l.expire(0) })
	kind, payload, err := readFrame(l.r, len(s.peers))
	switch {
	case !stop():
		return context.Cause(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("it accepted process %d, but did not say within %v whether all have joined", s.process, s.timeout)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("it ended before all had joined, or is complete without process %d: %w", s.process, err)
	case err != nil:
		return s.broken(err)
	}
	c := cursor{b: payload}
	switch kind {
	case kindRefuse:
		reason := c.text(maxMessage)
		if err := c.end("refusal"); err != nil {
			return err
		}
		return fmt.Errorf("%w: %s", ErrRefused, reason)
	case kindWelcome:
		return s.welcomed(&c)
	}
	return fmt.Errorf("%w: a frame of kind %d in place of a welcome", errFrame, kind)
}

// welcomed reads a welcome.
func (s *Session) welcomed(c *cursor) error {
	var timeout time.Duration
	if b := c.take(8); b != nil {
		timeout = time.Duration(binary.LittleEndian.Uint64(b))
	}
	for i := range s.peers {
		s.peers[i] = Peer{Name: c.text(MaxName), Host: c.text(MaxName)}
	}
	if timeout <= 0 || timeout > maxTimeout {
		c.bad = true
	}
	if err := c.end("welcome"); err != nil {
		return err
	}
	s.timeout = timeout
	return nil
}

// claim is the place that a member asks for: what it says with its proof.
type claim struct {
	process, processes int
	peer               Peer
}

func (c claim) encode() []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(c.process))
	b = binary.LittleEndian.AppendUint32(b, uint32(c.processes))
	return appendText(appendText(b, c.peer.Name, MaxName), c.peer.Host, MaxName)
}

func decodeClaim(hello []byte) (claim, error) {
	c := cursor{b: hello}
	cl := claim{int(c.u32()), int(c.u32()), Peer{Name: c.text(MaxName), Host: c.text(MaxName)}}
	return cl, c.end("claim")
}
