package alltoalltest_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/alltoalltest"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/shm"
	"github.com/commbench/commbench/transport/tcp"
)

func TestTCP(t *testing.T) {
	alltoalltest.Run(t, func() (up, out driver.Driver) { d := tcp.New(tcp.Config{}); return d, d }, 3)
}

func TestShmWithinNodesTCPBetween(t *testing.T) {
	alltoalltest.Run(t, func() (up, out driver.Driver) { return shm.New(), tcp.New(tcp.Config{}) }, 3)
}
