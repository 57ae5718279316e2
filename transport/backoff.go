package transport

import (
	"runtime"
	"time"

	"github.com/commbench/commbench/transport/driver"
)

const (
	spinPauses = 16 // pauses that are none: the signal is often there, or nearly

	// Then pauses yield, for longer than what comes after it takes to end.
	yieldBeforePark  = 100 * time.Microsecond
	yieldBeforeSleep = 2 * time.Millisecond

	maxSleep = time.Millisecond

	// Parks are not for ever: a context ends without a ring, and so may a peer.
	minPark = 10 * time.Millisecond
	maxPark = 100 * time.Millisecond

	goschedEvery = 4 // of so many yields one is to goroutines, the others are to processes
)

// Backoff is for those who poll: Pause after each time that nothing was found,
// and a new Backoff after something was. The zero value is ready for use. Wait
// pauses in this way.
//
// Ranks may outnumber cores by far, and one that only spins takes its core from
// the peer that it waits for. So pauses soon yield, to other processes and to
// other goroutines (less often, as the runtime wakes a thread each time, which
// costs microseconds where there is none that needs it).
//
// Then who has a Bell parks on it: one pause arms it and returns at once, for a
// last poll, and the next sleeps until the bell rings, or for a while. After a ring
// pauses begin anew, as news seldom come alone.
//
// Without a Bell, pauses sleep, but only after longer than a sleep takes, which is
// a millisecond whatever is asked for: two ranks that wait for each other in turn
// would otherwise each find the other asleep, for good, once one of them was late.
type Backoff struct {
	// Bell is rung by signals to all that is polled; nil if there is none such. See
	// World.Bell.
	Bell driver.Bell
	// Rest, if set, is called before a park: see World.Rest.
	Rest func()

	pauses int       // since the beginning, or since the bell rang
	start  time.Time // of the first pause that takes time
	alert  time.Time // of the first such pause since the bell rang
	waited time.Duration
	ticket uint32
	armed  bool
}

// Pause waits: not at all at first, and then for longer and longer, up to a
// millisecond or two. With a bell it is ten until the bell rings, and in the end a
// hundred.
func (b *Backoff) Pause() {
	b.pauses++
	if b.pauses <= spinPauses {
		return
	}
	now := time.Now()
	if b.start.IsZero() {
		b.start = now
	}
	if b.alert.IsZero() {
		b.alert = now
	}
	b.waited = now.Sub(b.start)
	alert := now.Sub(b.alert)
	switch {
	case b.armed:
		b.armed = false
		if b.Bell.Park(b.ticket, min(max(minPark, alert/8), maxPark)) {
			b.pauses, b.alert = 0, time.Time{}
		}
	case b.Bell != nil && alert >= yieldBeforePark:
		if b.ticket, b.armed = b.Bell.Arm(), true; b.Rest != nil {
			b.Rest()
		}
	case alert >= yieldBeforeSleep:
		time.Sleep(min(alert/8, maxSleep))
	case b.Rest == nil && b.pauses%goschedEvery == 0: // who polls does the work of goroutines
		runtime.Gosched()
	default:
		yieldProcess()
	}
}

// Waited is the time from the first pauses to the last.
func (b *Backoff) Waited() time.Duration { return b.waited }
