package tcp

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// pollEvent is what a connection asks with.
type pollEvent = unix.EpollEvent

// watch tells connections that something has come, once each time that they ask.
//
// The runtime watches sockets too, but all the time: it wakes a thread for every
// message, also while somebody polls who has it long before, and on a machine with few
// cores takes that one's core from it. So connections are watched here, only while
// nobody polls, and the runtime watches the watch.
type watch struct {
	all    int      // an epoll instance of all connections, which nobody sleeps on: for ready
	file   *os.File // an epoll instance
	fd     int
	raw    syscall.RawConn
	h      *hub
	events [64]unix.EpollEvent
	n      int
	look   func(fd uintptr) bool
}

func newWatch(h *hub) (*watch, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("tcp: epoll: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // os takes it for one to be watched
		unix.Close(fd)
		return nil, fmt.Errorf("tcp: epoll: %w", err)
	}
	w := &watch{file: os.NewFile(uintptr(fd), "epoll"), fd: fd, h: h}
	if w.all, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		w.file.Close()
		return nil, fmt.Errorf("tcp: epoll: %w", err)
	}
	if w.raw, err = w.file.SyscallConn(); err != nil {
		w.close()
		return nil, fmt.Errorf("tcp: epoll: %w", err)
	}
	w.look = func(fd uintptr) bool {
		n, err := unix.EpollWait(int(fd), w.events[:], 0)
		w.n = max(n, 0)
		return w.n > 0 || err != nil && err != unix.EINTR
	}
	return w, nil
}

// run calls those that asked, until the watch is stopped.
func (w *watch) run() {
	for w.raw.Read(w.look) == nil {
		for _, e := range w.events[:w.n] {
			w.h.call(uint32(e.Fd))
		}
		if w.n == 0 {
			return
		}
	}
}

// add makes a connection known. Closing it is enough to have it forgotten.
func (w *watch) add(in *inbound) error {
	if err := w.ctl(unix.EPOLL_CTL_ADD, in, 0); err != nil {
		return err
	}
	return unix.EpollCtl(w.all, unix.EPOLL_CTL_ADD, in.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(in.number)})
}

// ready lists connections that have something, by number, and each in its turn where
// there is no room for all of them.
func (w *watch) ready(numbers *[mostPolled]uint32) (n int) {
	var events [mostPolled]unix.EpollEvent
	n, err := unix.EpollWait(w.all, events[:], 0)
	if err != nil {
		return 0
	}
	for i, e := range events[:n] {
		numbers[i] = uint32(e.Fd)
	}
	return n
}

// arm asks for one call, at once if something is there already.
func (w *watch) arm(in *inbound) error {
	return w.ctl(unix.EPOLL_CTL_MOD, in, unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLONESHOT)
}

func (w *watch) ctl(op int, in *inbound, events uint32) error {
	in.event = unix.EpollEvent{Events: events, Fd: int32(in.number)}
	return unix.EpollCtl(w.fd, op, in.fd, &in.event)
}

// stop ends run. Until close others may still ask.
func (w *watch) stop() { _ = w.file.SetReadDeadline(time.Unix(1, 0)) }

func (w *watch) close() {
	_ = w.file.Close()
	_ = unix.Close(w.all)
}
