package faulty_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/faulty"
	"github.com/commbench/commbench/transport/mem"
)

// The second signal of a rank to itself is lost: the wait for it ends all the same.
func Example() {
	spec, err := faulty.Parse("drop-at=2")
	if err != nil {
		log.Fatal(err)
	}
	d := faulty.New(mem.New(), spec)
	world, err := transport.Listen(d, driver.Place{World: "alone", Rank: 0, Size: 1},
		&transport.Options{Words: 1, Timeout: time.Millisecond})
	if err != nil {
		log.Fatal(err)
	}
	defer world.Close()
	if err := world.Connect([][]byte{world.Address()}); err != nil {
		log.Fatal(err)
	}
	self, err := world.Channel(0, 0)
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		if err := self.Signal(0, 1); err != nil {
			log.Fatal(err)
		}
	}
	err = world.Wait(context.Background(), 0, 2)
	fmt.Println("timed out:", errors.Is(err, transport.ErrTimeout))
	fmt.Println("arrived:", world.Load(0), "dropped:", d.Injected().Dropped)
	// Output:
	// timed out: true
	// arrived: 1 dropped: 1
}

// Signals alone can be cut, of one rank to another.
func ExampleSpec() {
	spec := faulty.Spec{Seed: 7, Delay: 2 * time.Millisecond, Reorder: true, Cut: 10,
		Match: func(v faulty.Verb) bool { return v.Kind == faulty.Signal && v.Rank == 3 && v.Peer == 0 }}
	fmt.Println(spec)
	// Output: delay=2ms,cut=10,reorder,seed=7
}
