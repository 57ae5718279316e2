package drivertest_test

import (
	"testing"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/drivertest"
	"github.com/commbench/commbench/transport/tcp"
)

// The whole test of a driver, in the driver's own folder.
func Example() {
	newDriver := func() driver.Driver { return tcp.New(tcp.Config{Secret: []byte("of the test's processes")}) }

	_ = func(t *testing.T) { drivertest.Run(t, newDriver) }          // func TestConformance
	_ = func(t *testing.T) { drivertest.RunProcesses(t, newDriver) } // func TestConformanceProcesses
	_ = func(b *testing.B) { drivertest.Bench(b, newDriver) }        // func BenchmarkDriver
}
