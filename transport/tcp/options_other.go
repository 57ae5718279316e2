//go:build unix && !linux

package tcp

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/commbench/commbench/transport/driver"
)

func (c *Config) setBuffers(fd int) error {
	if c.Buffer == 0 {
		return nil
	}
	for _, option := range []int{unix.SO_SNDBUF, unix.SO_RCVBUF} {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, c.Buffer); err != nil {
			return fmt.Errorf("tcp: a socket buffer of %d bytes: %w", c.Buffer, err)
		}
	}
	return nil
}

func setTCP(_ int, c *Config, _ time.Duration) error {
	if c.Congestion != "" {
		return fmt.Errorf("tcp: congestion control %q: %w on this system", c.Congestion, driver.ErrNotSupported)
	}
	return nil
}

func describe(n *driver.Network, fd int) {
	n.SendBuffer, _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
	n.ReceiveBuffer, _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
}
