package tcp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/internal/auth"
)

// logged is a pair whose second rank logs.
func logged(t testing.TB, timeout time.Duration) (w0, w1 *transport.World, log *lines, host string) {
	t.Helper()
	log = newLines()
	d := New(Config{Secret: secret, Streams: 2, Log: log.log})
	w0, w1 = pair(t, process(2), d, timeout)
	return w0, w1, log, d.Network().Address
}

func dial(t testing.TB, host string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", host)
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn
}

// ends checks that the other side ends a connection, and says no more than its opening.
func ends(t testing.TB, conn net.Conn) {
	t.Helper()
	said, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) || len(said) > 100 {
		t.Errorf("the hub says %d bytes, and then: %v", len(said), err)
	}
}

// Who knows another secret, or none, is refused, and learns why from his own side.
func TestWrongSecret(t *testing.T) {
	noLeaks(t)
	for name, config := range map[string]Config{
		"another": {Secret: []byte("another secret")},
		"none":    {},
		"longer":  {Secret: append([]byte("a secret of a test"), 0)},
	} {
		log := newLines()
		w0, w1 := pair(t, New(config), New(Config{Secret: secret, Log: log.log}), patience)
		_, err := w0.Channel(1, 0)
		if !errors.Is(err, auth.ErrSecret) {
			t.Errorf("%s: %v", name, err)
		}
		says(t, err, "open: ", "rank 0, to rank 1 on channel 0", "connection 1 of 4 to 127.0.0.1:", "wrong secret", "given different ones")
		if line := log.next(t); !strings.Contains(line, "tcp: refused a connection from 127.0.0.1:") || !strings.Contains(line, "wrong secret") {
			t.Errorf("%s: logged is %q", name, line)
		}
		if w0.Fault() != nil || w1.Fault() != nil {
			t.Errorf("%s: who was refused is a fault: %v, %v", name, w0.Fault(), w1.Fault())
		}
	}
}

// Strangers are refused in bounded time and logged a few times, and others go on.
func TestStrangers(t *testing.T) {
	noLeaks(t)
	w0, w1, log, host := logged(t, soon)
	for name, first := range map[string]string{
		"HTTP": "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "one byte": "\n",
		"silence": "", "half an opening": "comm", "the magic": "commb\xc1\r\n",
	} {
		conn := dial(t, host)
		_, _ = io.WriteString(conn, first) // and nothing more: the hub must not wait for it
		ends(t, conn)
		line := log.next(t)
		if !strings.HasPrefix(line, fmt.Sprintf("tcp: refused a connection from %v to %s: ", conn.LocalAddr(), host)) {
			t.Errorf("%s: logged is %q", name, line)
		}
		if log.n.Load() == maxRefusalLogs {
			if !strings.HasSuffix(line, "; no more of this is reported") {
				t.Errorf("the last line is %q", line)
			}
			break
		}
	}
	for range 20 {
		conn := dial(t, host)
		_, _ = io.WriteString(conn, "hello?!\n")
		ends(t, conn)
	}
	if n := log.n.Load(); n != maxRefusalLogs {
		t.Errorf("%d lines were logged", n)
	}
	must(t, open(t, w0, 1, 0).Signal(0, 1))
	wait(t, w1, 0, 1)
	if w1.Fault() != nil {
		t.Errorf("strangers are a fault: %v", w1.Fault())
	}
}

// slowly writes a byte now and then: each before any time that a single read could be
// given, and all of them never.
func slowly(conn net.Conn, done <-chan struct{}) {
	tick := time.NewTicker(soon / 20)
	defer tick.Stop()
	for _, b := range []byte("commb\xc1\r\n" + strings.Repeat("x", 1000)) {
		select {
		case <-done:
			return
		case <-tick.C:
			if _, err := conn.Write([]byte{b}); err != nil {
				return
			}
		}
	}
}

func TestSlowLoris(t *testing.T) {
	noLeaks(t)
	_, _, log, host := logged(t, soon)
	start := time.Now()
	conn := dial(t, host)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		slowly(conn, done)
	}()
	line := log.next(t)
	close(done)
	<-ended
	if took := time.Since(start); took < soon || took > patience/2 {
		t.Errorf("it was refused after %v: %s", took, line)
	}
	ends(t, conn)
}

// Silent connections, more than are let in at once, do not keep a peer out.
func TestCrowd(t *testing.T) {
	noLeaks(t)
	w0, w1, log, host := logged(t, patience)
	const crowd = spareStrangers + 2 + 10 // there are two ranks
	var conns []net.Conn
	for range crowd {
		conns = append(conns, dial(t, host))
	}
	start := time.Now()
	c := open(t, w0, 1, 0)
	must(t, c.Signal(0, 1))
	wait(t, w1, 0, 1)
	if took := time.Since(start); took > patience/2 {
		t.Errorf("a peer had to wait for %v", took)
	}
	for _, conn := range conns[:crowd-spareStrangers-2] { // the oldest made room
		ends(t, conn)
	}
	if line := log.next(t); !strings.HasSuffix(line, "it proved nothing while many others came") {
		t.Errorf("logged is %q", line)
	}
	// The others do not keep the hub from closing.
	start = time.Now()
	must(t, w1.Close())
	if took := time.Since(start); took > patience/4 {
		t.Errorf("closing took %v", took)
	}
	ends(t, conns[crowd-1])
}

// An address of an earlier run, whose port another hub has now.
func TestStaleAddress(t *testing.T) {
	noLeaks(t)
	log := newLines()
	d := New(Config{Secret: secret, Log: log.log})
	w1 := listen(t, d, 1, 2, patience, false)
	now := d.Network().Address

	gone := process(1)
	old := listen(t, gone, 1, 2, patience, false)
	then := gone.Network().Address
	w0 := listen(t, detour{process(1), map[string]string{then: now}}, 0, 2, patience, false)
	must(t, w0.Connect([][]byte{w0.Address(), old.Address()}))
	must(t, old.Close())

	_, err := w0.Channel(1, 0)
	if !errors.Is(err, transport.ErrClosed) {
		t.Error(err)
	}
	says(t, err, "rank 0, to rank 1 on channel 0", now, "is the address of an earlier run?")
	if line := log.next(t); !strings.Contains(line, "it is for another process, which listened here before") {
		t.Errorf("logged is %q", line)
	}
	if w1.Fault() != nil {
		t.Errorf("a stale address is a fault: %v", w1.Fault())
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w1.Wait(ctx, 0, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a stale address ends a wait: %v", err)
	}
}

// Data connections and those of other services are told apart, though they have a secret.
func TestOtherPurpose(t *testing.T) {
	noLeaks(t)
	_, _, log, host := logged(t, patience)
	err := auth.Client(dial(t, host), secret, "control", nil, time.Now().Add(patience))
	if !errors.Is(err, auth.ErrProtocol) {
		t.Error(err)
	}
	if line := log.next(t); !strings.Contains(line, "was a port given twice?") {
		t.Errorf("logged is %q", line)
	}
	for _, greeting := range [][]byte{nil, []byte("hello"), make([]byte, helloSize+1)} {
		conn := dial(t, host)
		must(t, auth.Client(conn, secret, purpose, greeting, time.Now().Add(patience)))
		ends(t, conn)
		if line := log.next(t); !strings.Contains(line, fmt.Sprintf("a greeting of %d bytes", len(greeting))) {
			t.Errorf("logged is %q", line)
		}
	}
}
