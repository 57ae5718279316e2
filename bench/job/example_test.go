package job_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/commbench/commbench/bench/engine"
	"github.com/commbench/commbench/bench/job"
)

// part is what each process of a job does. It says where it is by hand; an engine's
// processes leave Flags empty.
func part(process int, at string) error {
	j, err := job.Join(context.Background(), job.Config{
		Flags: engine.Flags{Rank: &process, World: new(2), Rendezvous: at}, Ranks: 4, Timeout: 10 * time.Second,
	})
	if err != nil || j == nil { // nil: there is one process
		return err
	}
	j.Phase("greeting")
	blobs, err := j.Exchange(j.Context(), "greetings", fmt.Appendf(nil, "hello of %s", j.Peers()[process].Name))
	if err == nil && j.Process() == 0 {
		fmt.Printf("%s\n", blobs[1])
	}
	// With an error it tells the others why this process cannot go on.
	return errors.Join(err, j.End(err))
}

func Example() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	at := l.Addr().String()
	l.Close()
	other := make(chan error)
	go func() { other <- part(1, at) }()
	if err := errors.Join(part(0, at), <-other); err != nil {
		log.Fatal(err)
	}
	// Output: hello of ranks 2 to 3
}
