package rendezvous

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func TestJoin(t *testing.T) {
	for _, n := range []int{1, 2, 7} {
		for p, s := range job(t, n) {
			if s.Process() != p || s.Processes() != n || len(s.Peers()) != n {
				t.Errorf("process %d of %d is %d of %d, with peers %v", p, n, s.Process(), s.Processes(), s.Peers())
			}
			for q, peer := range s.Peers() {
				if c := rawClaim(q, n); peer != c.peer {
					t.Errorf("process %d takes process %d for %v", p, q, peer)
				}
			}
			if err := context.Cause(s.Context()); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestAlone(t *testing.T) {
	s, err := Join(context.Background(), Config{Processes: 1})
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := s.Exchange(context.Background(), "all", []byte("mine"))
	if err != nil || len(blobs) != 1 || string(blobs[0]) != "mine" {
		t.Errorf("%q, %v", blobs, err)
	}
	host, _ := os.Hostname()
	if s.Peers()[0].Host != host {
		t.Errorf("the host is %q, not %q", s.Peers()[0].Host, host)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if _, err := s.Exchange(context.Background(), "all", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestIPv6(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no IPv6 loopback: %v", err)
	}
	sessions, errs := meet(context.Background(), config(l, 0, 2), config(l, 1, 2))
	defer closeAll(sessions)
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(together(sessions, barrier)...); err != nil {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	good := Config{Process: 1, Processes: 2, Address: "127.0.0.1:1", Secret: secret}
	for says, change := range map[string]func(*Config){
		"0 processes":       func(c *Config) { c.Processes = 0 },
		"-1 of":             func(c *Config) { c.Process = -1 },
		"process 2 of 2":    func(c *Config) { c.Process = 2 },
		"no secret":         func(c *Config) { c.Secret = []byte{} },
		"no address":        func(c *Config) { c.Address = "" },
		"name of 257 bytes": func(c *Config) { c.Name = strings.Repeat("n", 257) },
		"timeout of -1":     func(c *Config) { c.Timeout = -1 },
		"has a listener":    func(c *Config) { c.Listener = listen(t, "127.0.0.1:0") },
		"cannot listen":     func(c *Config) { c.Process, c.Address = 0, "203.0.113.1:1" }, // an address of nobody
	} {
		c := good
		change(&c)
		s, err := Join(context.Background(), c)
		contains(t, err, says)
		if s != nil {
			t.Errorf("%s: a session", says)
		}
	}
}

// Members may start long before process 0, and at an address that is its own.
func TestMembersFirst(t *testing.T) {
	address := nobody(t)
	tried := make(chan struct{})
	go func() {
		defer close(tried)
		time.Sleep(3 * firstBackoff) // any time will do
	}()
	sessions, errs := make(chan *Session, 2), make(chan error, 2)
	for p := range 2 {
		go func() {
			if p == 0 {
				<-tried
			}
			s, err := Join(context.Background(), Config{Process: p, Processes: 2, Address: address, Secret: secret, Timeout: long})
			sessions <- s
			errs <- err
		}()
	}
	both := []*Session{<-sessions, <-sessions}
	defer closeAll(both)
	if err := errors.Join(<-errs, <-errs); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", address); err == nil {
		t.Error("process 0 still listens after all have joined")
	}
}

func TestTooFew(t *testing.T) {
	t.Parallel()
	l := listen(t, "127.0.0.1:0")
	quick := func(p int) Config {
		c := config(l, p, 8)
		c.Timeout = time.Second
		return c
	}
	sessions, errs := meet(context.Background(), quick(0), quick(1), quick(2), quick(4))
	for i, err := range errs {
		if sessions[i] != nil {
			t.Errorf("session %d of a job that is not complete", i)
		}
		contains(t, err, "processes 3, 5 to 7 of 8 did not join within 1s at "+l.Addr().String())
		if i > 0 && !errors.Is(err, ErrRefused) {
			t.Errorf("member: %v", err)
		}
	}
}

func TestNobodyListens(t *testing.T) {
	c := Config{Process: 1, Processes: 2, Address: nobody(t), Secret: secret, Timeout: 100 * time.Millisecond}
	_, err := Join(context.Background(), c)
	contains(t, err, "process 1", c.Address, "within 100ms", "refused", "see whether process 0 runs")
}

func TestJoinIsCancelled(t *testing.T) {
	why := errors.New("the user went home")
	t.Run("before", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(why)
		l := listen(t, "127.0.0.1:0")
		_, errs := meet(ctx, config(l, 0, 2), config(l, 1, 2))
		for _, err := range errs {
			if !errors.Is(err, why) {
				t.Error(err)
			}
		}
	})
	t.Run("hub", func(t *testing.T) {
		l := listen(t, "127.0.0.1:0")
		ctx, cancel := context.WithCancelCause(context.Background())
		go func() {
			conn := raw(t, l, rawClaim(1, 3))
			cancel(why)
			readFrame(conn, 3)
			conn.Close()
		}()
		_, err := Join(ctx, config(l, 0, 3))
		if !errors.Is(err, why) {
			t.Error(err)
		}
		contains(t, err, "of 3 did not join before process 0 gave up")
	})
	t.Run("dialling", func(t *testing.T) {
		c := Config{Process: 1, Processes: 2, Address: nobody(t), Secret: secret}
		ctx, cancel := context.WithCancelCause(context.Background())
		time.AfterFunc(firstBackoff, func() { cancel(why) })
		if _, err := Join(ctx, c); !errors.Is(err, why) {
			t.Error(err)
		}
	})
	t.Run("proving", func(t *testing.T) {
		l := listen(t, "127.0.0.1:0") // which accepts, and answers nothing
		ctx, cancel := context.WithCancelCause(context.Background())
		time.AfterFunc(firstBackoff, func() { cancel(why) })
		if _, err := Join(ctx, config(l, 1, 2)); !errors.Is(err, why) {
			t.Error(err)
		}
	})
	t.Run("waiting", func(t *testing.T) {
		l := listen(t, "127.0.0.1:0")
		ctx, cancel := context.WithCancelCause(context.Background())
		go func() {
			conn := rawHub(t, l)
			cancel(why)
			io.Copy(io.Discard, conn)
		}()
		if _, err := Join(ctx, config(l, 1, 3)); !errors.Is(err, why) {
			t.Error(err)
		}
	})
}

// A hub that is no more, or has no verdict.
func TestHubFailsDuringJoin(t *testing.T) {
	t.Parallel()
	for says, play := range map[string]func(net.Conn){
		"ended before all had joined":        func(c net.Conn) { c.Close() },
		"did not say within 500ms":           func(c net.Conn) { io.Copy(io.Discard, c) },
		"a damaged welcome":                  func(c net.Conn) { c.Write(welcomeFrame(time.Second, make([]Peer, 2))) },
		"a damaged  welcome":                 func(c net.Conn) { c.Write(welcomeFrame(-1, make([]Peer, 3))) },
		"in place of a welcome":              func(c net.Conn) { c.Write(appendBeat(nil, "x")) },
		"not of this protocol: a frame":      func(c net.Conn) { c.Write([]byte("\x00\x00\x00\x00\x00")) },
		"refused by process 0: nobody likes": func(c net.Conn) { c.Write(refuseFrame("nobody likes you")) },
	} {
		l := listen(t, "127.0.0.1:0")
		played := make(chan struct{})
		go func() {
			defer close(played)
			conn := rawHub(t, l)
			defer conn.Close()
			play(conn)
			io.Copy(io.Discard, conn)
		}()
		c := config(l, 1, 3)
		c.Timeout = 500 * time.Millisecond
		_, err := Join(context.Background(), c)
		contains(t, err, strings.ReplaceAll(says, "  ", " "), "process 0 at "+c.Address)
		<-played
	}
}

func TestIsLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:29500": true, "127.8.8.8:1": true, "[::1]:0": true, "localhost:80": true, "LocalHost:80": true,
		"[::ffff:127.0.0.1]:1": true, "127.0.0.1": true, "::1": true, "[::1]": true, "localhost": true,
		"": false, ":29500": false, "0.0.0.0:1": false, "[::]:1": false, "10.0.0.1:1": false, "node1:29500": false,
		"localhost.example.com:1": false, "[fe80::1%eth0]:1": false, "127.0.0.1.nip.io:1": false, "nonsense:1:2": false,
	} {
		if IsLoopback(address) != want {
			t.Errorf("IsLoopback(%q) is %v", address, !want)
		}
	}
}

func TestList(t *testing.T) {
	for want, processes := range map[string][]int{
		"process 3":                 {3},
		"processes 3, 4":            {3, 4},
		"processes 3, 5 to 7":       {3, 5, 6, 7},
		"processes 0 to 2, 4, 5, 9": {0, 1, 2, 4, 5, 9},
		"processes 1, 3":            {1, 3},
	} {
		if got := list(processes); got != want {
			t.Errorf("%v are %q, not %q", processes, got, want)
		}
	}
}
