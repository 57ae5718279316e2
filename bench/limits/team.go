package limits

import (
	"runtime"
	"sync"
)

// Team is a number of workers that run the same function at once.
type Team interface {
	// Workers is their number, which does not change.
	Workers() int
	// Run has every worker call f with its number, from 0. All calls are under way
	// at the same time; Run returns when all have returned.
	Run(f func(worker int))
}

// Crew is a Team of goroutines that are locked to OS threads of their own.
type Crew struct {
	calls []chan func(int)
	busy  sync.WaitGroup // workers in the current Run
	end   sync.WaitGroup // workers that live
}

// Threads starts a Crew of n workers, at least one. Close ends it.
func Threads(n int) *Crew {
	c := &Crew{}
	for i := range max(n, 1) {
		calls := make(chan func(int), 1)
		c.calls = append(c.calls, calls)
		c.end.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for f := range calls {
				f(i)
				c.busy.Done()
			}
		})
	}
	return c
}

// Workers is the number of threads.
func (c *Crew) Workers() int { return len(c.calls) }

// Run has every thread call f. It is for one goroutine at a time.
func (c *Crew) Run(f func(worker int)) {
	c.busy.Add(len(c.calls))
	for _, calls := range c.calls {
		calls <- f
	}
	c.busy.Wait()
}

// Close ends the threads. Run cannot be called any more.
func (c *Crew) Close() {
	for _, calls := range c.calls {
		close(calls)
	}
	c.end.Wait()
}
