//go:build !linux

package numa_test

import (
	"errors"
	"testing"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/numa"
)

func TestNotSupported(t *testing.T) {
	_, pin := numa.Pin(0)
	_, huge := numa.HugeBytes(nil)
	for _, err := range []error{pin, huge, numa.Bind(nil, 0), numa.AdviseHuge(nil)} {
		if !errors.Is(err, driver.ErrNotSupported) {
			t.Error(err)
		}
	}
}
