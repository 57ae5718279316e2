package alltoalltest_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/commbench/commbench/alltoall/alltoalltest"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/drivertest"
	"github.com/commbench/commbench/transport/faulty"
	"github.com/commbench/commbench/transport/mem"
	"github.com/commbench/commbench/transport/shm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMem(t *testing.T) {
	alltoalltest.Run(t, func() (up, out driver.Driver) { d := mem.New(); return d, d }, 1)
}

func TestShm(t *testing.T) {
	alltoalltest.Run(t, func() (up, out driver.Driver) { d := shm.New(); return d, d }, 1)
}

func TestShmWithinNodesMemBetween(t *testing.T) {
	alltoalltest.Run(t, func() (up, out driver.Driver) { return shm.New(), mem.New() }, 11)
}

// newAsync is a driver that has nothing but its verbs, and whose verbs return before
// anything happened, as those of a network do. Its channels know nothing of each other.
func newAsync() driver.Driver {
	return drivertest.Bare(faulty.New(mem.New(), faulty.Spec{Delay: time.Microsecond}))
}

// A driver need not map memory, nor have done anything when a verb returns.
func TestAsync(t *testing.T) {
	alltoalltest.Run(t, func() (up, out driver.Driver) { d := newAsync(); return d, d }, 5)
}

func TestShmWithinNodesAsyncBetween(t *testing.T) {
	alltoalltest.Run(t, func() (up, out driver.Driver) { return shm.New(), newAsync() }, 11)
}
