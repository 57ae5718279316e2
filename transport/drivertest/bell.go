package drivertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
)

// keeper keeps the endpoints that a driver makes, for what a World does not show.
type keeper struct {
	driver.Driver
	endpoints []driver.Endpoint
}

func (k *keeper) Listen(place driver.Place, opts driver.Options) (driver.Endpoint, error) {
	e, err := k.Driver.Listen(place, opts)
	k.endpoints = append(k.endpoints, e)
	return e, err
}

// belled returns the worlds of all ranks, with one word each, and the bells that
// each rank can park on: its own and that of all in its process. It skips the test if
// the driver has none.
func belled(t *testing.T, d driver.Driver, ranks int) (worlds []*transport.World, bells [][]driver.Bell) {
	t.Helper()
	k := &keeper{Driver: d}
	worlds = connected(t, k, shape{ranks: ranks, segments: []int{64}, words: 1})
	first := map[bool]driver.Bell{} // of a process
	for rank, e := range k.endpoints {
		b, ok := e.(driver.Belled)
		if !ok {
			t.Skipf("driver %s has no bells", d.Name())
		}
		w, process := worlds[rank], away(d, rank)
		if first[process] == nil {
			first[process] = w.Bell()
		}
		if w.Bell() != b.Bell() || w.Bell() != first[process] {
			t.Errorf("rank %d has another bell than the driver, or than the first rank of its process", rank)
		}
		bells = append(bells, []driver.Bell{b.OwnBell(), b.Bell()})
	}
	return worlds, bells
}

// park is what a Wait without any patience does: it parks at once, for good.
func park(w *transport.World, bell driver.Bell, atLeast uint64) error {
	for {
		ticket := bell.Arm()
		if w.Load(0) >= atLeast {
			return nil
		}
		start := time.Now()
		if bell.Park(ticket, patience); time.Since(start) >= patience {
			return fmt.Errorf("rank %d: a signal did not wake who waits for %d; the word is %d", w.Rank(), atLeast, w.Load(0))
		}
	}
}

func signalsWake(t *testing.T, newDriver func() driver.Driver) {
	d := newDriver()
	w, bells := belled(t, d, 2)
	c := open(t, w[0], 1, 0)
	sent := uint64(0)
	for name, verb := range map[string]func() error{
		"signal":     func() error { return c.Signal(0, 1) },
		"put-signal": func() error { return c.PutSignal(0, 0, []byte{1}, 0, 1) },
	} {
		on := bells[1]
		if away(d, 0) == away(d, 1) {
			on = append(on, bells[0][1]) // another rank's, but it rings for all
		}
		for i, bell := range on {
			sent++
			const sleepers = 3
			must(t, together(sleepers+1, func(n int) error {
				if n < sleepers {
					return park(w[1], bell, sent)
				}
				time.Sleep(2 * time.Millisecond)
				return errors.Join(verb(), c.Flush())
			}))
			if ticket := bell.Arm(); bell.Park(ticket, time.Millisecond) {
				t.Errorf("bell %d rings after the %s", i, name)
			}
		}
	}
}

// The word may come before the poll, between the poll and the park, while the
// other falls asleep, or long after: the delays see to it that all of it happens.
func noWakeLost(t *testing.T, newDriver func() driver.Driver) {
	d, rounds := newDriver(), 20000
	if _, slow := splitOf(d); slow {
		rounds /= 10
	}
	w, bells := belled(t, d, 2)
	channels := []*transport.Channel{open(t, w[0], 1, 0), open(t, w[1], 0, 0)}
	must(t, together(2, func(rank int) error {
		delays := rand.New(rand.NewPCG(1, uint64(rank)))
		for round := range uint64(rounds) {
			if rank == 1 || round > 0 { // rank 0 begins
				if err := park(w[rank], bells[rank][round%2], round+uint64(rank)); err != nil {
					return err
				}
			}
			loads := delays.Uint32() >> (20 + delays.Uint32()%12)
			if away(d, rank) {
				loads >>= 10
			}
			for range loads {
				w[rank].Load(0)
			}
			if err := channels[rank].Signal(0, 1); err != nil {
				return err
			}
		}
		return nil
	}))
}

// Many ranks that park on one bell, for different words, and many that signal.
func oneBellForAll(t *testing.T, newDriver func() driver.Driver) {
	const ranks, rounds = 6, 200
	w, bells := belled(t, newDriver(), ranks)
	channels := make([][]*transport.Channel, ranks)
	for rank := range w {
		for peer := range w {
			channels[rank] = append(channels[rank], open(t, w[rank], peer, 0))
		}
	}
	must(t, together(ranks, func(rank int) error {
		for round := range uint64(rounds) {
			for _, c := range channels[rank] {
				if err := c.Signal(0, 1); err != nil {
					return err
				}
			}
			if err := park(w[rank], bells[rank][1], (round+1)*ranks); err != nil {
				return err
			}
		}
		return nil
	}))
}

func onlyArmedBellsRing(t *testing.T, newDriver func() driver.Driver) {
	w, bells := belled(t, newDriver(), 2)
	c := open(t, w[0], 1, 0)
	signal := func(times int) {
		for range times {
			must(t, c.Signal(0, 1))
		}
		must(t, c.Flush())
	}
	for i, bell := range bells[1] {
		first := bell.Arm()
		bell.Arm()
		signal(100)
		second := bell.Arm()
		if second != first+1 {
			t.Errorf("bell %d, armed, has rung %d times, and not once", i, second-first)
		}
		signal(1)
		signal(100)
		if third := bell.Arm(); third != second+1 {
			t.Errorf("bell %d has rung %d times without being armed", i, third-second-1)
		}
		for _, ticket := range []uint32{first, second} {
			if !bell.Park(ticket, patience) {
				t.Errorf("bell %d: a park on a ticket of before a ring was not rung", i)
			}
		}
		ticket := bell.Arm()
		bell.Ring()
		if !bell.Park(ticket, patience) {
			t.Errorf("bell %d does not ring by hand", i)
		}
	}
}

// The ring and the end of the time come together.
func parkTellsTheTruth(t *testing.T, newDriver func() driver.Driver) {
	const parks, atMost = 500, 20 * time.Microsecond
	_, bells := belled(t, newDriver(), 1)
	for i, bell := range bells[0] {
		var done atomic.Bool
		var both [2]int // parks that ended by the alarm, and by a ring
		must(t, together(2, func(n int) error {
			delays := rand.New(rand.NewPCG(2, uint64(n)))
			if n == 1 {
				for !done.Load() {
					for start, d := time.Now(), time.Duration(delays.Int64N(int64(2*atMost))); time.Since(start) < d; {
						runtime.Gosched()
					}
					bell.Ring()
				}
				return nil
			}
			defer done.Store(true)
			for range parks {
				ticket := bell.Arm()
				if !bell.Park(ticket, time.Duration(delays.Int64N(int64(atMost)))) {
					both[0]++
					continue
				}
				both[1]++
				if bell.Arm() == ticket {
					return fmt.Errorf("bell %d: a park says that the bell rang, and it did not", i)
				}
			}
			return nil
		}))
		t.Logf("bell %d: %d parks ended by themselves, %d were rung", i, both[0], both[1])
	}
}

// A Backoff with a bell: what it waits for comes after it has parked.
func backoffParks(t *testing.T, newDriver func() driver.Driver) {
	w, _ := belled(t, newDriver(), 2)
	c := open(t, w[0], 1, 0)
	for round := range uint64(20) {
		must(t, together(2, func(rank int) error {
			if rank == 0 {
				time.Sleep(time.Millisecond)
				return c.Signal(0, 1)
			}
			for idle := (transport.Backoff{Bell: w[1].Bell()}); w[1].Load(0) <= round; {
				if idle.Pause(); idle.Waited() > patience {
					return fmt.Errorf("round %d: no signal after %v", round, idle.Waited())
				}
			}
			return nil
		}))
	}
}
