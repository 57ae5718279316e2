package auth_test

import (
	"fmt"
	"net"
	"time"

	"github.com/commbench/commbench/transport/internal/auth"
)

// Two ends of a connection that know the same secret.
func Example() {
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	secret := []byte("of this job, and random")
	deadline := time.Now().Add(10 * time.Second)

	proved := make(chan error)
	go func() { proved <- auth.Client(client, secret, "data", []byte("from rank 3"), deadline) }()
	hello, err := auth.Server(server, secret, "data", deadline)
	fmt.Printf("%s, %v, %v\n", hello, err, <-proved)
	// Output: from rank 3, <nil>, <nil>
}
