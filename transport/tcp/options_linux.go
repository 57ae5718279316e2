package tcp

import (
	"fmt"
	"os"
	"strings"
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

func setTCP(fd int, c *Config, timeout time.Duration) error {
	// Go sets TCP_NODELAY once a connection is there, so that the other way is set then.
	if c.Congestion != "" {
		if err := unix.SetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION, c.Congestion); err != nil {
			known, _ := os.ReadFile("/proc/sys/net/ipv4/tcp_available_congestion_control")
			return fmt.Errorf("tcp: congestion control %q: %w; this system has %s", c.Congestion, err, strings.TrimSpace(string(known)))
		}
	}
	if timeout > 0 {
		// Only an aid: without it a lost peer is noticed by who waits.
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(max(timeout.Milliseconds(), 1)))
	}
	return nil
}

// describe reads a connection's options back.
func describe(n *driver.Network, fd int) {
	if s, err := unix.GetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION); err == nil {
		n.Congestion = strings.TrimRight(s, "\x00")
	}
	n.SendBuffer, _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
	n.ReceiveBuffer, _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
}
