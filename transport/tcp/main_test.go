package tcp_test

import (
	"fmt"
	"net"
	"os"
	"testing"
)

// children is what the test's program does in place of the tests where a test has
// started it again, as another process: by the variable that the test sets. A file
// that needs such a process adds to it in an init function.
var children = map[string]func() error{}

func TestMain(m *testing.M) {
	for variable, child := range children {
		if os.Getenv(variable) == "" {
			continue
		}
		if err := child(); err != nil {
			fmt.Fprintf(os.Stderr, "%s=%s: %v\n", variable, os.Getenv(variable), err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func skipWithoutIPv6(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6 loopback: %v", err)
	}
	l.Close()
}
