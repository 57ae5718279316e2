package tcp_test

import (
	"testing"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/drivertest"
	"github.com/commbench/commbench/transport/tcp"
)

// jobSecret is what the test's program and its children have in common.
var jobSecret = []byte("the secret of a job of tests")

func TestConformanceProcesses(t *testing.T) {
	drivertest.RunProcesses(t, func() driver.Driver { return tcp.New(tcp.Config{Secret: jobSecret}) })
}
