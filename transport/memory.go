package transport

import (
	"errors"
	"fmt"

	"github.com/commbench/commbench/transport/driver"
)

// Alloc returns size zeroed bytes that every one of the drivers accepts as a
// segment, so that one block can be registered in several worlds. A driver that
// needs its own memory allocates it, otherwise the first does; two different
// drivers that both need their own cannot share a block.
//
// The caller frees it after the worlds that it is registered in are closed.
func Alloc(size int, drivers ...driver.Driver) (driver.Memory, error) {
	if size <= 0 || int64(size) > MaxSegmentSize {
		return nil, fmt.Errorf("alloc: %d bytes: must be between 1 and %d: %w", size, int64(MaxSegmentSize), ErrBounds)
	}
	if len(drivers) == 0 {
		return nil, errors.New("alloc: no driver given")
	}
	owner := drivers[0]
	for _, d := range drivers[1:] {
		if !d.Caps().OwnMemory || d.Name() == owner.Name() {
			continue
		}
		if owner.Caps().OwnMemory {
			return nil, fmt.Errorf("alloc: drivers %s and %s both need memory of their own, so no segment can be in both",
				owner.Name(), d.Name())
		}
		owner = d
	}
	memory, err := owner.Alloc(size)
	if err != nil {
		return nil, fmt.Errorf("alloc: %d bytes from driver %s: %w", size, owner.Name(), err)
	}
	return memory, nil
}
