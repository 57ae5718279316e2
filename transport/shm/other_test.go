//go:build !linux

package shm_test

import (
	"errors"
	"testing"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/shm"
)

func TestNotSupported(t *testing.T) {
	d := shm.New()
	if _, err := d.Alloc(1); !errors.Is(err, driver.ErrNotSupported) {
		t.Errorf("Alloc: %v", err)
	}
	if _, err := d.Listen(driver.Place{Size: 1}, driver.Options{}); !errors.Is(err, driver.ErrNotSupported) {
		t.Errorf("Listen: %v", err)
	}
}
