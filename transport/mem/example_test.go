package mem_test

import (
	"context"
	"fmt"
	"log"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/mem"
)

// A world of one rank, which puts to itself: the same verbs as to any peer.
func Example() {
	d := mem.New()
	memory, err := transport.Alloc(64, d)
	if err != nil {
		log.Fatal(err)
	}
	defer memory.Free()

	world, err := transport.Listen(d, driver.Place{World: "alone", Rank: 0, Size: 1},
		&transport.Options{Segments: []driver.Memory{memory}, Words: 1})
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
	if err := self.PutSignal(0, 10, []byte("token"), 0, 1); err != nil {
		log.Fatal(err)
	}
	if err := world.Wait(context.Background(), 0, 1); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", world.Segment(0)[10:15])
	// Output: token
}
