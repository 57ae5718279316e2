package kerneltest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/commbench/commbench/transport/isa"
)

// Sum is an implementation of kernel.Sum.
type Sum func(dst []byte, rows [][]byte)

// RunSum tests an implementation of kernel.Sum for an instruction set.
func RunSum(t *testing.T, i isa.ISA, sum Sum) {
	require(t, i)
	for _, c := range []struct {
		name string
		test func(*testing.T, Sum)
	}{
		{"Shapes", shapes},
		{"Pages", pages},
		{"OneRow", oneRow},
		{"Specials", specialRows},
		{"Random", random},
		{"Allocs", allocs},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, sum) })
	}
}

// require skips what cannot run here, but not if that very instruction set is
// forced. That nothing is missed without being forced is tested in package isa.
func require(tb testing.TB, i isa.ISA) {
	tb.Helper()
	if forced := os.Getenv(isa.Env); forced == i.String() && isa.Check() != nil {
		tb.Fatal(isa.Check())
	}
	if isa.Has(i) {
		return
	}
	tb.Skipf("no %v in this CPU or this build", i)
}

// Scalar is the definition of Sum, one value at a time.
func Scalar(dst []byte, rows [][]byte) {
	for i := 0; i < len(dst); i += 2 {
		var s float32
		for _, r := range rows {
			s += math.Float32frombits(uint32(binary.LittleEndian.Uint16(r[i:])) << 16)
		}
		binary.LittleEndian.PutUint16(dst[i:], round(s))
	}
}

func round(f float32) uint16 {
	if f != f {
		return 0x7fc0
	}
	b := math.Float32bits(f)
	low, high := uint16(b), uint16(b>>16)
	if low > 0x8000 || low == 0x8000 && high%2 == 1 {
		high++ // may carry into the exponent, and from the largest number to infinity
	}
	return high
}

const (
	maxRows = 10
	// maxBytes is the longest row of tests that try all lengths: two blocks more
	// than the longest block, which is 128 bytes, and a rest.
	maxBytes = 3*128 + 34
	margin   = 128 // guard bytes on either side
)

// shapes tries every length, number of rows and alignment. The bytes around rows
// are the largest number, which would show in a sum; those around dst must stay.
func shapes(t *testing.T, sum Sum) {
	rng := rand.New(rand.NewPCG(1, 2))
	memory := make([][]byte, maxRows+1)
	for i := range memory {
		memory[i] = make([]byte, len(guards))
	}
	data := rowsOf(rng, maxRows, maxBytes)
	want := make([]byte, maxBytes)
	for k := range maxRows + 1 {
		Scalar(want, data[:k])
		for n := 0; n <= maxBytes; n += 2 {
			for align := range 64 {
				dst := placed(memory[maxRows], margin+align, n, nil)
				rows := make([][]byte, k)
				for j := range rows {
					rows[j] = placed(memory[j], margin+(align+j*(1+align))%64, n, data[j])
				}
				sum(dst, rows)
				if !bytes.Equal(dst, want[:n]) {
					t.Fatalf("%d rows of %d bytes, dst at %d: value %d", k, n, align, different(dst, want))
				}
				for j := range rows {
					if !bytes.Equal(rows[j], data[j][:n]) {
						t.Fatalf("%d rows of %d bytes, dst at %d: wrote to row %d", k, n, align, j)
					}
				}
				if !guarded(memory[maxRows], margin+align, n) {
					t.Fatalf("%d rows of %d bytes, dst at %d: wrote around dst", k, n, align)
				}
			}
		}
	}
}

const guard = 0x7f

var guards = bytes.Repeat([]byte{guard}, margin+64+maxBytes+margin)

// placed fills memory with guards and puts the first n bytes of data at offset at.
func placed(memory []byte, at, n int, data []byte) []byte {
	copy(memory, guards)
	row := memory[at : at+n : at+n]
	if data != nil {
		copy(row, data)
	}
	return row
}

func guarded(memory []byte, at, n int) bool {
	return bytes.Equal(memory[:at], guards[:at]) && bytes.Equal(memory[at+n:], guards[at+n:])
}

// pages puts dst and rows at both ends of memory that has nothing before and
// after it, so that a stray access is a fault.
func pages(t *testing.T, sum Sum) {
	rng := rand.New(rand.NewPCG(3, 4))
	const k = 3
	var memory [k + 1][]byte
	for i := range memory {
		memory[i] = fenced(t)
	}
	data := rowsOf(rng, k, maxBytes)
	want := make([]byte, maxBytes)
	for k := range k + 1 {
		Scalar(want, data[:k])
		for n := 0; n <= maxBytes; n += 2 {
			for _, last := range []bool{false, true} {
				var rows [][]byte
				for j, m := range memory {
					if last {
						m = m[len(m)-n:]
					}
					rows = append(rows, m[:n:n])
					if j < len(data) {
						copy(rows[j], data[j])
					}
				}
				dst := rows[len(rows)-1]
				sum(dst, rows[:k])
				if !bytes.Equal(dst, want[:n]) {
					t.Fatalf("%d rows of %d bytes: value %d", k, n, different(dst, want))
				}
			}
		}
	}
}

// oneRow tries every value there is.
func oneRow(t *testing.T, sum Sum) { compare(t, sum, everyValue()) }

// specialRows tries every value with every special value, before and after it,
// and again with one more.
func specialRows(t *testing.T, sum Sum) {
	every := everyValue()
	for i, s := range specials {
		a, b := repeated(s, len(every)), repeated(specials[(i+7)%len(specials)], len(every))
		compare(t, sum, every, a)
		compare(t, sum, a, every)
		compare(t, sum, a, every, b)
	}
}

// random tries many rows of all kinds of values, in the usual length.
func random(t *testing.T, sum Sum) {
	rng := rand.New(rand.NewPCG(5, 6))
	for k := range maxRows + 1 {
		for range 3 {
			compare(t, sum, rowsOf(rng, k, 14336)...)
		}
	}
}

func allocs(t *testing.T, sum Sum) {
	rows := rowsOf(rand.New(rand.NewPCG(7, 8)), 3, maxBytes)
	dst := make([]byte, maxBytes)
	if n := testing.AllocsPerRun(10, func() {
		for k := range rows {
			sum(dst, rows[:k])
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func compare(t *testing.T, sum Sum, rows ...[]byte) {
	t.Helper()
	n := 14336
	if len(rows) > 0 {
		n = len(rows[0])
	}
	got, want := bytes.Repeat([]byte{guard}, n), make([]byte, n)
	sum(got, rows)
	Scalar(want, rows)
	if bytes.Equal(got, want) {
		return
	}
	i := different(got, want)
	var addends []string
	for _, r := range rows {
		addends = append(addends, fmt.Sprintf("%04x", binary.LittleEndian.Uint16(r[2*i:])))
	}
	t.Fatalf("value %d: sum of %v is %04x, not %04x", i, addends, binary.LittleEndian.Uint16(got[2*i:]), binary.LittleEndian.Uint16(want[2*i:]))
}

// different is the index of the first value of got that is not wanted.
func different(got, want []byte) int {
	i := 0
	for i < len(got) && got[i] == want[i] {
		i++
	}
	return i / 2
}

// specials are values at which something changes.
var specials = []uint16{
	0x0000, 0x8000, // zeros
	0x0001, 0x8001, 0x0002, 0x007f, 0x807f, // denormals
	0x0080, 0x8080, 0x0081, // least normal numbers
	0x3f80, 0xbf80, 0x3f81, 0xbf81, 0x3f82, 0x3fff, // 1 and what follows: ties with what is 256 times less
	0x3b80, 0xbb80, 0x3b81, 0x3c00, 0x4380, 0xc381, // the other side of such ties
	0x7f7f, 0xff7f, 0x7f7e, 0x7b80, 0xfb80, 0x7b7f, // largest numbers and half their last place
	0x7f80, 0xff80, // infinities
	0x7fc0, 0xffc0, 0x7fff, 0xffff, 0x7fc1, // quiet NaNs
	0x7f81, 0xff81, 0x7fbf, 0xffbf, 0x7fa0, // signalling NaNs
}

func everyValue() []byte {
	row := make([]byte, 0, 2<<16)
	for v := range 1 << 16 {
		row = binary.LittleEndian.AppendUint16(row, uint16(v))
	}
	return row
}

func repeated(v uint16, n int) []byte {
	return bytes.Repeat([]byte{byte(v), byte(v >> 8)}, n/2)
}

// rowsOf makes k rows of n bytes: numbers around 1, whose sums are often halfway
// between two values, special values and any bits at all.
func rowsOf(rng *rand.Rand, k, n int) [][]byte {
	rows := make([][]byte, k)
	for j := range rows {
		for range n / 2 {
			v := uint16(rng.Uint32())
			switch kind := rng.IntN(64); {
			case kind < 60:
				v = v&0x87ff | 0x3c00
			case kind < 61:
				v = specials[rng.IntN(len(specials))]
			}
			rows[j] = binary.LittleEndian.AppendUint16(rows[j], v)
		}
	}
	return rows
}
