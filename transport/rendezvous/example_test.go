package rendezvous_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"sync"

	"github.com/commbench/commbench/transport/rendezvous"
)

// Three processes, which here are goroutines, tell each other their addresses.
func Example() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	var wg sync.WaitGroup
	for p := range 3 {
		wg.Go(func() {
			c := rendezvous.Config{Process: p, Processes: 3, Address: l.Addr().String(), Secret: []byte("of this job, and random")}
			if p == 0 {
				c.Listener = l
			}
			s, err := rendezvous.Join(context.Background(), c)
			if err != nil {
				log.Fatal(err)
			}
			defer s.Close()
			all, err := s.Exchange(context.Background(), "addresses", fmt.Appendf(nil, "address %d", p))
			if err != nil {
				log.Fatal(err)
			}
			if p == 2 {
				fmt.Printf("%s\n", all)
			}
		})
	}
	wg.Wait()
	// Output: [address 0 address 1 address 2]
}
