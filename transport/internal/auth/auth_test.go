package auth_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/commbench/commbench/transport/internal/auth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	purpose = "control"
	soon    = 10 * time.Second // more than any handshake takes
)

var secret = []byte("a secret of a test")

// pair is a connection: a real one, or one with no buffer at all, where each side
// waits for the other to read.
type pair func(t *testing.T) (client, server net.Conn)

var pairs = map[string]pair{"pipe": pipe, "tcp": loopback}

func pipe(t *testing.T) (net.Conn, net.Conn) {
	c, s := net.Pipe()
	t.Cleanup(func() { c.Close(); s.Close() })
	return c, s
}

func loopback(t *testing.T) (net.Conn, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	return c, s
}

type side struct {
	secret  []byte
	purpose string
}

// shake runs both sides, each of which closes its connection if it fails.
func shake(c, s net.Conn, client, server side, hello []byte) (got []byte, clientErr, serverErr error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		got, serverErr = auth.Server(s, server.secret, server.purpose, time.Now().Add(soon))
		if serverErr != nil {
			s.Close()
		}
	}()
	if clientErr = auth.Client(c, client.secret, client.purpose, hello, time.Now().Add(soon)); clientErr != nil {
		c.Close()
	}
	<-done
	return got, clientErr, serverErr
}

func TestHandshake(t *testing.T) {
	good := side{secret, purpose}
	for name, conns := range pairs {
		for _, size := range []int{0, 1, 100, auth.MaxHello} {
			c, s := conns(t)
			hello := bytes.Repeat([]byte{7}, size)
			got, cerr, serr := shake(c, s, good, good, hello)
			if cerr != nil || serr != nil || !bytes.Equal(got, hello) {
				t.Fatalf("%s, hello of %d bytes: client: %v, server: %v, %d bytes", name, size, cerr, serr, len(got))
			}
			// Not a byte more was read than the handshake has.
			go c.Write([]byte("after"))
			after := make([]byte, 5)
			if _, err := io.ReadFull(s, after); err != nil || string(after) != "after" {
				t.Errorf("%s: after the handshake came %q, %v", name, after, err)
			}
		}
	}
}

func TestDeadlineIsGoneAfterwards(t *testing.T) {
	c, s := loopback(t)
	deadline := time.Now().Add(200 * time.Millisecond)
	served := make(chan error, 1)
	go func() {
		_, err := auth.Server(s, secret, purpose, deadline)
		served <- err
	}()
	cerr := auth.Client(c, secret, purpose, nil, deadline)
	if serr := <-served; errors.Is(cerr, os.ErrDeadlineExceeded) || errors.Is(serr, os.ErrDeadlineExceeded) {
		t.Skipf("this machine is too busy: %v, %v", cerr, serr)
	} else if cerr != nil || serr != nil {
		t.Fatal(cerr, serr)
	}
	time.AfterFunc(time.Until(deadline)+50*time.Millisecond, func() { c.Write([]byte{1}) })
	if _, err := s.Read(make([]byte, 1)); err != nil {
		t.Errorf("a read over the deadline of the handshake: %v", err)
	}
}

func TestMismatch(t *testing.T) {
	for _, tt := range []struct {
		name           string
		client, server side
		want           error
		says           string
	}{
		{"secret", side{[]byte("another"), purpose}, side{secret, purpose}, auth.ErrSecret, "different"},
		{"longer secret", side{append(secret, 0), purpose}, side{secret, purpose}, auth.ErrSecret, "different"},
		{"purpose", side{secret, "data"}, side{secret, purpose}, auth.ErrProtocol, `"data"`},
		{"both", side{[]byte("another"), "data"}, side{secret, purpose}, auth.ErrProtocol, `"control"`},
	} {
		for name, conns := range pairs {
			c, s := conns(t)
			got, cerr, serr := shake(c, s, tt.client, tt.server, []byte("hello"))
			for _, err := range []error{cerr, serr} {
				if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%s over %s: client: %v, server: %v; want both to be %v", tt.name, name, cerr, serr, tt.want)
				}
			}
			if got != nil {
				t.Errorf("%s over %s: a hello was returned: %q", tt.name, name, got)
			}
		}
	}
}

func TestRefusedArguments(t *testing.T) {
	later := time.Now().Add(soon)
	for name, tt := range map[string]struct {
		secret   []byte
		purpose  string
		hello    int
		deadline time.Time
	}{
		"no secret":    {nil, purpose, 0, later},
		"empty secret": {[]byte{}, purpose, 0, later},
		"no purpose":   {secret, "", 0, later},
		"long purpose": {secret, strings.Repeat("p", auth.MaxPurpose+1), 0, later},
		"no deadline":  {secret, purpose, 0, time.Time{}},
		"long hello":   {secret, purpose, auth.MaxHello + 1, later},
	} {
		c, s := pipe(t)
		if err := auth.Client(c, tt.secret, tt.purpose, make([]byte, tt.hello), tt.deadline); err == nil {
			t.Errorf("%s: the client took it", name)
		}
		if tt.hello > 0 {
			continue
		}
		if _, err := auth.Server(s, tt.secret, tt.purpose, tt.deadline); err == nil {
			t.Errorf("%s: the server took it", name)
		}
	}
}

// served is what Server makes of a peer that is played by f and then hangs up.
func served(t *testing.T, deadline time.Duration, f func(net.Conn)) error {
	t.Helper()
	c, s := loopback(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(c)
	}()
	hello, err := auth.Server(s, secret, purpose, time.Now().Add(deadline))
	s.Close()
	<-done
	if err == nil || hello != nil {
		t.Errorf("the server took it: %q, %v", hello, err)
	}
	return err
}

// dialled is the same for Client.
func dialled(t *testing.T, deadline time.Duration, f func(net.Conn)) error {
	t.Helper()
	c, s := loopback(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(s)
	}()
	err := auth.Client(c, secret, purpose, []byte("hello"), time.Now().Add(deadline))
	c.Close()
	<-done
	if err == nil {
		t.Error("the client took it")
	}
	return err
}

// saying is a peer that says this and waits.
func saying(b []byte) func(net.Conn) {
	return func(c net.Conn) {
		c.Write(b)
		io.Copy(io.Discard, c)
	}
}

// sayingAll is one that says this and no more.
func sayingAll(b []byte) func(net.Conn) {
	return func(c net.Conn) {
		c.Write(b)
		c.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c)
	}
}

func TestSomethingElse(t *testing.T) {
	for _, text := range []string{"GET / HTTP/1.1\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "\x16\x03\x01", "\x00", "commb", "commbench/1"} {
		say := sayingAll([]byte(text))
		for end, err := range map[string]error{"server": served(t, soon, say), "client": dialled(t, soon, say)} {
			want := auth.ErrProtocol
			if text == "commb" { // so far it is right
				want = io.ErrUnexpectedEOF
			}
			if !errors.Is(err, want) {
				t.Errorf("%s, of a peer that says %q: %v; want %v", end, text, err, want)
			}
		}
	}
}

// A peer that says little and waits is recognised at once if that is wrong.
func TestSomethingElseWaits(t *testing.T) {
	say := saying([]byte("EHLO"))
	if err := served(t, soon, say); !errors.Is(err, auth.ErrProtocol) {
		t.Errorf("server: %v", err)
	}
	if err := dialled(t, soon, say); !errors.Is(err, auth.ErrProtocol) {
		t.Errorf("client: %v", err)
	}
}

func TestSilentPeer(t *testing.T) {
	hush := func(c net.Conn) { io.Copy(io.Discard, c) }
	for end, err := range map[string]error{
		"server": served(t, 50*time.Millisecond, hush),
		"client": dialled(t, 50*time.Millisecond, hush),
	} {
		if !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "did not answer") {
			t.Errorf("%s: %v", end, err)
		}
	}
}

// A peer that sends a byte now and then gets no more time for it.
func TestSlowPeer(t *testing.T) {
	opening, _ := record(t)
	err := served(t, 100*time.Millisecond, func(c net.Conn) {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for _, b := range opening {
			<-tick.C
			if _, err := c.Write([]byte{b}); err != nil {
				return
			}
		}
	})
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}

// broken says whether an error is that of a connection that ended.
func broken(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
