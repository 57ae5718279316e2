package tcp

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

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

// congestionOf is the congestion control of a connection.
func congestionOf(fd int) string {
	s, err := unix.GetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION)
	if err != nil {
		return ""
	}
	return strings.TrimRight(s, "\x00")
}
