package tcp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/internal/bell"
)

// batches of a stream: one that is filled, one under way, and some for the time that
// a goroutine takes to wake up.
const batches = 4

// stream is a connection that this hub sends on. Channels of many ranks share it.
//
// Who wants something sent and finds nobody sending does it itself, as far as the
// socket has room; the rest is for the pump, a goroutine that can wait. There is one
// sender at a time, and others leave their verbs for it.
type stream struct {
	l       *link
	conn    *net.TCPConn
	raw     syscall.RawConn
	timeout time.Duration
	try     func(fd uintptr) bool // sends what there is room for
	wait    func(fd uintptr) bool // sends something, or says that there is no room
	bell    bell.Bell             // rung when there is room, an acknowledgement or an error
	wake    chan struct{}         // to the pump: you send now
	end     chan struct{}         // closed when the connection has ended
	ended   atomic.Bool           // err is set
	held    atomic.Bool           // something waits for Push
	read    atomic.Uint64         // batches whose sources are not needed any more

	mu      sync.Mutex
	fill    *batch   // nil if there is none to be filled
	sealed  []*batch // in order; the first is under way if somebody is sending
	spare   []*batch
	sending bool
	seals   uint64 // batches that were sealed
	flushes uint64
	acked   uint64 // number of the last flush that took effect
	err     error  // final

	under *batch // way; these three are the sender's
	moved int
	sent  error
}

func newStream(l *link, conn *net.TCPConn, timeout time.Duration) (*stream, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &stream{l: l, conn: conn, raw: raw, timeout: timeout, wake: make(chan struct{}, 1), end: make(chan struct{}), sealed: make([]*batch, 0, batches)}
	for range batches {
		s.spare = append(s.spare, new(batch))
	}
	s.try = func(fd uintptr) bool {
		s.moved, s.sent = s.under.vec.Write(int(fd))
		return true
	}
	s.wait = func(fd uintptr) bool {
		s.try(fd)
		return !errors.Is(s.sent, unix.EAGAIN)
	}
	return s, nil
}

// add appends a verb, and sends it if now says so or if enough has come together.
func (s *stream) add(d *desc, src []byte, now bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addLocked(d, src, now)
}

func (s *stream) addLocked(d *desc, src []byte, now bool) error {
	if err := s.room(); err != nil {
		return err
	}
	s.fill.add(d, src)
	full := s.fill.full()
	if full {
		s.seal()
	}
	if now || full {
		s.send()
	} else if !s.held.Load() {
		s.held.Store(true)
	}
	return s.err
}

// room makes sure that there is a batch to be filled, which may take until the timeout.
func (s *stream) room() error {
	var since time.Time
	for s.err == nil && s.fill == nil {
		if n := len(s.spare); n > 0 {
			s.fill, s.spare = s.spare[n-1], s.spare[:n-1]
			break
		}
		if since.IsZero() {
			since = time.Now()
		}
		if err := s.park(since, "took nothing"); err != nil {
			return err
		}
	}
	return s.err
}

// park lets go of the lock until something has changed. After the timeout it says what
// the peer has not done.
func (s *stream) park(since time.Time, what string) error {
	left := s.timeout - time.Since(since)
	if left <= 0 {
		return fmt.Errorf("%w: %s %s for %v", driver.ErrTimeout, s.l.host, what, s.timeout)
	}
	ticket := s.bell.Arm()
	s.mu.Unlock()
	s.bell.Park(ticket, left)
	s.mu.Lock()
	return nil
}

func (s *stream) seal() {
	s.fill.seal()
	s.sealed = append(s.sealed, s.fill)
	s.fill = nil
	s.seals++
}

// send sends what there is, unless somebody does. The lock is let go meanwhile.
func (s *stream) send() {
	s.held.Store(false)
	if !s.sending && s.err == nil {
		s.sending = true
		s.drain(false)
	}
}

// drain sends batch after batch. Who is not the pump leaves to it what there is no room
// for; the pump is the sender then.
func (s *stream) drain(pump bool) {
	call := s.try
	if pump {
		call = s.wait
	}
	for s.err == nil {
		if len(s.sealed) == 0 {
			if s.fill == nil || s.fill.descs == 0 {
				break
			}
			s.seal()
		}
		b := s.sealed[0]
		s.under = b
		s.mu.Unlock()
		if pump { // no room for so long is a peer that is lost
			_ = s.conn.SetWriteDeadline(time.Now().Add(s.timeout))
		}
		err := s.raw.Write(call)
		if err == nil {
			err = s.sent
		}
		done := err == nil && b.vec.Take(s.moved)
		s.mu.Lock()
		switch {
		case done:
			b.reset()
			s.sealed = append(s.sealed[:0], s.sealed[1:]...)
			s.spare = append(s.spare, b)
			s.read.Add(1)
			s.bell.Ring()
			s.l.h.ringOpen()
		case errors.Is(err, unix.EAGAIN):
			s.wake <- struct{}{} // it has room: there is one sender
			return
		case errors.Is(err, os.ErrDeadlineExceeded):
			s.fail(fmt.Errorf("%w: it took nothing for %v", driver.ErrTimeout, s.timeout), true)
		case err != nil:
			s.hear(goodbyeTime)
			s.fail(err, true)
		}
	}
	s.sending = false
	s.bell.Ring() // for whoever waits for the end
}

// pump sends what callers could not, until the connection ends.
func (s *stream) pump() {
	for {
		select {
		case <-s.wake:
		case <-s.end:
			return
		}
		s.mu.Lock()
		s.drain(true)
		_ = s.conn.SetWriteDeadline(time.Time{}) // which would end what callers try
		s.mu.Unlock()
	}
}

// hear lets go of the lock until acks has heard what the peer has said last: a peer that
// leaves says so, but what we send to it then may be the first to fail.
func (s *stream) hear(most time.Duration) {
	s.mu.Unlock()
	select {
	case <-s.end:
	case <-time.After(most):
	}
	s.mu.Lock()
}

// fail ends the stream. lost says that the peer is: it learns of that, too, as the
// connection ends.
func (s *stream) fail(err error, lost bool) {
	if s.err != nil {
		return
	}
	if s.err = err; lost {
		err = fmt.Errorf("connection to %s: %w", s.l.host, err)
		s.err = fmt.Errorf("%w: %w", driver.ErrLost, err)
		s.l.h.lost(s.l.id, err)
		s.conn.Close()
	}
	s.ended.Store(true)
	s.bell.Ring()
	s.l.h.ringOpen()
}

// flush returns when all verbs so far have taken effect.
func (s *stream) flush(endpoint uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Its number is that of its place among flushes, which is known once there is room.
	if err := s.room(); err != nil {
		return err
	}
	s.flushes++
	mine := s.flushes
	if err := s.addLocked(&desc{op: opFlush, endpoint: endpoint, add: mine}, nil, true); err != nil {
		return err
	}
	for since := time.Now(); s.acked < mine; {
		if s.err != nil {
			return s.err
		}
		if err := s.park(since, "acknowledged nothing"); err != nil {
			return err
		}
	}
	return nil
}

// mark is the number of the batch that the newest verb is in.
func (s *stream) mark() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest()
}

func (s *stream) newest() uint64 {
	if s.fill != nil && s.fill.descs > 0 {
		return s.seals + 1
	}
	return s.seals
}

// settle returns when the sources of all verbs so far are not needed any more. The peer
// takes them, or is lost after the timeout.
func (s *stream) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	mark := s.newest()
	s.send()
	for s.err == nil && s.read.Load() < mark {
		ticket := s.bell.Arm()
		s.mu.Unlock()
		s.bell.Park(ticket, s.timeout)
		s.mu.Lock()
	}
}

// bye is the acknowledgement of a hub that is through.
const bye = 1<<64 - 1

// acks reads acknowledgements until the connection ends, which it is the first to see.
func (s *stream) acks() {
	defer close(s.end)
	defer s.conn.Close() // also where the peer has left
	var b [8]byte
	for {
		_, err := io.ReadFull(s.conn, b[:])
		n := binary.LittleEndian.Uint64(b[:])
		s.mu.Lock()
		switch {
		case err != nil:
			s.fail(unexpected(err), true)
		case n == bye:
			s.fail(fmt.Errorf("%w: %s has left", driver.ErrClosed, s.l.host), false)
		case n <= s.acked || n > s.flushes:
			s.fail(fmt.Errorf("%w: flush %d of %d is acknowledged after %d", errProtocol, n, s.flushes, s.acked), true)
		default:
			s.acked = n
			s.bell.Ring()
		}
		end := s.err != nil
		s.mu.Unlock()
		if end {
			return
		}
	}
}

// unexpected is what an end of a stream is in the middle of a job.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// leave says goodbye, if it can before the time, and ends the connection and its
// goroutines.
func (s *stream) leave(until time.Time) {
	s.mu.Lock()
	s.idle(until)
	if s.err == nil && (s.fill != nil || len(s.spare) > 0) {
		_ = s.addLocked(&desc{op: opBye}, nil, true)
		s.idle(until)
	}
	s.fail(driver.ErrClosed, false)
	s.mu.Unlock()
	s.conn.Close() // ends acks, and a pump that waits for room
}

// idle waits until nobody is sending, or for nothing where nothing is sent any more.
func (s *stream) idle(until time.Time) {
	for left := time.Until(until); s.sending && s.err == nil && left > 0; left = time.Until(until) {
		ticket := s.bell.Arm()
		s.mu.Unlock()
		s.bell.Park(ticket, left)
		s.mu.Lock()
	}
}
