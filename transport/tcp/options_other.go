//go:build unix && !linux

package tcp

import (
	"fmt"
	"time"

	"github.com/commbench/commbench/transport/driver"
)

func setTCP(_ int, c *Config, _ time.Duration) error {
	if c.Congestion != "" {
		return fmt.Errorf("tcp: congestion control %q: %w on this system", c.Congestion, driver.ErrNotSupported)
	}
	return nil
}

// congestionOf is not known here.
func congestionOf(int) string { return "" }
