package drivertest_test

import (
	"testing"
	"time"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/drivertest"
	"github.com/commbench/commbench/transport/faulty"
	"github.com/commbench/commbench/transport/mem"
)

// The suite must hold for drivers that have nothing but their verbs, and whose verbs
// return before anything happened, as those of a network card do.
func TestAsynchronousDriver(t *testing.T) {
	drivertest.Run(t, func() driver.Driver {
		return drivertest.Bare(faulty.New(mem.New(), faulty.Spec{Delay: time.Microsecond}))
	})
}
