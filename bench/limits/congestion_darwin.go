package limits

import (
	"errors"
	"fmt"
)

// control cannot set the congestion control.
func (s socket) control(congestion string) error {
	if congestion == "" {
		return nil
	}
	return fmt.Errorf("congestion control %q: %w", congestion, errors.ErrUnsupported)
}
