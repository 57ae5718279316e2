package shm

import (
	"math"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bell wakes threads of one process. It lies in memory that every peer maps, in a
// cache line of its own. Who parks first takes a ticket, then sets the flag, and
// then polls the words; a signal adds to its word, and then takes the flag.
//
// So no signal is lost. Atomics are sequentially consistent, also between
// processes: if the poll does not see the word, the flag was set before the signal
// looked at it. Either it is still set, and the signal rings, or another signal took
// it and rings. Both rings come after the ticket, and the system lets nobody sleep
// who has a ticket of before a ring.
//
// A peer that is killed between its word and its ring leaves a sleeper to its
// alarm. A sleeper that is killed leaves a flag that costs the next signal a system
// call.
type bell struct {
	armed atomic.Uint32 // the flag: 1 if somebody may be parked. Read by every signal, and hardly ever written while ranks are busy
	rings atomic.Uint32 // the futex
	_     [56]byte
}

// The variants that work between processes.
const (
	futexWait = 0
	futexWake = 1
)

func (b *bell) Arm() (ticket uint32) {
	ticket = b.rings.Load()
	b.armed.Store(1)
	return ticket
}

func (b *bell) Ring() {
	if b.armed.Load() != 0 {
		b.wake()
	}
}

func (b *bell) wake() {
	if b.armed.Swap(0) == 0 {
		return // another one wakes them
	}
	b.rings.Add(1)
	// The call does not sleep, so the runtime need not be told of it.
	unix.RawSyscall6(unix.SYS_FUTEX, b.futex(), futexWake, math.MaxInt32, 0, 0, 0)
}

func (b *bell) Park(ticket uint32, d time.Duration) (rung bool) {
	alarm := unix.NsecToTimespec(int64(d))
	// It fails if the bell has rung since the ticket, and when a signal of the system
	// comes. All that matters is the bell.
	unix.Syscall6(unix.SYS_FUTEX, b.futex(), futexWait, uintptr(ticket), uintptr(unsafe.Pointer(&alarm)), 0, 0)
	return b.rings.Load() != ticket
}

func (b *bell) futex() uintptr { return uintptr(unsafe.Pointer(&b.rings)) }
