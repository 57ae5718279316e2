//go:build linux

package shm_test

import (
	"context"
	"fmt"
	"log"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/shm"
)

// listen makes rank 0 or 1 of a world, each in a process of its own.
func listen(rank int) (*transport.World, driver.Memory, error) {
	d := shm.New()
	memory, err := transport.Alloc(4096, d)
	if err != nil {
		return nil, nil, err
	}
	w, err := transport.Listen(d, driver.Place{World: "node 0", Rank: rank, Size: 2},
		&transport.Options{Segments: []driver.Memory{memory}, Words: 1})
	return w, memory, err
}

// Two ranks that share no driver value, as if they were two processes. Bringing
// the addresses from one to the other is left to whoever starts them.
func Example() {
	sender, memory0, err := listen(0)
	if err != nil {
		log.Fatal(err)
	}
	receiver, memory1, err := listen(1)
	if err != nil {
		log.Fatal(err)
	}
	addrs := [][]byte{sender.Address(), receiver.Address()}
	for _, w := range []*transport.World{sender, receiver} {
		if err := w.Connect(addrs); err != nil {
			log.Fatal(err)
		}
	}

	channel, err := sender.Channel(1, 0)
	if err != nil {
		log.Fatal(err)
	}
	if err := channel.PutSignal(0, 0, []byte("a token"), 0, 1); err != nil {
		log.Fatal(err)
	}
	if err := receiver.Wait(context.Background(), 0, 1); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", receiver.Segment(0)[:7])

	for _, end := range []func() error{sender.Close, receiver.Close, memory0.Free, memory1.Free} {
		if err := end(); err != nil {
			log.Fatal(err)
		}
	}
	// Output: a token
}
