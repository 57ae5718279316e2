package bell

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Bell wakes goroutines; it is a driver.Bell. The zero value is ready for use. Who parks first takes a ticket, then sets the flag, and
// then polls the words; a signal adds to its word, and then takes the flag.
//
// So no signal is lost. Atomics are sequentially consistent: if the poll does not
// see the word, the flag was set before the signal looked at it. Either it is still
// set, and the signal rings, or another signal took it and rings. Both rings come
// after the ticket, and whoever has a ticket of before a ring does not sleep.
type Bell struct {
	armed atomic.Uint32 // the flag: 1 if somebody may be parked. Read by every signal, and hardly ever written while ranks are busy
	rings atomic.Uint32
	_     [56]byte

	mu     sync.Mutex // held to write rings
	parked []*sleeper
	spare  []*sleeper // for later parks, which then allocate nothing
}

// sleeper is what one goroutine parks on.
type sleeper struct {
	rung  chan struct{} // has room for the one ring that ends a park
	alarm *time.Timer
}

// Arm is for whoever may be about to park.
func (b *Bell) Arm() (ticket uint32) {
	ticket = b.rings.Load()
	b.armed.Store(1)
	return ticket
}

// Ring wakes all who have parked, if anybody has armed the bell since it last rang.
func (b *Bell) Ring() {
	if b.armed.Load() != 0 {
		b.wake()
	}
}

func (b *Bell) wake() {
	if b.armed.Swap(0) == 0 {
		return // another one wakes them
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rings.Add(1)
	for _, s := range b.parked {
		s.rung <- struct{}{}
	}
	b.parked = b.parked[:0]
}

// Park sleeps for d, or until the bell rings, which it says.
func (b *Bell) Park(ticket uint32, d time.Duration) (rung bool) {
	s := b.lieDown(ticket, d)
	if s == nil {
		return true
	}
	select {
	case <-s.rung:
		rung = true
	case <-s.alarm.C:
	}
	b.getUp(s, rung)
	return rung
}

// lieDown makes a sleeper known to those who ring, or returns nil if the bell has
// rung since the ticket.
func (b *Bell) lieDown(ticket uint32, d time.Duration) *sleeper {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rings.Load() != ticket {
		return nil
	}
	var s *sleeper
	if n := len(b.spare); n > 0 {
		s, b.spare = b.spare[n-1], b.spare[:n-1]
		s.alarm.Reset(d)
	} else {
		s = &sleeper{rung: make(chan struct{}, 1), alarm: time.NewTimer(d)}
	}
	b.parked = append(b.parked, s)
	return s
}

// getUp makes the sleeper a spare one.
func (b *Bell) getUp(s *sleeper, rung bool) {
	s.alarm.Stop()
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.parked, s); i >= 0 {
		b.parked = slices.Delete(b.parked, i, i+1)
	} else if !rung {
		<-s.rung // it was, since the alarm
	}
	b.spare = append(b.spare, s)
}
