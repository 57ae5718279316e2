package alltoalltest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/commbench/commbench/alltoall/alltoalltest"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/transport/driver"
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

// A driver need not map memory, nor have done anything when a verb returns.
func TestAsync(t *testing.T) {
	alltoalltest.Run(t, func() (up, out driver.Driver) { d := newAsync(true); return d, d }, 5)
}

func TestShmWithinNodesAsyncBetween(t *testing.T) {
	alltoalltest.Run(t, func() (up, out driver.Driver) { return shm.New(), newAsync(false) }, 11)
}

// What a combine puts stays as it is until it was used, so that a driver may read it
// when it likes. (A dispatch by two-hop forwards from a ring, whose slot it frees when
// the puts have returned.)
func TestCombineOfLazyPuts(t *testing.T) {
	i := 0
	for _, alg := range plan.Algorithms {
		for _, topology := range alltoalltest.Topologies {
			for _, w := range alltoalltest.Workloads {
				if i++; i%5 != 0 || testing.Short() && i%50 != 0 {
					continue
				}
				c := alltoalltest.Config(alg, topology, w, plan.BF16, record.Combine)
				d := newAsync(false)
				c.ScaleUp, c.ScaleOut = d, d
				if _, err := bench.Run(t.Context(), c); err != nil {
					t.Errorf("%s/%v/%s: %v", alg, topology, w.Name, err)
				}
			}
		}
	}
}
