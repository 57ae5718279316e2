package drivertest_test

import (
	"testing"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/drivertest"
	"github.com/commbench/commbench/transport/mem"
)

// The whole test of a driver, in the driver's own folder.
func Example() {
	newDriver := func() driver.Driver { return mem.New() }

	_ = func(t *testing.T) { drivertest.Run(t, newDriver) }   // func TestConformance
	_ = func(b *testing.B) { drivertest.Bench(b, newDriver) } // func BenchmarkDriver
}
