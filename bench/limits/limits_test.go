package limits

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/commbench/commbench/transport/shm"
)

// What the test binary is told to be when a test starts it again.
const (
	asPeer  = "limits-peer"         // the other process
	asDead  = "limits-peer-dies"    // one that ends when it is connected
	asMute  = "limits-peer-is-mute" // one that ends and has said nothing
	asWrong = "limits-peer-is-wrong"
)

func TestMain(m *testing.M) {
	if len(os.Args) != 2 {
		goleak.VerifyTestMain(m)
		return
	}
	switch os.Args[1] {
	case asPeer:
		if err := Peer(context.Background(), shm.New(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case asDead:
		ctx, cancel := context.WithCancelCause(context.Background())
		in := &counting{}
		in.after = func() { cancel(fmt.Errorf("unwell")) }
		fmt.Fprintln(os.Stderr, Peer(ctx, shm.New(), in, os.Stdout))
		os.Exit(7)
	case asMute:
		fmt.Fprintln(os.Stderr, "cannot begin")
		os.Exit(3)
	case asWrong:
		fmt.Println("this is no address")
		_, _ = io.Copy(io.Discard, os.Stdin)
	default:
		goleak.VerifyTestMain(m)
	}
}

// counting is a standard input that tells when a measurement is asked for.
type counting struct {
	lines int
	after func()
}

func (c *counting) Read(b []byte) (int, error) {
	n, err := os.Stdin.Read(b[:1])
	if n == 1 && b[0] == '\n' {
		c.lines++
	} else if c.lines == 2 && n == 1 {
		c.after()
	}
	return n, err
}

// fake is a clock that advances by a step with each look.
func fake(step time.Duration) func() time.Duration {
	now := time.Duration(0)
	return func() time.Duration {
		now += step
		return now
	}
}

func crew(t testing.TB, n int) *Crew {
	c := Threads(n)
	t.Cleanup(c.Close)
	return c
}

// regions are rows that each hold their own number, with gaps of 0xee.
func regions(block, stride int, rows ...int) (all [][]byte) {
	id := byte(1)
	for _, n := range rows {
		r := make([]byte, max(0, (n-1)*stride+block))
		for i := range r {
			r[i] = 0xee
		}
		for i := range n {
			for j := range block {
				r[i*stride+j] = id
			}
			id++
		}
		all = append(all, r)
	}
	return all
}

// blank are regions of the same measures that hold nothing.
func blank(block, stride int, rows ...int) [][]byte {
	all := regions(block, stride, rows...)
	for _, r := range all {
		clear(r)
	}
	return all
}
