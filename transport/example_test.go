package transport_test

import (
	"context"
	"fmt"
	"log"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/mem"
)

// Two ranks: one puts a token and signals, the other waits for it.
func Example() {
	d := mem.New()
	var worlds [2]*transport.World
	var addrs [][]byte
	for rank := range worlds {
		memory, err := transport.Alloc(1024, d)
		if err != nil {
			log.Fatal(err)
		}
		defer memory.Free()
		worlds[rank], err = transport.Listen(d, driver.Place{World: "example", Rank: rank, Size: 2},
			&transport.Options{Segments: []driver.Memory{memory}, Words: 1})
		if err != nil {
			log.Fatal(err)
		}
		defer worlds[rank].Close()
		addrs = append(addrs, worlds[rank].Address())
	}
	for _, w := range worlds {
		if err := w.Connect(addrs); err != nil {
			log.Fatal(err)
		}
	}

	go func() {
		channel, err := worlds[0].Channel(1, 0)
		if err != nil {
			log.Fatal(err)
		}
		if err := channel.Put(0, 100, []byte("a token")); err != nil {
			log.Fatal(err)
		}
		if err := channel.Signal(0, 1); err != nil { // after the token is there
			log.Fatal(err)
		}
	}()

	if err := worlds[1].Wait(context.Background(), 0, 1); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", worlds[1].Segment(0)[100:107])
	// Output: a token
}
