package rendezvous

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// blob is that of a process in a round: of any size, and like no other.
func blob(process, round, size int) []byte {
	unit := fmt.Appendf(nil, "process %d round %d ", process, round)
	return bytes.Repeat(unit, size/len(unit)+1)[:size]
}

func TestExchange(t *testing.T) {
	sizes := []int{0, 1, 3, 100, header, small - 1, small + 1, readAhead, 2*writePart + 3}
	if testing.Short() {
		sizes[len(sizes)-1] = 3*small + 1
	}
	for _, n := range []int{1, 2, 7} {
		sessions := job(t, n)
		for _, err := range together(sessions, func(s *Session) error {
			for round, size := range sizes {
				// In some rounds all have the same, in others some have nothing.
				of := func(p int) []byte { return blob(p, round, size*(p+round)%(size+1)) }
				got, err := s.Exchange(context.Background(), fmt.Sprint("round ", round), of(s.Process()))
				if err != nil {
					return err
				}
				for p := range n {
					if !bytes.Equal(got[p], of(p)) {
						return fmt.Errorf("round %d: process %d has %d bytes of process %d that are not its", round, s.Process(), len(got[p]), p)
					}
					// The result is the caller's, to change and to append to.
					got[p] = append(got[p], 1)
					clear(got[p])
				}
			}
			return nil
		}) {
			if err != nil {
				t.Errorf("%d processes: %v", n, err)
			}
		}
	}
}

func TestManyRounds(t *testing.T) {
	rounds := 2000
	if testing.Short() {
		rounds = 200
	}
	if err := errors.Join(together(job(t, 4), func(s *Session) error {
		for i := range rounds {
			mine := binary.LittleEndian.AppendUint32(nil, uint32(i+s.Process()))
			s.Phase(fmt.Sprint("round ", i))
			got, err := s.Exchange(context.Background(), "round", mine)
			if err != nil {
				return err
			}
			for p, b := range got {
				if binary.LittleEndian.Uint32(b) != uint32(i+p) {
					return fmt.Errorf("round %d: process %d says %x", i, p, b)
				}
			}
		}
		return nil
	})...); err != nil {
		t.Error(err)
	}
}

func TestLargest(t *testing.T) {
	if testing.Short() {
		t.Skip("moves 128 MiB")
	}
	sessions := job(t, 2)
	if err := errors.Join(together(sessions, func(s *Session) error {
		got, err := s.Exchange(context.Background(), "largest", make([]byte, MaxBlob))
		if err == nil && (len(got[0]) != MaxBlob || len(got[1]) != MaxBlob) {
			err = errors.New("too few bytes")
		}
		return err
	})...); err != nil {
		t.Error(err)
	}
}

// What cannot be sent is refused, and no harm is done.
func TestTooLarge(t *testing.T) {
	sessions := job(t, 2)
	for _, s := range sessions {
		_, err := s.Exchange(context.Background(), "huge", make([]byte, MaxBlob+1))
		contains(t, err, `exchange "huge": 33554433 bytes`)
		if _, err := s.Exchange(context.Background(), strings.Repeat("w", MaxWhat+1), nil); err == nil {
			t.Error("a long name was taken")
		}
	}
	if err := errors.Join(together(sessions, barrier)...); err != nil {
		t.Error(err)
	}
}

func TestDifferentExchanges(t *testing.T) {
	for odd := range 4 {
		sessions := job(t, 4)
		errs := together(sessions, func(s *Session) error {
			what := "check"
			if s.Process() == odd {
				what = "dispatch"
			}
			_, err := s.Exchange(context.Background(), what, nil)
			return err
		})
		for p, err := range errs {
			contains(t, err, `"check"`, `"dispatch"`, "same order", "process ")
			var pe *PeerError
			if !errors.As(err, &pe) || err.Error() == "" {
				t.Errorf("process %d: %v", p, err)
			}
			if first := cause(t, sessions[0]); cause(t, sessions[p]).Error() != first.Error() {
				t.Errorf("process %d learns %v, and process 0 %v", p, cause(t, sessions[p]), first)
			}
		}
	}
}

func TestDifferentExchangesByName(t *testing.T) {
	sessions, conn := rawJob(t, 3)
	errs := make(chan error, 2)
	for _, s := range sessions {
		go func() {
			_, err := s.Exchange(context.Background(), "check", nil)
			errs <- err
		}()
	}
	// The two are there for certain once the raw member's own part is answered.
	_, _ = conn.Write(appendExchange(nil, 0, "check", nil))
	await(t, conn, 3, kindResult)
	if err := errors.Join(<-errs, <-errs); err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Write(appendExchange(appendBeat(nil, "warm-up"), 1, "dispatch", nil))
	arrived(sessions[0], 1)
	_, err := sessions[0].Exchange(context.Background(), "check", nil)
	contains(t, err, "process 0 (rank 0) on host host0", `it is at exchange "check" while process 2 is at "dispatch"`)
	contains(t, cause(t, sessions[1]), "process 0 (rank 0) on host host0", `it is at exchange "check" while process 2 is at "dispatch"`)
}

// arrived returns when n processes are in the hub's round.
func arrived(hub *Session, n int) {
	for {
		hub.mu.Lock()
		count := hub.round.count
		hub.mu.Unlock()
		if count == n {
			return
		}
		runtime.Gosched()
	}
}

func TestOneAtATime(t *testing.T) {
	sessions := job(t, 2)
	first := make(chan error)
	go func() { first <- barrier(sessions[1]) }()
	arrived(sessions[0], 1)
	contains(t, barrier(sessions[1]), "another one of this process is under way")
	if err := errors.Join(barrier(sessions[0]), <-first); err != nil {
		t.Error(err)
	}
}

func TestExchangeIsCancelled(t *testing.T) {
	for p := range 3 {
		for _, early := range []bool{true, false} {
			sessions := job(t, 3)
			sessions[p].Phase("check")
			ctx, cancel := context.WithCancelCause(context.Background())
			why := errors.New("interrupted")
			if early {
				cancel(why)
			} else {
				go cancel(why)
			}
			_, err := sessions[p].Exchange(ctx, "all", nil)
			if !errors.Is(err, why) {
				t.Errorf("process %d: %v", p, err)
			}
			if err := cause(t, sessions[p]); !errors.Is(err, why) {
				t.Errorf("process %d: its own end is by %v", p, err)
			}
			blames(t, without(sessions, p), p, `in phase check: gave up exchange "all": interrupted`)
		}
	}
}

func BenchmarkBarrier(b *testing.B) {
	for _, n := range []int{2, 4, 8} {
		b.Run(fmt.Sprint("processes=", n), func(b *testing.B) {
			sessions := job(b, n)
			b.ReportAllocs()
			b.ResetTimer()
			if err := errors.Join(together(sessions, func(s *Session) error {
				for range b.N {
					if err := barrier(s); err != nil {
						return err
					}
				}
				return nil
			})...); err != nil {
				b.Error(err)
			}
		})
	}
}
