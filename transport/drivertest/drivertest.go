package drivertest

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/commbench/commbench/transport/driver"
)

var rules = []struct {
	name string
	test func(t *testing.T, newDriver func() driver.Driver)
}{
	{"memory is zeroed and freed", memory},
	{"put writes its bytes and no others", putSizes},
	{"put-signal writes its bytes and no others", putSignalSizes},
	{"stream writes its bytes and no others", streamSizes},
	{"a signal never overtakes data", neverOvertakes},
	{"a put-signal never overtakes data", putSignalNeverOvertakes},
	{"a signal never overtakes streamed data", streamNeverOvertaken},
	{"words count up", wordsCount},
	{"many writers add to one word", manyWriters},
	{"channels of a pair are independent", manyChannels},
	{"all ranks reach all ranks", allToAll},
	{"a rank reaches itself", toSelf},
	{"puts between fences land in order", fence},
	{"flush completes", flush},
	{"mapped peers are memory", mapped},
	{"one memory serves two worlds", twoWorlds},

	{"wait times out and says why", waitTimeout},
	{"wait ends when its context does", waitCancel},
	{"wait ends when the world is closed", waitClose},

	{"signals wake who has parked", signalsWake},
	{"no wake-up is lost", noWakeLost},
	{"one bell is for all", oneBellForAll},
	{"only bells that were armed ring", onlyArmedBellsRing},
	{"park says whether the bell rang", parkTellsTheTruth},
	{"a backoff parks and is woken", backoffParks},

	{"what is held back is pushed", heldBack},
	{"a mark says when sources are free", reusable},
	{"signals ring another driver's bell", chimes},
	{"a peer that has closed is not lost", closedIsNotLost},

	{"bounds are checked before the driver", bounds},
	{"the first error is final", sticky},
	{"a channel opens once", openOnce},
	{"closed is closed", closed},
	{"bad addresses are refused", badAddresses},
	{"ranks that disagree are refused", disagree},

	{"no verb allocates", allocations},
}

// Run tests a driver against the contract of package driver. newDriver is called
// at least once for each rule.
func Run(t *testing.T, newDriver func() driver.Driver) {
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			NoLeaks(t)
			rule.test(t, newDriver)
		})
	}
}

// NoLeaks fails the test if, after all its other clean-up, it has left a
// goroutine or a file descriptor. It is called first, so that it looks last.
func NoLeaks(t testing.TB) {
	check := leaks()
	t.Cleanup(func() {
		if err := check(); err != nil {
			t.Error(err)
		}
	})
}

// leaks returns what says whether there are goroutines or file descriptors that are
// not there now.
func leaks() (check func() error) {
	others := goleak.IgnoreCurrent()
	before := descriptors()
	return func() error {
		err := goleak.Find(others)
		after := descriptors()
		// What was closed may still be held for a moment by a goroutine that is leaving.
		for until := time.Now().Add(time.Second); after > before && time.Now().Before(until); after = descriptors() {
			time.Sleep(time.Millisecond)
		}
		if after > before {
			err = errors.Join(err, fmt.Errorf("%d file descriptors are open, %d were before", after, before))
		}
		return err
	}
}

// descriptors is how many this process has open, or 0 where it cannot be told.
func descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
