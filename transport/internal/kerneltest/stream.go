package kerneltest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/commbench/commbench/transport/isa"
)

// Stream is an implementation of block.Stream.
type Stream func(dst, src []byte)

const (
	// maxBytes is the longest copy of tests that try all lengths: two blocks more
	// than the longest unroll, which is 256 bytes, with a head, a tail and a rest.
	maxBytes = 3*256 + 130
	margin   = 128 // guard bytes on either side
	guard    = 0xa5
)

// require skips what cannot run here, but not if that very instruction set is
// forced.
func require(tb testing.TB, i isa.ISA) {
	tb.Helper()
	if forced := os.Getenv(isa.Env); forced == i.String() && isa.Check() != nil {
		tb.Fatal(isa.Check())
	}
	if !isa.Has(i) {
		tb.Skipf("no %v in this CPU or this build", i)
	}
}

// RunStream tests the implementation for an instruction set: every length, at
// every alignment of the target and several of the source, copies all bytes and
// no other.
func RunStream(t *testing.T, i isa.ISA, stream Stream) {
	require(t, i)
	rng := rand.New(rand.NewPCG(1, 2))
	src := make([]byte, maxBytes+64)
	for i := range src {
		src[i] = byte(rng.Uint32())
	}
	room := make([]byte, maxBytes+64+2*margin)
	for n := range maxBytes + 1 {
		at := 1
		if n > 300 && testing.Short() {
			at = 7
		}
		for to := 0; to < 64; to += at {
			for _, from := range []int{0, 1, to, 63} {
				check(t, stream, room, src[from:from+n:from+n], to)
			}
		}
	}
	if n := testing.AllocsPerRun(10, func() { stream(room, src) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func check(t *testing.T, stream Stream, room, src []byte, to int) {
	t.Helper()
	used := room[:len(src)+to+2*margin]
	for i := range used {
		used[i] = guard
	}
	dst := used[margin+to : margin+to+len(src)]
	stream(dst, src)
	if !bytes.Equal(dst, src) {
		t.Fatalf("%d bytes to %d past a line: not copied", len(src), to)
	}
	for i, b := range used {
		if inside := i >= margin+to && i < margin+to+len(src); !inside && b != guard {
			t.Fatalf("%d bytes to %d past a line: wrote at %d", len(src), to, i-margin-to)
		}
	}
}

// BenchStream times the implementation beside copy, for blocks of a token's size
// from and to random places, in targets that fit in a cache and in ones that do
// not. The sources are out of cache.
func BenchStream(b *testing.B, i isa.ISA, stream Stream) {
	require(b, i)
	for _, block := range []int{1024, 7392, 14336} {
		for _, mib := range []int{1, 4, 16, 64, 256, 1024} {
			for _, c := range []struct {
				name string
				copy Stream
			}{{"copy", func(dst, src []byte) { copy(dst, src) }}, {"stream", stream}} {
				b.Run(fmt.Sprintf("block=%d/target=%dMiB/%s", block, mib, c.name), func(b *testing.B) {
					from, to := touched(256<<20), touched(mib<<20)
					x := uint64(1)
					next := func(n int) int {
						x = x*6364136223846793005 + 1442695040888963407
						return int(x>>33) % n
					}
					b.SetBytes(int64(block))
					for b.Loop() {
						s, d := next(len(from)/block)*block, next(len(to)/block)*block
						c.copy(to[d:d+block], from[s:s+block])
					}
				})
			}
		}
	}
}

func touched(n int) []byte {
	m := make([]byte, n)
	for i := 0; i < n; i += 4096 {
		m[i] = 1
	}
	return m
}
