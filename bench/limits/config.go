package limits

import (
	"runtime"
	"time"

	"github.com/commbench/commbench/transport/driver"
)

// Config is what Run measures. Where a default is named the zero value stands for
// it.
type Config struct {
	Workers  int           // most threads; default: the cores that the process may use
	Duration time.Duration // of a sample; default DefaultDuration
	Repeats  int           // samples of each case; default DefaultRepeats
	// Memory bounds the pool, in bytes; 0 is no bound. Without one it takes 1 GiB,
	// or four times the last cache where that is more.
	Memory int64
	// Driver is the transport whose memory and signals are measured.
	Driver driver.Driver
	// Peer are the arguments with which this program calls the function Peer with
	// the same driver. Without any, nothing is measured between processes.
	Peer    []string
	Version string
	// Progress, if set, is called from the running goroutine before each sample.
	Progress func(stage string, done, all int)
}

// Values of options that are not given.
const (
	DefaultDuration = 20 * time.Millisecond
	DefaultRepeats  = 7 // the median of 6 or more has a confidence interval
)

// Bounds that turn a mistyped number into an error.
const (
	maxWorkers  = 1 << 10
	maxRepeats  = 1 << 16
	minDuration = 100 * time.Microsecond
	maxDuration = time.Second // which is how long an interrupt may have to wait
)

// defaults returns c with everything filled in that has a default.
func (c Config) defaults() Config {
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Duration == 0 {
		c.Duration = DefaultDuration
	}
	if c.Repeats == 0 {
		c.Repeats = DefaultRepeats
	}
	if c.Progress == nil {
		c.Progress = func(string, int, int) {}
	}
	return c
}

func (c *Config) check() error {
	switch {
	case c.Workers < 1 || c.Workers > maxWorkers:
		return shapef("workers %d: want a number from 1 to %d", c.Workers, maxWorkers)
	case c.Repeats < 1 || c.Repeats > maxRepeats:
		return shapef("repeats %d: want a number from 1 to %d", c.Repeats, maxRepeats)
	case c.Duration < minDuration || c.Duration > maxDuration:
		return shapef("duration %v: want %v to %v", c.Duration, minDuration, maxDuration)
	case c.Memory < 0:
		return shapef("%d bytes of memory", c.Memory)
	case c.Driver == nil:
		return shapef("no driver")
	}
	return nil
}

// teams are the numbers of workers: powers of two, and the most.
func (c *Config) teams() (sizes []int) {
	for n := 1; n < c.Workers; n *= 2 {
		sizes = append(sizes, n)
	}
	return append(sizes, c.Workers)
}
