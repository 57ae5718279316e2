//go:build !linux

package shm

import (
	"fmt"
	"runtime"

	"github.com/commbench/commbench/transport/driver"
)

// Driver is of no use on this system: it needs Linux.
type Driver struct{}

// New returns a driver whose methods return ErrNotSupported.
func New() *Driver { return &Driver{} }

// Name is "shm".
func (*Driver) Name() string { return "shm" }

// Caps of the driver, as they are on Linux.
func (*Driver) Caps() driver.Caps {
	return driver.Caps{Mapped: true, Processes: true, OwnMemory: true}
}

// Alloc returns ErrNotSupported.
func (*Driver) Alloc(int) (driver.Memory, error) { return nil, unsupported() }

// Listen returns ErrNotSupported.
func (*Driver) Listen(driver.Place, driver.Options) (driver.Endpoint, error) {
	return nil, unsupported()
}

func unsupported() error { return fmt.Errorf("shm on %s: %w", runtime.GOOS, driver.ErrNotSupported) }
