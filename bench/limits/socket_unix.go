//go:build linux || darwin

package limits

import (
	"errors"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// socket is a TCP socket whose reads and writes block, for the kernel to wake the
// thread and not the runtime's poller. Package net is not needed for that: with it
// a first build takes seconds longer.
type socket struct{ fd int }

// connected returns the two ends of a connection over 127.0.0.1. A read or write
// that makes no progress for the given time is an error.
func connected(patience time.Duration, congestion string) (sender, receiver socket, err error) {
	sender, receiver = socket{-1}, socket{-1}
	listener, err := newSocket(patience)
	defer func() {
		err = errors.Join(err, listener.close())
		if err != nil {
			err = errors.Join(err, sender.close(), receiver.close())
		}
	}()
	if err != nil {
		return sender, receiver, err
	}
	if err = listener.control(congestion); err != nil { // what it accepts has the same
		return sender, receiver, err
	}
	if err = unix.Bind(listener.fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return sender, receiver, err
	}
	if err = unix.Listen(listener.fd, 1); err != nil {
		return sender, receiver, err
	}
	port, err := unix.Getsockname(listener.fd)
	if err != nil {
		return sender, receiver, err
	}
	if sender, err = newSocket(patience); err != nil {
		return sender, receiver, err
	}
	if err = sender.control(congestion); err != nil {
		return sender, receiver, err
	}
	if err = retry(func() error { return unix.Connect(sender.fd, port) }); err != nil {
		return sender, receiver, err
	}
	ours, err := unix.Getsockname(sender.fd)
	if err != nil {
		return sender, receiver, err
	}
	var from unix.Sockaddr
	err = retry(func() error {
		receiver.fd, from, err = unix.Accept(listener.fd)
		return err
	})
	if err != nil {
		receiver.fd = -1
		return sender, receiver, err
	}
	unix.CloseOnExec(receiver.fd)
	// Any process of this machine could have connected first.
	a, _ := ours.(*unix.SockaddrInet4)
	b, _ := from.(*unix.SockaddrInet4)
	if a == nil || b == nil || a.Port != b.Port || a.Addr != b.Addr {
		return sender, receiver, errors.New("another process connected to the port")
	}
	return sender, receiver, receiver.setUp(patience)
}

func newSocket(patience time.Duration) (socket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return socket{-1}, err
	}
	unix.CloseOnExec(fd)
	s := socket{fd}
	return s, s.setUp(patience)
}

func (s socket) setUp(patience time.Duration) error {
	limit := unix.NsecToTimeval(patience.Nanoseconds())
	return errors.Join(
		unix.SetsockoptInt(s.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit),
		unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit))
}

// retry repeats what a signal interrupted: sockets with a time limit are not
// restarted by the kernel, and the Go runtime sends itself signals.
func retry(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}

func (s socket) write(b []byte) (int, error)         { return again(unix.Write, s.fd, b) }
func (s socket) writev(blocks [][]byte) (int, error) { return again(unix.Writev, s.fd, blocks) }
func (s socket) read(b []byte) (int, error)          { return received(again(unix.Read, s.fd, b)) }
func (s socket) readv(blocks [][]byte) (int, error)  { return received(again(unix.Readv, s.fd, blocks)) }

// again is retry for calls that move bytes.
func again[B any](move func(fd int, b B) (int, error), fd int, b B) (int, error) {
	for {
		n, err := move(fd, b)
		if err == unix.EINTR {
			continue
		}
		return max(n, 0), err
	}
}

// received is what a call has read; the end of a stream comes too soon.
func received(n int, err error) (int, error) {
	if err == nil && n == 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// close closes once.
func (s *socket) close() error {
	if s.fd < 0 {
		return nil
	}
	fd := s.fd
	s.fd = -1
	return unix.Close(fd)
}
