package limits

import (
	"errors"
	"runtime"
	"testing"
	"time"
)

func loopback(t *testing.T, n int) *Loopback {
	t.Helper()
	l, err := NewLoopback(n, "")
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skipf("no sockets of this kind on %s", runtime.GOOS)
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLoopback(t *testing.T) {
	l := loopback(t, 3)
	for _, n := range []int{1, 3, 2} {
		rate, err := l.Measure(n, time.Millisecond)
		if err != nil || rate <= 0 {
			t.Errorf("%d connections: %v GB/s, %v", n, rate, err)
		}
		for i := range n {
			if got := l.conns[i].bytes; got < message || got%message != 0 {
				t.Errorf("connection %d of %d received %d bytes", i, n, got)
			}
			if in, out := l.conns[i].in, l.conns[i].out; string(in) != string(out) {
				t.Errorf("connection %d of %d received other bytes than were sent", i, n)
			}
		}
	}
	for _, n := range []int{0, 4} {
		if _, err := l.Measure(n, time.Millisecond); !errors.Is(err, ErrShape) {
			t.Errorf("%d of 3 connections: %v", n, err)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	for _, n := range []int{0, maxConnections + 1} {
		if _, err := NewLoopback(n, ""); !errors.Is(err, ErrShape) {
			t.Errorf("%d connections: %v", n, err)
		}
	}
}

// Rows go from their sources to their targets, and nowhere else.
func TestLoopbackCarriesRows(t *testing.T) {
	const block, stride, rows = 100, 112, 40
	l := loopback(t, 2)
	defer l.Close()
	from, to := make([]byte, rows*stride), make([]byte, rows*stride)
	for i := range from {
		from[i] = byte(i%stride) + 1
	}
	if err := l.Carry(Copy{Block: block, Stride: stride, Sources: [][]byte{from}, Targets: [][]byte{to}}); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{2, 1} {
		rate, err := l.Measure(n, 5*time.Millisecond)
		if err != nil || rate <= 0 {
			t.Errorf("%d connections: %v GB/s, %v", n, rate, err)
		}
		for i := range n {
			if got := l.conns[i].bytes; got < rowsAtOnce*block || got%(rowsAtOnce*block) != 0 {
				t.Errorf("connection %d of %d received %d bytes", i, n, got)
			}
		}
	}
	for i, b := range to {
		if want := byte(i%stride) + 1; i%stride < block && b != want && b != 0 || i%stride >= block && b != 0 {
			t.Fatalf("byte %d is %d", i, b)
		}
	}
	if to[0] == 0 && to[stride] == 0 {
		t.Error("nothing arrived")
	}
	if err := l.Carry(Copy{Block: 10 * rows * stride, Stride: 10 * rows * stride, Sources: [][]byte{from}, Targets: [][]byte{to}}); !errors.Is(err, ErrShape) {
		t.Errorf("blocks that are larger than all: %v", err)
	}
}

// A connection that breaks ends the measurement on both sides.
func TestLoopbackBreaks(t *testing.T) {
	for _, side := range []string{"sender", "receiver"} {
		l := loopback(t, 2)
		if side == "sender" {
			l.conns[1].sender.close()
		} else {
			l.conns[1].receiver.close()
		}
		began := time.Now()
		if _, err := l.Measure(2, time.Millisecond); err == nil {
			t.Errorf("%s: no error", side)
		}
		if took := time.Since(began); took >= patience {
			t.Errorf("%s: it took %v to notice", side, took)
		}
		if err := l.Close(); err != nil {
			t.Errorf("%s: %v", side, err)
		}
	}
}

func TestLoopbackAllocatesNothing(t *testing.T) {
	if race {
		t.Skip("the race detector allocates")
	}
	l := loopback(t, 1)
	if n := testing.AllocsPerRun(5, func() {
		if _, err := l.Measure(1, time.Millisecond); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations in a measurement", n)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
