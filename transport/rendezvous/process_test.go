//go:build unix

package rendezvous

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A child is this test's program as a process of its own. It joins, says so in a
// line, and then makes a barrier for each line that it is sent.

const childEnv = "RENDEZVOUS_TEST_CHILD" // process, processes, address, timeout

func init() {
	if os.Getenv(childEnv) != "" {
		child = runChild
	}
}

func runChild() {
	args := strings.Fields(os.Getenv(childEnv))
	p, _ := strconv.Atoi(args[0])
	n, _ := strconv.Atoi(args[1])
	timeout, _ := time.ParseDuration(args[3])
	s, err := Join(context.Background(), Config{Process: p, Processes: n, Name: fmt.Sprintf("rank %d", p),
		Host: fmt.Sprintf("host%d", p), Address: args[2], Secret: secret, Timeout: timeout})
	fmt.Println(err)
	if err != nil {
		os.Exit(1)
	}
	s.Phase("sleep")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Println(barrier(s))
	}
	fmt.Println(s.Close())
}

type kid struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func spawn(t *testing.T, process, processes int, address string, timeout time.Duration) *kid {
	t.Helper()
	k := &kid{Cmd: exec.Command(os.Args[0])}
	k.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d %s %v", childEnv, process, processes, address, timeout))
	k.Stderr = os.Stderr
	var err error
	if k.in, err = k.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := k.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	k.out = bufio.NewScanner(out)
	if err := k.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		k.in.Close()
		_ = k.Process.Signal(syscall.SIGCONT)
		stuck := time.AfterFunc(long, func() { _ = k.Process.Kill() })
		_ = k.Wait()
		stuck.Stop()
	})
	return k
}

func (k *kid) says(t *testing.T, want string) {
	t.Helper()
	if !k.out.Scan() || !strings.Contains(k.out.Text(), want) {
		t.Errorf("a process says %q; want %q", k.out.Text(), want)
	}
}

// family is a job of which process 0 is this one and the others are children.
func family(t *testing.T, n int, timeout time.Duration) (*Session, []*kid) {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	var kids []*kid
	for p := 1; p < n; p++ {
		kids = append(kids, spawn(t, p, n, l.Addr().String(), long))
	}
	c := config(l, 0, n)
	c.Timeout = timeout // and so that of all
	s, err := Join(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for _, k := range kids {
		k.says(t, "<nil>")
	}
	return s, kids
}

func TestKilled(t *testing.T) {
	s, kids := family(t, 3, long)
	meetOnce(t, s, kids)
	if err := kids[1].Process.Kill(); err != nil {
		t.Fatal(err)
	}
	err := cause(t, s)
	contains(t, err, "process 2 (rank 2) on host host2, in phase sleep: ")
	var pe *PeerError
	if !errors.As(err, &pe) || pe.Process != 2 {
		t.Error(err)
	}
	fmt.Fprintln(kids[0].in)
	kids[0].says(t, "process 2 (rank 2) on host host2, in phase sleep: ")
}

// meetOnce makes a barrier of all, after which the hub knows their phases.
func meetOnce(t *testing.T, s *Session, kids []*kid) {
	t.Helper()
	for _, k := range kids {
		fmt.Fprintln(k.in)
	}
	if s != nil {
		if err := barrier(s); err != nil {
			t.Error(err)
		}
	}
	for _, k := range kids {
		k.says(t, "<nil>")
	}
}

func TestStopped(t *testing.T) {
	t.Parallel()
	s, kids := family(t, 3, 3*time.Second)
	meetOnce(t, s, kids)
	if err := kids[1].Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	const says = "process 2 (rank 2) on host host2, in phase sleep: nothing came from it for 3s"
	contains(t, cause(t, s), says)
	// So it is for the others, and for itself when it goes on.
	if err := kids[1].Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for _, k := range kids {
		fmt.Fprintln(k.in)
		k.says(t, says)
	}
}

// Who stops the whole job, as a terminal does, and goes on, finds it alive.
func TestAllStopped(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for a timeout to pass twice")
	}
	const timeout = 2 * time.Second
	address := nobody(t)
	var kids []*kid
	for p := range 3 {
		kids = append(kids, spawn(t, p, 3, address, timeout))
	}
	for _, k := range kids {
		k.says(t, "<nil>")
	}
	meetOnce(t, nil, kids)
	for _, sig := range []os.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
		for _, k := range kids {
			if err := k.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
		}
		if sig == syscall.SIGSTOP {
			time.Sleep(2 * timeout)
		}
	}
	meetOnce(t, nil, kids)
}
