package limits

import (
	"sync/atomic"
	"time"

	"github.com/commbench/commbench/transport"
)

// gate lets workers start together: threads that were asleep take tens of
// microseconds to come.
type gate struct {
	all     int32 // workers to wait for
	arrived atomic.Int32
	start   time.Duration // when the last one came
}

// close makes the gate ready for n workers, while nobody is at it.
func (g *gate) close(n int) {
	g.all = int32(n)
	g.arrived.Store(0)
}

// pass returns the common start once all workers have come.
func (g *gate) pass(clock func() time.Duration) time.Duration {
	if g.arrived.Add(1) == g.all {
		g.start = clock()
		g.arrived.Add(1)
	}
	for b := (transport.Backoff{}); g.arrived.Load() <= g.all; {
		b.Pause()
	}
	return g.start
}
