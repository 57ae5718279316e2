package rendezvous

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/commbench/commbench/transport/internal/auth"
)

// joining is a job of n of which only process 0 has come.
type joining struct {
	net.Listener
	log  *lines
	n    int
	hub  *Session
	err  error
	done chan struct{}
}

func begins(t *testing.T, n int) *joining {
	t.Helper()
	j := &joining{Listener: listen(t, "127.0.0.1:0"), log: newLines(), n: n, done: make(chan struct{})}
	c := config(j.Listener, 0, n)
	c.Log = j.log.log
	go func() {
		defer close(j.done)
		j.hub, j.err = Join(context.Background(), c)
	}()
	return j
}

// complete has all others join: nothing that came before has disturbed them.
func (j *joining) complete(t *testing.T) {
	t.Helper()
	sessions, errs := meet(context.Background(), configs(j.Listener, 1, j.n-1, j.n)...)
	<-j.done
	sessions = append(sessions, j.hub)
	defer closeAll(sessions)
	if err := errors.Join(append(errs, j.err)...); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(together(sessions, barrier)...); err != nil {
		t.Error(err)
	}
}

func TestWrongSecret(t *testing.T) {
	j := begins(t, 3)
	c := config(j.Listener, 1, 3)
	c.Secret = []byte("of another job")
	_, err := Join(context.Background(), c)
	if !errors.Is(err, ErrSecret) {
		t.Errorf("process 1 with the secret of another job: %v", err)
	}
	contains(t, err, "process 1, to process 0 at "+j.Addr().String())
	j.log.wait(t, 1)
	if s := j.log.text(); !strings.Contains(s, "refused a connection from 127.0.0.1:") || !strings.Contains(s, "wrong secret") {
		t.Errorf("logged: %s", s)
	}
	j.complete(t)
}

// Who is refused reads why.
func TestRefused(t *testing.T) {
	j := begins(t, 3)
	for says, cl := range map[string]claim{
		"process 2 (rank 2) on host host2 was started for 4 processes, and process 0 for 3": rawClaim(2, 4),
		"process 0 (rank 0) on host host0: members of 3 processes are 1 to 2":               rawClaim(0, 3),
		"process 3 (rank 3) on host host3: members of 3":                                    rawClaim(3, 3),
	} {
		refusal(t, raw(t, j.Listener, cl), says)
	}
	if _, err := Join(context.Background(), config(j.Listener, 2, 5)); !errors.Is(err, ErrRefused) {
		t.Errorf("a process of 5: %v", err)
	} else {
		contains(t, err, "started for 5 processes", "process 0 at "+j.Addr().String())
	}
	j.complete(t)
}

// refusal reads one, of a job of 3.
func refusal(t *testing.T, conn net.Conn, says string) {
	t.Helper()
	kind, payload, err := readFrame(conn, 3)
	if err != nil || kind != kindRefuse || !strings.Contains(string(payload), says) {
		t.Errorf("frame %d, %q, %v; want a refusal that says %q", kind, payload, err, says)
	}
}

// Of two with the same number one has the place, and gives it back.
func TestSameNumberTwice(t *testing.T) {
	j := begins(t, 3)
	twins := []net.Conn{raw(t, j.Listener, rawClaim(1, 3)), raw(t, j.Listener, rawClaim(1, 3))}
	second := make(chan int, 2)
	for i, conn := range twins {
		go func() {
			var b [1]byte
			_, _ = conn.Read(b[:])
			second <- i
			if b[0] != kindRefuse {
				return // it has the place, until the test closes it
			}
			_, _ = io.Copy(io.Discard, conn)
		}()
	}
	i := <-second
	j.log.wait(t, 1)
	if s := j.log.text(); !strings.Contains(s, "process 1 (rank 1) on host host1 comes second: process 1 (rank 1) on host host1 has joined, from 127.") {
		t.Errorf("logged: %s", s)
	}
	twins[1-i].Close()
	<-second
	j.log.wait(t, 1)
	if s := j.log.text(); !strings.Contains(s, "process 1 (rank 1) on host host1 joined and went away") {
		t.Errorf("logged: %s", s)
	}
	j.complete(t)
}

func TestStrangersDuringJoin(t *testing.T) {
	j := begins(t, 4)
	// More of those who say nothing than may wait at once.
	for range spareFlights + 20 {
		knock(t, j.Listener)
	}
	for _, text := range []string{"", "\x00", "GET / HTTP/1.1\r\n\r\n", strings.Repeat("garbage", 1000)} {
		conn := knock(t, j.Listener)
		_, _ = io.WriteString(conn, text)
		_ = conn.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, conn)
	}
	// One who speaks, but slowly.
	slow := knock(t, j.Listener)
	_, _ = slow.Write([]byte("com"))
	// One who proves the secret for another purpose, and one who claims nothing that can be read.
	conn := knock(t, j.Listener)
	if err := auth.Client(conn, secret, "data", nil, time.Now().Add(long)); !errors.Is(err, auth.ErrProtocol) {
		t.Errorf("a proof for data: %v", err)
	}
	conn = knock(t, j.Listener)
	if err := auth.Client(conn, secret, purpose, []byte("me"), time.Now().Add(long)); err != nil {
		t.Error(err)
	}
	if kind, _, err := readFrame(conn, 4); kind != kindRefuse || err != nil {
		t.Errorf("frame %d, %v in place of a refusal", kind, err)
	}
	// One who has a place and talks too early.
	conn = raw(t, j.Listener, rawClaim(2, 4))
	_, _ = conn.Write(appendBeat(nil, "early"))
	_, _ = io.Copy(io.Discard, conn)

	j.complete(t)
	j.log.wait(t, maxLines+1)
	if s := j.log.text(); strings.Count(s, "\n") != maxLines || !strings.Contains(s, "more like these") || !strings.Contains(s, "dropped the oldest") {
		t.Errorf("it must log %d lines and their number:\n%s", maxLines, s)
	}
}

// The reason why a member is missing may be that it was refused.
func TestMissingAndRefused(t *testing.T) {
	t.Parallel()
	l := listen(t, "127.0.0.1:0")
	hub, member := config(l, 0, 2), config(l, 1, 2)
	hub.Timeout = 500 * time.Millisecond
	member.Secret = []byte("of another job")
	_, errs := meet(context.Background(), hub, member)
	if !errors.Is(errs[1], ErrSecret) {
		t.Error(errs[1])
	}
	contains(t, errs[0], "process 1 of 2 did not join within 500ms", "wrong secret")
}

// busy is a listener on a system that has no file descriptor free at first.
type busy struct {
	net.Listener
	errs chan error
}

func (b busy) Accept() (net.Conn, error) {
	select {
	case err := <-b.errs:
		return nil, err
	default:
		return b.Listener.Accept()
	}
}

func TestAcceptFails(t *testing.T) {
	l := busy{listen(t, "127.0.0.1:0"), make(chan error, 2)}
	l.errs <- syscall.EMFILE
	l.errs <- syscall.EMFILE
	sessions, errs := meet(context.Background(), config(l, 0, 2), config(l, 1, 2))
	closeAll(sessions)
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	l.errs <- net.ErrClosed // by somebody else
	_, err := Join(context.Background(), config(l, 0, 3))
	contains(t, err, "processes 1, 2 of 3 did not join before its listener failed")
}
