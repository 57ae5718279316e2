package tcp_test

import (
	"context"
	"fmt"
	"log"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/tcp"
)

// Two ranks as two processes have them: each has a driver of its own, both know the
// job's secret, and addresses are exchanged in some other way.
func Example() {
	secret := []byte("random bytes that all processes of the job were given")
	var worlds []*transport.World
	var addrs [][]byte
	for rank := range 2 {
		d := tcp.New(tcp.Config{Bind: "127.0.0.1", Secret: secret})
		memory, err := transport.Alloc(64, d)
		if err != nil {
			log.Fatal(err)
		}
		defer memory.Free()
		w, err := transport.Listen(d, driver.Place{World: "example", Rank: rank, Size: 2},
			&transport.Options{Segments: []driver.Memory{memory}, Words: 1})
		if err != nil {
			log.Fatal(err)
		}
		defer w.Close()
		worlds, addrs = append(worlds, w), append(addrs, w.Address())
	}
	for _, w := range worlds {
		if err := w.Connect(addrs); err != nil {
			log.Fatal(err)
		}
	}

	// Rank 0 puts into the segment of rank 1 and signals its word.
	to, err := worlds[0].Channel(1, 0)
	if err != nil {
		log.Fatal(err)
	}
	if err := to.PutSignal(0, 10, []byte("token"), 0, 1); err != nil {
		log.Fatal(err)
	}
	if err := worlds[1].Wait(context.Background(), 0, 1); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", worlds[1].Segment(0)[10:15])
	// Output: token
}

// ExampleAddress binds to what an interface has.
func ExampleAddress() {
	if _, err := tcp.Address("no such interface"); err != nil {
		fmt.Println("there is none")
	}
	// Output: there is none
}
