package transport

import (
	"runtime"
	"time"
)

const (
	spinPauses = 16                   // pauses that are none: the signal is often there, or nearly
	yieldTime  = 2 * time.Millisecond // then pauses yield for so long, and then they sleep
	maxSleep   = time.Millisecond

	goschedEvery = 4 // of so many yields one is to goroutines, the others are to processes
)

// Backoff is for those who poll: Pause after each time that nothing was found,
// and a new Backoff after something was. The zero value is ready for use. Wait
// pauses in this way.
//
// Ranks may outnumber cores by far, and one that only spins takes its core from
// the peer that it waits for. So pauses soon yield, to other processes and to
// other goroutines (less often, as the runtime wakes a thread each time, which
// costs microseconds where there is none that needs it). They sleep only after
// longer than a sleep takes, which is a millisecond whatever is asked for: two
// ranks that wait for each other in turn would otherwise each find the other
// asleep, for good, once one of them was late.
type Backoff struct {
	pauses int
	start  time.Time // of the first pause that takes time
	waited time.Duration
}

// Pause waits: not at all at first, and then for longer and longer, up to a
// millisecond or two.
func (b *Backoff) Pause() {
	b.pauses++
	if b.pauses <= spinPauses {
		return
	}
	if b.start.IsZero() {
		b.start = time.Now()
	}
	b.waited = time.Since(b.start)
	switch {
	case b.waited >= yieldTime:
		time.Sleep(min(b.waited/8, maxSleep))
	case b.pauses%goschedEvery == 0:
		runtime.Gosched()
	default:
		yieldProcess()
	}
}

// Waited is the time from the first pauses to the last.
func (b *Backoff) Waited() time.Duration { return b.waited }
