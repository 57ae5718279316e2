//go:build unix

package iovec_test

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/commbench/commbench/transport/internal/iovec"
)

// pair is two ends of a stream that do not block.
func pair(t *testing.T) (a, b int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if err := unix.SetNonblock(fd, true); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
	}
	return fds[0], fds[1]
}

// Blocks of all sizes go through, cut wherever the kernel cuts them, into blocks of
// other sizes.
func TestEveryCut(t *testing.T) {
	a, b := pair(t)
	var sent, got []byte
	var out, in iovec.Vec
	for _, n := range []int{1, 0, 7, 4096, 3, 1 << 20, 5} {
		block := bytes.Repeat([]byte{byte(n)}, n)
		sent = append(sent, block...)
		out.Add(block)
	}
	got = make([]byte, len(sent))
	for rest, n := got, 1; len(rest) > 0; n = 3*n + 1 {
		n = min(n, len(rest))
		in.Add(rest[:n])
		rest = rest[n:]
	}
	for written, read := false, false; !read; {
		if !written {
			n, err := out.Write(a)
			if err != nil && !errors.Is(err, unix.EAGAIN) {
				t.Fatal(err)
			}
			written = out.Take(n)
		}
		n, err := in.Read(b)
		if err != nil && !errors.Is(err, unix.EAGAIN) {
			t.Fatal(err)
		}
		read = in.Take(n)
	}
	if !bytes.Equal(sent, got) {
		t.Error("what arrived is not what was sent")
	}
	if _, err := in.Read(b); err != nil {
		t.Errorf("nothing to read into: %v", err)
	}
}

func TestEnds(t *testing.T) {
	a, b := pair(t)
	var in iovec.Vec
	in.Add(make([]byte, 8))
	if _, err := in.Read(b); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("nothing there: %v", err)
	}
	if err := unix.Shutdown(a, unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	if n, err := in.Read(b); n != 0 || err != nil {
		t.Errorf("at the end: %d, %v", n, err)
	}
	in.Reset()
	if in.Len() != 0 || !in.Take(0) {
		t.Error("after Reset there are blocks")
	}
}

// More blocks than one call takes.
func TestMany(t *testing.T) {
	a, b := pair(t)
	var out, in iovec.Vec
	want := make([]byte, 3*iovec.Max)
	for i := range want {
		want[i] = byte(i)
		out.Add(want[i : i+1])
	}
	got := make([]byte, len(want))
	in.Add(got)
	for done := false; !done; {
		n, err := out.Write(a)
		if err != nil {
			t.Fatal(err)
		}
		done = out.Take(n)
		if n, err = in.Read(b); err != nil {
			t.Fatal(err)
		}
		in.Take(n)
	}
	if !bytes.Equal(got, want) {
		t.Error("blocks were lost or changed places")
	}
}

func TestNothingIsAllocated(t *testing.T) {
	a, b := pair(t)
	var out, in iovec.Vec
	x, y := make([]byte, 100), make([]byte, 50)
	if n := testing.AllocsPerRun(100, func() {
		out.Reset()
		in.Reset()
		out.Add(x)
		in.Add(y)
		in.Add(y)
		if n, err := out.Write(a); n != 100 || err != nil {
			t.Fatal(n, err)
		}
		if n, err := in.Read(b); n < 50 || err != nil {
			t.Fatal(n, err)
		} else if !in.Take(n) {
			in.Read(b)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
