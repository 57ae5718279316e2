//go:build !linux

package numa

import (
	"fmt"
	"runtime"

	"github.com/commbench/commbench/transport/driver"
)

// Pin returns ErrNotSupported.
func Pin(int) (unpin func() error, err error) { return nil, unsupported("pin") }

// Bind returns ErrNotSupported.
func Bind([]byte, int) error { return unsupported("bind") }

// AdviseHuge returns ErrNotSupported.
func AdviseHuge([]byte) error { return unsupported("advise huge pages") }

// Populate is not supported here.
func Populate([]byte) error { return unsupported("populate") }

// HugeBytes returns ErrNotSupported.
func HugeBytes(...[]byte) (int64, error) { return 0, unsupported("huge pages in use") }

func unsupported(what string) error {
	return fmt.Errorf("numa: %s on %s: %w", what, runtime.GOOS, driver.ErrNotSupported)
}
