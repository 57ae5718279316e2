package rendezvous

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/commbench/commbench/transport/internal/auth"
)

// child is what this process does if it is one, see process_test.go.
var child func()

func TestMain(m *testing.M) {
	if child != nil {
		child()
		return
	}
	goleak.VerifyTestMain(m)
}

const long = 30 * time.Second // more than anything here takes

var secret = []byte("a secret of a test")

func listen(t testing.TB, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// nobody is an address at which nobody listens, nor will anybody but the caller.
func nobody(t testing.TB) string {
	t.Helper()
	// Other tests have ports of 127.0.0.1. Some systems have no other address.
	l, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 1+rand.N(254), rand.N(256), 1+rand.N(254)))
	if err != nil {
		l = listen(t, "127.0.0.1:0")
	}
	l.Close()
	return l.Addr().String()
}

// config is that of process p of n, by a listener that process 0 has.
func config(l net.Listener, p, n int) Config {
	c := Config{Process: p, Processes: n, Name: fmt.Sprintf("rank %d", p), Host: fmt.Sprintf("host%d", p),
		Address: l.Addr().String(), Secret: secret, Timeout: long}
	if p == 0 {
		c.Listener, c.Address = l, ""
	}
	return c
}

// configs are those of processes first to last of n, all changed in the same way.
func configs(l net.Listener, first, last, n int, change ...func(*Config)) []Config {
	var all []Config
	for p := first; p <= last; p++ {
		c := config(l, p, n)
		for _, f := range change {
			f(&c)
		}
		all = append(all, c)
	}
	return all
}

// meet joins the processes whose configurations are given, all at once.
func meet(ctx context.Context, configs ...Config) ([]*Session, []error) {
	sessions, errs := make([]*Session, len(configs)), make([]error, len(configs))
	var wg sync.WaitGroup
	for i, c := range configs {
		wg.Go(func() { sessions[i], errs[i] = Join(ctx, c) })
	}
	wg.Wait()
	return sessions, errs
}

// job is n processes that have joined. They are closed after the test.
func job(t testing.TB, n int, change ...func(*Config)) []*Session {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	sessions, errs := meet(context.Background(), configs(l, 0, n-1, n, change...)...)
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll(sessions) })
	return sessions
}

func closeAll(sessions []*Session) {
	_ = together(sessions, func(s *Session) error {
		if s == nil {
			return nil
		}
		return s.Close()
	})
}

// together calls f for each of the processes at once, and returns its errors.
func together(sessions []*Session, f func(*Session) error) []error {
	errs := make([]error, len(sessions))
	var wg sync.WaitGroup
	for i, s := range sessions {
		wg.Go(func() { errs[i] = f(s) })
	}
	wg.Wait()
	return errs
}

func barrier(s *Session) error {
	_, err := s.Exchange(context.Background(), "barrier", nil)
	return err
}

// cause waits for the end of a session.
func cause(t *testing.T, s *Session) error {
	t.Helper()
	select {
	case <-s.Context().Done():
		return context.Cause(s.Context())
	case <-time.After(long):
		t.Fatalf("process %d has not learned of the end", s.Process())
		return nil
	}
}

// blames checks that all sessions have ended by the same failure of a process.
func blames(t *testing.T, sessions []*Session, process int, says ...string) {
	t.Helper()
	for _, s := range sessions {
		err := cause(t, s)
		var pe *PeerError
		if !errors.As(err, &pe) || pe.Process != process || pe.Name != fmt.Sprintf("rank %d", process) || pe.Host != fmt.Sprintf("host%d", process) {
			t.Errorf("process %d learns %v; want a failure of process %d", s.Process(), err, process)
			continue
		}
		contains(t, err, says...)
		if first := cause(t, sessions[0]); err.Error() != first.Error() {
			t.Errorf("process %d learns %q, and process %d %q", s.Process(), err, sessions[0].Process(), first)
		}
	}
}

func contains(t *testing.T, err error, says ...string) {
	t.Helper()
	for _, want := range says {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; it must say %q", err, want)
		}
	}
}

func without(sessions []*Session, p int) []*Session {
	return slices.Delete(slices.Clone(sessions), p, p+1)
}

// knock is a connection on which nothing has been said yet.
func knock(t testing.TB, l net.Listener) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// raw is a member of which the test does the talking: it has proved the secret
// and claims a place.
func raw(t testing.TB, l net.Listener, cl claim) net.Conn {
	t.Helper()
	conn := knock(t, l)
	if err := auth.Client(conn, secret, purpose, cl.encode(), time.Now().Add(long)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// rawHub accepts one member in place of process 0.
func rawHub(t *testing.T, l net.Listener) net.Conn {
	conn, err := l.Accept()
	if err != nil {
		t.Error(err)
		return nil
	}
	if _, err := auth.Server(conn, secret, purpose, time.Now().Add(long)); err != nil {
		t.Error(err)
	}
	return conn
}

// await reads what a raw process of n is sent up to a frame of the kind.
func await(t *testing.T, conn net.Conn, n int, kind byte) (payload []byte) {
	t.Helper()
	for {
		got, payload, err := readFrame(conn, n)
		if err != nil {
			t.Fatal(err)
		}
		if got == kind {
			return payload
		}
	}
}

func rawClaim(p, n int) claim {
	return claim{p, n, Peer{fmt.Sprintf("rank %d", p), fmt.Sprintf("host%d", p)}}
}

// rawJob is a job of n in which the last process is raw, and has been welcomed.
func rawJob(t *testing.T, n int, change ...func(*Config)) ([]*Session, net.Conn) {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	var sessions []*Session
	var errs []error
	var wg sync.WaitGroup
	wg.Go(func() { sessions, errs = meet(context.Background(), configs(l, 0, n-2, n, change...)...) })
	conn := raw(t, l, rawClaim(n-1, n))
	if kind, _, err := readFrame(conn, n); kind != kindWelcome || err != nil {
		t.Fatalf("frame %d in place of a welcome: %v", kind, err)
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close() // or else Close waits for it
		closeAll(sessions)
	})
	return sessions, conn
}

// lines keeps what was logged.
type lines struct {
	mu  sync.Mutex
	all []string
	one chan struct{}
}

func newLines() *lines { return &lines{one: make(chan struct{}, 1<<10)} }

func (l *lines) log(s string) {
	l.mu.Lock()
	l.all = append(l.all, s)
	l.mu.Unlock()
	l.one <- struct{}{}
}

// wait returns when there are n lines more.
func (l *lines) wait(t *testing.T, n int) {
	t.Helper()
	for range n {
		select {
		case <-l.one:
		case <-time.After(long):
			t.Fatalf("too few lines: %q", l.text())
		}
	}
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "\n")
}
