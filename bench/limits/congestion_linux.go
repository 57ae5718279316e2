package limits

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// control sets the congestion control, if there is a name.
func (s socket) control(congestion string) error {
	if congestion == "" {
		return nil
	}
	if err := unix.SetsockoptString(s.fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION, congestion); err != nil {
		return fmt.Errorf("congestion control %q: %w", congestion, err)
	}
	return nil
}
