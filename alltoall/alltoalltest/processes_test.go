package alltoalltest_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/alltoalltest"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/shm"
	"github.com/commbench/commbench/transport/tcp"
)

// jobTCP has fewer connections than a program would: the ranks here are many.
func jobTCP(secret []byte) driver.Driver { return tcp.New(tcp.Config{Secret: secret, Streams: 2}) }

func TestTCPProcesses(t *testing.T) {
	alltoalltest.RunProcesses(t, func(secret []byte) (up, out driver.Driver) { d := jobTCP(secret); return d, d }, 59)
}

func TestShmProcesses(t *testing.T) {
	alltoalltest.RunProcesses(t, func([]byte) (up, out driver.Driver) { d := shm.New(); return d, d }, 61)
}

func TestShmWithinNodesTCPBetweenProcesses(t *testing.T) {
	alltoalltest.RunProcesses(t, func(secret []byte) (up, out driver.Driver) { return shm.New(), jobTCP(secret) }, 67)
}
