//go:build !linux

package host

import "errors"

// affinity is not to be had here.
func affinity() ([]int, error) { return nil, errors.ErrUnsupported }
