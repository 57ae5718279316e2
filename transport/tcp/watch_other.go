//go:build unix && !linux

package tcp

import (
	"time"

	"golang.org/x/sys/unix"
)

// watch tells connections that something has come, once each time that they ask. Here
// each that asks has a thread until then.
type watch struct{ h *hub }

func newWatch(h *hub) (*watch, error) { return &watch{h}, nil }

func (w *watch) run()               {}
func (w *watch) stop()              {}
func (w *watch) close()             {}
func (w *watch) add(*inbound) error { return nil }

func (w *watch) arm(in *inbound) error {
	w.h.work.Go(func() {
		fds := []unix.PollFd{{Fd: int32(in.fd), Events: unix.POLLIN}}
		for w.h.ctx.Err() == nil {
			if n, err := unix.Poll(fds, int(watchTime/time.Millisecond)); n > 0 || err != nil && err != unix.EINTR {
				break
			}
		}
		in.call()
	})
	return nil
}

type pollEvent struct{}

// watchTime bounds how late the end of a hub is noticed.
const watchTime = 50 * time.Millisecond
