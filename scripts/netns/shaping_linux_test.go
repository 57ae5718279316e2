package netns_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	// carried is the part of a rate that TCP's payload gets: 1448 bytes of the 1514 of
	// a packet at an MTU of 1500.
	carried = 1448.0 / 1514
	piece   = 8 << 20 // bytes between two looks at the clock
	pieces  = 3       // after one that does not count
)

// first has what is timed run before other programs, such as tests of other packages:
// they slow down a link that waits for a core.
var first = []string{"nice", "-n", "-20"}

// stream is a role: process 0 sends to, or receives from, all others at once, a
// connection each, and prints the rates of pieces in Gbit/s.
func stream(send bool) error {
	if os.Getenv("COMMBENCH_RANK") != "0" {
		c, err := dial(os.Getenv("COMMBENCH_RENDEZVOUS"))
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err = move(c, !send, func(int) bool { return true }); errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
			return nil // process 0 has what it needs
		}
		return err
	}
	l, err := net.Listen("tcp", os.Getenv("COMMBENCH_RENDEZVOUS"))
	if err != nil {
		return err
	}
	defer l.Close()
	world, err := strconv.Atoi(os.Getenv("COMMBENCH_WORLD"))
	if err != nil {
		return err
	}
	var total atomic.Int64
	var at [pieces + 1]time.Time // each is written by who completes that piece
	ends := make(chan error)
	for range world - 1 {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			_, err := move(c, send, func(n int) bool {
				now := total.Add(int64(n))
				if i := now/piece - 1; i != (now-int64(n))/piece-1 && i < int64(len(at)) {
					at[i] = time.Now()
				}
				return now < int64(len(at))*piece
			})
			ends <- errors.Join(err, c.Close())
		}()
	}
	for range world - 1 {
		err = errors.Join(err, <-ends)
	}
	for i := range pieces {
		fmt.Println(piece * 8 / at[i+1].Sub(at[i]).Seconds() / 1e9)
	}
	return err
}

// move sends or receives for as long as more, which is told the bytes, says so.
func move(c net.Conn, send bool, more func(n int) bool) (n int, err error) {
	// A buffer of the socket that grows would take bytes faster than the link does.
	if err := c.(*net.TCPConn).SetWriteBuffer(512 << 10); err != nil {
		return 0, err
	}
	part := c.Read
	if send {
		part = c.Write
	}
	b := make([]byte, 64<<10)
	for {
		if n, err = part(b); err != nil || !more(n) {
			return n, err
		}
	}
}

// dial waits for the other side to listen.
func dial(addr string) (net.Conn, error) {
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		c, err := net.DialTimeout("tcp", addr, patient)
		if err == nil || !errors.Is(err, syscall.ECONNREFUSED) || time.Since(began) > patient {
			return c, err
		}
	}
}

// TestShaping holds the script to the rate: of a pair, of a node that sends to two
// (its own device), and of a node that receives from two (the switch's port).
func TestShaping(t *testing.T) {
	for _, c := range []struct {
		what, role string
		nodes      int
	}{{"one to one", "send", 2}, {"one to two", "send", 3}, {"two to one", "receive", 3}} {
		t.Run(c.what, func(t *testing.T) {
			name := up(t, "--nodes", strconv.Itoa(c.nodes), "--rate", "1gbit")
			again(t, func() error {
				rates := streamed(t, name, c.role)
				t.Logf("goodput at 1gbit, %s: %.4f Gbit/s (%.4f is what the packets carry)", c.what, rates, carried)
				if slices.Sort(rates); math.Abs(rates[pieces/2]/carried-1) > 0.1 {
					return fmt.Errorf("a link of 1 Gbit/s carries %.3f Gbit/s, want %.3f within 10 %%; see tc -s -n NAMESPACE qdisc", rates[pieces/2], carried)
				}
				return nil
			})
			down(t, name)
		})
	}
}

// streamed are the rates that process 0 of the cluster sees, in Gbit/s.
func streamed(t *testing.T, cluster, as string) []float64 {
	t.Helper()
	args := slices.Concat([]string{"exec", "--name", cluster, "--"}, first, []string{self(t)})
	out, errs, code := run(t, []string{role + "=" + as}, args...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	var rates []float64
	for text := range strings.FieldsSeq(out) {
		rate, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		rates = append(rates, rate)
	}
	if len(rates) != pieces {
		t.Fatalf("%q: want %d rates", out, pieces)
	}
	return rates
}

// again takes a measurement until it is as it must be, five times at most: other
// load on the cores bends a time, but does not make a wrong one right.
func again(t *testing.T, measure func() error) {
	t.Helper()
	for i := range 5 {
		err := measure()
		switch {
		case err == nil:
			return
		case i == 4:
			t.Errorf("%v, and this is the fifth try: is the machine idle?", err)
		default:
			t.Logf("once more: %v", err)
		}
	}
}
