package tcp_test

import (
	"testing"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/drivertest"
	"github.com/commbench/commbench/transport/tcp"
)

func newDriver() driver.Driver { return tcp.New(tcp.Config{}) }

func TestConformance(t *testing.T) { drivertest.Run(t, newDriver) }

func TestConformanceOneStream(t *testing.T) {
	drivertest.Run(t, func() driver.Driver { return tcp.New(tcp.Config{Streams: 1}) })
}

// More connections than a poll looks at without asking first which have something.
func TestConformanceManyStreams(t *testing.T) {
	drivertest.Run(t, func() driver.Driver { return tcp.New(tcp.Config{Streams: 12}) })
}

func BenchmarkDriver(b *testing.B) { drivertest.Bench(b, newDriver) }
