package rendezvous

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// A phase is known to others with the next exchange, or sign of life.
func inPhase(t *testing.T, sessions []*Session, phase string) {
	t.Helper()
	for _, s := range sessions {
		s.Phase(phase)
	}
	if err := errors.Join(together(sessions, barrier)...); err != nil {
		t.Fatal(err)
	}
}

func TestMemberDies(t *testing.T) {
	sessions := job(t, 4)
	inPhase(t, sessions, "dispatch")
	sessions[2].links[0].conn.Close()
	blames(t, without(sessions, 2), 2, "process 2 (rank 2) on host host2, in phase dispatch: it ended without a goodbye: EOF")
	contains(t, barrier(sessions[1]), `rendezvous: exchange "barrier": process 2 (rank 2)`)
}

func TestMemberIsReset(t *testing.T) {
	sessions := job(t, 3)
	conn := sessions[1].links[0].conn.(*net.TCPConn)
	_ = conn.SetLinger(0)
	conn.Close()
	blames(t, without(sessions, 1), 1, "connection reset by peer")
}

func TestMemberDiesInExchange(t *testing.T) {
	sessions, conn := rawJob(t, 3)
	time.AfterFunc(time.Millisecond, func() {
		_, _ = conn.Write(appendExchange(nil, 0, "barrier", make([]byte, 100))[:50])
		conn.Close()
	})
	for _, err := range together(sessions, barrier) {
		contains(t, err, "process 2 (rank 2) on host host2", "ended without a goodbye")
	}
	blames(t, sessions, 2)
}

func TestHubDies(t *testing.T) {
	sessions := job(t, 3)
	inPhase(t, sessions, "combine")
	_ = sessions[0].end(errors.New("killed"), nil) // and says nothing
	for _, s := range sessions[1:] {
		err := cause(t, s)
		var pe *PeerError
		if !errors.As(err, &pe) || pe.Process != 0 {
			t.Errorf("process %d learns %v", s.Process(), err)
		}
		contains(t, err, "process 0 (rank 0) on host host0, in phase combine")
	}
}

func TestSilentMember(t *testing.T) {
	t.Parallel()
	sessions, conn := rawJob(t, 3, func(c *Config) { c.Timeout = 2 * time.Second })
	_, _ = conn.Write(appendBeat(nil, "dispatch"))
	blames(t, sessions, 2, "in phase dispatch: nothing came from it for 2s")
	// It is told as well, should it wake up.
	if payload := await(t, conn, 3, kindFail); !strings.Contains(string(payload), "nothing came from it") {
		t.Errorf("%q", payload)
	}
}

// A member is quiet for long, but not silent.
func TestQuietMember(t *testing.T) {
	t.Parallel()
	const timeout = 2 * time.Second
	sessions := job(t, 3, func(c *Config) { c.Timeout = timeout })
	time.Sleep(2 * timeout) // the time that is passing is what is tested
	if err := errors.Join(together(sessions, barrier)...); err != nil {
		t.Error(err)
	}
}

func TestSilentHub(t *testing.T) {
	t.Parallel()
	l := listen(t, "127.0.0.1:0")
	var conn net.Conn
	hub := make(chan struct{})
	go func() {
		defer close(hub)
		conn = rawHub(t, l)
		_, _ = conn.Write(welcomeFrame(500*time.Millisecond, []Peer{{"rank 0", "host0"}, {"rank 1", "host1"}}))
	}()
	s, err := Join(context.Background(), config(l, 1, 2)) // the hub's timeout is that of all
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	<-hub
	defer conn.Close()
	blames(t, []*Session{s}, 0, "nothing came from it for 500ms")
}

// A member that says it is alive, but takes nothing of what it is sent.
func TestMemberTakesNothing(t *testing.T) {
	sessions, conn := rawJob(t, 2, func(c *Config) { c.Timeout = time.Second })
	_ = conn.(*net.TCPConn).SetReadBuffer(1)
	_, _ = conn.Write(appendExchange(nil, 0, "big", nil))
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for tick := time.NewTicker(50 * time.Millisecond); ; <-tick.C {
			if _, err := conn.Write(appendBeat(nil, "big")); err != nil {
				return
			}
		}
	}()
	_, err := sessions[0].Exchange(context.Background(), "big", make([]byte, MaxBlob))
	contains(t, err, "process 1 (rank 1)", "it has taken nothing for 1s")
	if err := sessions[0].Close(); err != nil {
		t.Error(err)
	}
	conn.Close()
	<-gone
}

func TestFail(t *testing.T) {
	for p := range 3 {
		sessions := job(t, 3)
		sessions[p].Phase("check")
		why := errors.New("3 tokens are wrong")
		sessions[p].Fail(why)
		sessions[p].Fail(errors.New("and another thing"))
		if err := cause(t, sessions[p]); err != why {
			t.Errorf("process %d: its own end is by %v", p, err)
		}
		blames(t, without(sessions, p), p, "in phase check: 3 tokens are wrong")
		if err := sessions[p].Close(); err != nil {
			t.Error(err)
		}
	}
}

// Others learn as much as a frame holds, whatever the error.
func TestFailWithMuch(t *testing.T) {
	sessions := job(t, 3)
	sessions[1].Phase(strings.Repeat("p", 1000))
	sessions[1].Fail(errors.New(strings.Repeat("e", 1<<20)))
	for _, s := range []*Session{sessions[0], sessions[2]} {
		var pe *PeerError
		if err := cause(t, s); !errors.As(err, &pe) || len(pe.Err.Error()) != maxMessage || len(pe.Phase) != MaxName {
			t.Errorf("%.300v", err)
		}
	}
	sessions = job(t, 2)
	sessions[0].Fail(nil)
	contains(t, cause(t, sessions[1]), "it gave up")
}

// The first failure that the hub learns of is everybody's.
func TestManyFail(t *testing.T) {
	sessions := job(t, 7)
	_ = together(sessions[1:], func(s *Session) error {
		s.Fail(errors.New("all at once"))
		return nil
	})
	err := cause(t, sessions[0])
	contains(t, err, "all at once")
	for _, s := range sessions[1:] {
		contains(t, cause(t, s), "all at once")
	}
}

func TestGoodbye(t *testing.T) {
	sessions := job(t, 3)
	if err := errors.Join(together(sessions, barrier)...); err != nil {
		t.Fatal(err)
	}
	if err := sessions[1].Close(); err != nil {
		t.Error(err)
	}
	if err := cause(t, sessions[1]); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	// Nobody waits for it, so nobody minds.
	<-sessions[0].links[1].done
	for _, s := range without(sessions, 1) {
		if err := context.Cause(s.Context()); err != nil {
			t.Errorf("process %d: %v", s.Process(), err)
		}
	}
	// Until somebody does.
	errs := together(without(sessions, 1), barrier)
	for _, err := range errs {
		contains(t, err, "process 1 (rank 1) on host host1: has left, but process", `in exchange "barrier"`)
	}
	if !errors.Is(errs[0], ErrLeft) {
		t.Error(errs[0])
	}
}

func TestGoodbyeWhileOthersWait(t *testing.T) {
	sessions, conn := rawJob(t, 3)
	errs := make(chan error, 2)
	for _, s := range sessions {
		go func() { errs <- barrier(s) }()
	}
	time.AfterFunc(time.Millisecond, func() { _, _ = conn.Write(seal(begin(nil, kindBye), 0)) })
	for range 2 {
		contains(t, <-errs, "process 2 (rank 2) on host host2: has left, but process")
	}
}

func TestHubLeaves(t *testing.T) {
	sessions := job(t, 3)
	waits := make(chan error)
	go func() { waits <- barrier(sessions[1]) }()
	arrived(sessions[0], 1)
	if err := sessions[0].Close(); err != nil {
		t.Error(err)
	}
	err := <-waits
	contains(t, err, `process 0 (rank 0) on host host0: has left, but process 1 waits for it in exchange "barrier"`)
	if !errors.Is(err, ErrLeft) {
		t.Error(err)
	}
	<-sessions[2].links[0].done
	if err := context.Cause(sessions[2].Context()); err != nil {
		t.Errorf("who did not wait has failed: %v", err)
	}
	if err := barrier(sessions[2]); !errors.Is(err, ErrLeft) {
		t.Error(err)
	}
}

func TestAllClose(t *testing.T) {
	for range 20 {
		for _, err := range together(job(t, 4), func(s *Session) error {
			return errors.Join(barrier(s), s.Close(), s.Close())
		}) {
			if err != nil {
				t.Error(err)
			}
		}
	}
}

func TestCloseEndsExchange(t *testing.T) {
	for p := range 2 {
		sessions := job(t, 2)
		waits := make(chan error)
		go func() { waits <- barrier(sessions[p]) }()
		time.AfterFunc(time.Millisecond, func() { sessions[p].Close() })
		if err := <-waits; !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	}
}

// A member that has proved the secret may still be broken.
func TestWrongFrames(t *testing.T) {
	exchange := appendExchange(nil, 0, "barrier", nil)
	for name, said := range map[string][]byte{
		"kind":      {99, 0, 0, 0, 0},
		"length":    {kindBye, 1, 0, 0, 0, 0},
		"refuse":    refuseFrame("no"),
		"welcome":   welcomeFrame(time.Second, make([]Peer, 3)),
		"result":    appendResult(nil, 0, make([][]byte, 3)),
		"twice":     append(exchange, exchange...),
		"number":    appendExchange(nil, 7, "barrier", nil),
		"fail":      {kindFail, 1, 0, 0, 0, 0},
		"beat":      {kindBeat, 1, 0, 0, 0, 0},
		"of nobody": failFrame(&PeerError{Process: 3, Err: errors.New("x")}),
	} {
		sessions, conn := rawJob(t, 3)
		_, _ = conn.Write(said)
		blames(t, sessions, 2, errFrame.Error())
		conn.Close()
		closeAll(sessions)
		if t.Failed() {
			t.Fatalf("of a wrong %s", name)
		}
	}
}

// What a member thinks of the hub does not make the hub the culprit.
func TestMemberBlamesHub(t *testing.T) {
	sessions, conn := rawJob(t, 3)
	_, _ = conn.Write(failFrame(&PeerError{Process: 0, Name: "rank 0", Host: "host0", Err: errors.New("nothing came from it")}))
	blames(t, sessions, 2, "it gave up: process 0 (rank 0) on host host0: nothing came from it")
	if errors.Is(cause(t, sessions[0]), ErrLost) { // which ends, too: no error is in itself
		t.Error("the hub has lost nobody")
	}
}

func TestAfterGoodbye(t *testing.T) {
	sessions, conn := rawJob(t, 3)
	_, _ = conn.Write(appendExchange(seal(begin(nil, kindBye), 0), 0, "barrier", nil))
	_, _ = io.Copy(io.Discard, conn) // until the hub has hung up
	if err := context.Cause(sessions[0].Context()); err != nil {
		t.Error(err)
	}
}

func TestPhaseAndFailConcurrently(t *testing.T) {
	sessions := job(t, 3, func(c *Config) { c.Timeout = 4 * time.Second })
	var wg sync.WaitGroup
	for _, s := range sessions {
		wg.Go(func() {
			for range 1000 {
				s.Phase("a")
				s.Phase("b")
				_ = s.Peers()
			}
		})
		wg.Go(func() { _ = barrier(s) })
	}
	wg.Go(func() { sessions[1].Fail(errors.New("x")) })
	wg.Go(func() { sessions[1].Fail(errors.New("y")) })
	wg.Wait()
	contains(t, cause(t, sessions[0]), "process 1")
}
