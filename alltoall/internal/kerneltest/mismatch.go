package kerneltest

import (
	"math/rand/v2"
	"testing"

	"github.com/commbench/commbench/transport/isa"
)

// Mismatch is an implementation of kernel.Mismatch.
type Mismatch func(a, b []byte) int

// RunMismatch tests an implementation of kernel.Mismatch for an instruction set.
func RunMismatch(t *testing.T, i isa.ISA, mismatch Mismatch) {
	require(t, i)
	for _, c := range []struct {
		name string
		test func(*testing.T, Mismatch)
	}{
		{"Shapes", mismatchShapes},
		{"Pages", mismatchPages},
		{"Long", mismatchLong},
		{"Allocs", mismatchAllocs},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, mismatch) })
	}
}

// mismatchShapes tries every length and alignment. The bytes around a and b differ,
// which would show.
func mismatchShapes(t *testing.T, mismatch Mismatch) {
	data := rowsOf(rand.New(rand.NewPCG(19, 20)), 1, maxBytes)[0]
	var memory [2][]byte
	for i := range memory {
		memory[i] = make([]byte, len(guards))
	}
	step := 1
	if testing.Short() { // every length still, each at some alignments
		step = 13
	}
	for n := range maxBytes + 1 {
		for align := n % step; align < 64; align += step {
			a := placed(memory[0], margin+align, n, data)
			b := placed(memory[1], margin+(3*align+n)%64, n, data)
			for i := range memory[1] {
				memory[1][i] ^= 0xff
			}
			copy(b, data)
			everyPosition(t, mismatch, a, b, align%8)
		}
	}
}

// everyPosition compares a with b, which is equal, and again with each of b's bytes
// changed, alone and with those after it. a must stay, and b is as it was in the
// end.
func everyPosition(t *testing.T, mismatch Mismatch, a, b []byte, bit int) {
	t.Helper()
	if got := mismatch(a, b); got != -1 {
		t.Fatalf("%d bytes, equal: %d", len(a), got)
	}
	for i := range b {
		b[i] ^= 1 << bit
		if got := mismatch(a, b); got != i {
			t.Fatalf("%d bytes, bit %d of %d: %d", len(a), bit, i, got)
		}
		b[i] ^= 1 << bit
	}
	for i := len(b) - 1; i >= 0; i-- {
		b[i] ^= 1 << bit
		if got := mismatch(b, a); got != i {
			t.Fatalf("%d bytes, bit %d of %d and of all that follow: %d", len(a), bit, i, got)
		}
	}
	for i := range b {
		b[i] ^= 1 << bit
	}
}

// mismatchPages puts a and b at both ends of memory that has nothing before and
// after it, so that a stray access is a fault.
func mismatchPages(t *testing.T, mismatch Mismatch) {
	data := rowsOf(rand.New(rand.NewPCG(21, 22)), 1, maxBytes)[0]
	x, y := fenced(t), fenced(t)
	for n := range maxBytes + 1 {
		for _, at := range [][2]int{{0, 0}, {0, len(y) - n}, {len(x) - n, 0}, {len(x) - n, len(y) - n}} {
			a, b := x[at[0]:][:n:n], y[at[1]:][:n:n]
			copy(a, data)
			copy(b, data)
			everyPosition(t, mismatch, a, b, n%8)
		}
	}
}

// mismatchLong tries the usual length, with a few bytes that differ.
func mismatchLong(t *testing.T, mismatch Mismatch) {
	rng := rand.New(rand.NewPCG(23, 24))
	a := rowsOf(rng, 1, 14336)[0]
	for range 1000 {
		b := append([]byte(nil), a...)
		first := len(a)
		for range 1 + rng.IntN(3) {
			i := rng.IntN(len(a))
			b[i] = ^a[i]
			first = min(first, i)
		}
		if got := mismatch(a, b); got != first {
			t.Fatalf("%d, not %d", got, first)
		}
	}
	if got := mismatch(a, a); got != -1 {
		t.Fatalf("the same: %d", got)
	}
	if got := mismatch(nil, []byte{}); got != -1 {
		t.Fatalf("empty: %d", got)
	}
}

func mismatchAllocs(t *testing.T, mismatch Mismatch) {
	a, b := make([]byte, maxBytes), make([]byte, maxBytes)
	b[maxBytes-1] = 1
	if n := testing.AllocsPerRun(10, func() {
		mismatch(a, b)
		mismatch(a[:1], b[:1])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchMismatch times an implementation of kernel.Mismatch for an instruction set.
// Bytes are those of two equal rows, taken as BenchSum takes rows: any two are
// equal, since a row is a multiple of the 256 bytes after which numbers repeat.
func BenchMismatch(b *testing.B, i isa.ISA, mismatch Mismatch) {
	require(b, i)
	compare := func(dst []byte, rows [][]byte) {
		if i := mismatch(rows[0], rows[1]); i >= 0 {
			b.Fatalf("equal rows differ at %d", i)
		}
	}
	small := numbers(512 << 10)
	b.Run("cache=in", func(b *testing.B) { bench(b, compare, 2, small) })
	b.Run("cache=out", func(b *testing.B) { bench(b, compare, 2, pool()) })
}
