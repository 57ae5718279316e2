package limits

import (
	"errors"
	"fmt"
	"time"
)

// ErrShape: a measurement that cannot be made of the memory that was given.
var ErrShape = errors.New("limits: impossible shape")

func shapef(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrShape, fmt.Sprintf(format, args...))
}

// turn is the bytes that a worker moves between two looks at the clock. A look
// takes some 40 ns, in which a cache moves 4 KB: with fewer bytes it would show,
// and with more a worker would end late.
const turn = 256 << 10

// Probe measures one thing with one team, as often as it is asked to.
type Probe struct {
	team    Team
	steps   int // between two looks at the clock
	bytes   int64
	workers []worker
	run     func(int) // Probe.work, made once because it is allocated
	clock   func() time.Duration

	d    time.Duration
	gate gate
}

// worker is the state of one worker, on cache lines of its own: two, since CPUs
// fetch them in pairs.
type worker struct {
	load load
	done int64         // steps
	end  time.Duration // when the last one was done
	_    [128 - 32]byte
}

// load is what a worker does again and again.
type load interface {
	step()
	finish() // once, after the last step of a measurement
}

var epoch = time.Now()

func sinceEpoch() time.Duration { return time.Since(epoch) }

// newProbe makes a probe whose steps move the given bytes.
func newProbe(team Team, bytes int64, loads []load) *Probe {
	p := &Probe{
		team: team, bytes: bytes, steps: int(max(1, turn/bytes)),
		workers: make([]worker, len(loads)), clock: sinceEpoch,
	}
	for i := range loads {
		p.workers[i].load = loads[i]
	}
	p.run = p.work
	return p
}

// Measure has all workers work for d and returns the rate of them together, in
// GB/s (1e9 bytes a second):
//
//	bytes of all workers / time from the common start to the end of the last one
//
// Workers start together, and each ends at its first look at the clock after d.
// A sum of the workers' own rates would be more wherever they do not run all the
// time, and so a rate at which nothing was ever moved.
//
// It allocates nothing. Measurements of one probe, and those of different
// probes with common targets, come one after another. It panics if the team has
// another number of workers than when the probe was made: some would wait for ever.
func (p *Probe) Measure(d time.Duration) float64 {
	if n := p.team.Workers(); n != len(p.workers) {
		panic(fmt.Sprintf("limits: a probe for %d workers, with %d", len(p.workers), n))
	}
	p.d = d
	p.gate.close(len(p.workers))
	p.team.Run(p.run)
	steps, end := int64(0), p.gate.start
	for i := range p.workers {
		steps += p.workers[i].done
		end = max(end, p.workers[i].end)
	}
	return float64(steps*p.bytes) / float64(max(end-p.gate.start, 1))
}

func (p *Probe) work(i int) {
	w := &p.workers[i]
	start := p.gate.pass(p.clock)
	w.done = 0
	for {
		for range p.steps {
			w.load.step()
		}
		w.done += int64(p.steps)
		if w.end = p.clock(); w.end-start >= p.d {
			break
		}
	}
	w.load.finish()
	w.end = p.clock()
}
