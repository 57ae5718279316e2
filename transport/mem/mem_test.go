package mem_test

import (
	"testing"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/drivertest"
	"github.com/commbench/commbench/transport/mem"
)

func newDriver() driver.Driver { return mem.New() }

func TestConformance(t *testing.T) { drivertest.Run(t, newDriver) }

func BenchmarkDriver(b *testing.B) { drivertest.Bench(b, newDriver) }
