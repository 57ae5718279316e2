//go:build unix && !linux

package tcp

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// watch tells connections that something has come, once each time that they ask. Here
// each that asks has a thread until then.
type watch struct {
	h    *hub
	turn atomic.Uint32 // whose it is to be listed by ready
}

func newWatch(h *hub) (*watch, error) { return &watch{h: h}, nil }

func (w *watch) run()               {}
func (w *watch) stop()              {}
func (w *watch) close()             {}
func (w *watch) add(*inbound) error { return nil }

// ready lists some connections, each in its turn: which have something is not known.
func (w *watch) ready(numbers *[mostPolled]uint32) (n int) {
	all := *w.h.ins.Load()
	first := w.turn.Add(mostPolled) - mostPolled
	for i := range numbers {
		numbers[i] = all[(first+uint32(i))%uint32(len(all))].number
	}
	return mostPolled
}

func (w *watch) arm(in *inbound) error {
	w.h.work.Go(func() {
		fds := []unix.PollFd{{Fd: int32(in.fd), Events: unix.POLLIN}}
		for w.h.ctx.Err() == nil {
			if n, err := unix.Poll(fds, int(watchTime/time.Millisecond)); n > 0 || err != nil && err != unix.EINTR {
				break
			}
		}
		in.armed.Store(false)
		in.call()
	})
	return nil
}

type pollEvent struct{}

// watchTime bounds how late the end of a hub is noticed.
const watchTime = 50 * time.Millisecond
