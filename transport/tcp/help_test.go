package tcp

import (
	"bytes"
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/drivertest"
)

// patience is more than anything here takes, and soon is a timeout that is to pass, but
// not while a connection is opened.
const (
	patience = 20 * time.Second
	soon     = 500 * time.Millisecond
)

var secret = []byte("a secret of a test")

// memory is a segment between guards.
type memory struct{ whole []byte }

const (
	guard     = 0xA5
	guardSize = 4096
)

func guarded(size int) memory {
	m := memory{bytes.Repeat([]byte{guard}, size+2*guardSize)}
	clear(m.Bytes())
	return m
}

func (m memory) Bytes() []byte {
	end := len(m.whole) - guardSize
	return m.whole[guardSize:end:end]
}

func (m memory) Free() error { return nil }

// intact says whether nothing was written outside of the segment.
func (m memory) intact() bool {
	guards := bytes.Repeat([]byte{guard}, guardSize)
	return bytes.Equal(m.whole[:guardSize], guards) && bytes.Equal(m.whole[len(m.whole)-guardSize:], guards)
}

const segmentSize = 4 << 20

// listen makes a rank of a world with one segment and eight words.
func listen(t testing.TB, d driver.Driver, rank, size int, timeout time.Duration, hold bool) *transport.World {
	t.Helper()
	m, err := d.Alloc(segmentSize)
	must(t, err)
	w, err := transport.Listen(d, driver.Place{World: "test", Rank: rank, Size: size},
		&transport.Options{Segments: []driver.Memory{m}, Words: 8, Timeout: timeout, Hold: hold})
	must(t, err)
	t.Cleanup(func() {
		must(t, w.Close())
		must(t, m.Free())
	})
	return w
}

func connect(t testing.TB, worlds ...*transport.World) {
	t.Helper()
	var addrs [][]byte
	for _, w := range worlds {
		addrs = append(addrs, w.Address())
	}
	for _, w := range worlds {
		must(t, w.Connect(addrs))
	}
}

// pair is two ranks as two processes have them: each of a driver value of its own.
func pair(t testing.TB, d0, d1 driver.Driver, timeout time.Duration) (w0, w1 *transport.World) {
	t.Helper()
	w0, w1 = listen(t, d0, 0, 2, timeout, false), listen(t, d1, 1, 2, timeout, false)
	connect(t, w0, w1)
	return w0, w1
}

// process is a driver value of a job that has the secret.
func process(streams int) *Driver { return New(Config{Secret: secret, Streams: streams}) }

func open(t testing.TB, w *transport.World, peer, index int) *transport.Channel {
	t.Helper()
	c, err := w.Channel(peer, index)
	must(t, err)
	return c
}

// wait is a Wait that must succeed.
func wait(t testing.TB, w *transport.World, word int, atLeast uint64) {
	t.Helper()
	must(t, w.Wait(context.Background(), word, atLeast))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// says checks that an error says all of this.
func says(t testing.TB, err error, all ...string) {
	t.Helper()
	for _, want := range all {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v; it must say %q", err, want)
		}
	}
}

// lines keeps what a driver logs.
type lines struct {
	n   atomic.Int64 // in all
	new chan string
}

func newLines() *lines { return &lines{new: make(chan string, 100)} }

func (l *lines) log(line string) {
	l.n.Add(1)
	l.new <- line
}

// next is the next line that is logged.
func (l *lines) next(t testing.TB) string {
	t.Helper()
	select {
	case line := <-l.new:
		return line
	case <-time.After(patience):
		t.Fatal("nothing is logged")
		return ""
	}
}

// noLeaks is drivertest.NoLeaks, where there may not have been a socket before.
func noLeaks(t testing.TB) {
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close() // the first socket of a process opens more than itself
	}
	drivertest.NoLeaks(t)
}

func skipWithoutIPv6(t testing.TB) {
	t.Helper()
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6 loopback: %v", err)
	}
	l.Close()
}
