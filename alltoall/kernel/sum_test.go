package kernel_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/commbench/commbench/alltoall/internal/avx2"
	"github.com/commbench/commbench/alltoall/internal/avx512"
	"github.com/commbench/commbench/alltoall/internal/kerneltest"
	"github.com/commbench/commbench/alltoall/internal/neon"
	"github.com/commbench/commbench/alltoall/internal/pure"
	"github.com/commbench/commbench/alltoall/kernel"
	"github.com/commbench/commbench/transport/isa"
)

func TestSum(t *testing.T) { kerneltest.RunSum(t, isa.Best(), kernel.Sum) }

// TestResults pins what is easy to get wrong, in plain numbers.
func TestResults(t *testing.T) {
	for _, c := range []struct {
		what string
		rows []uint16
		want uint16
	}{
		{"no rows", nil, 0},
		{"0 + -0", []uint16{0x8000}, 0},
		{"0 + -0 + -0", []uint16{0x8000, 0x8000}, 0},
		{"1 + half a place is a tie: to even, down", []uint16{0x3f80, 0x3b80}, 0x3f80},
		{"1 and a place + half a place: to even, up", []uint16{0x3f81, 0x3b80}, 0x3f82},
		{"more than a tie", []uint16{0x3f80, 0x3b81}, 0x3f81},
		{"less than a tie", []uint16{0x3f81, 0x3b7f}, 0x3f81},
		{"rounded once, not at each row", []uint16{0x3f80, 0x3b80, 0x3b80}, 0x3f81},
		{"in order: 1 is lost in 2^24", []uint16{0x4b80, 0x3f80, 0xcb80}, 0},
		{"in order: 1 comes last", []uint16{0x4b80, 0xcb80, 0x3f80}, 0x3f80},
		{"denormals are kept", []uint16{0x0001, 0x0001}, 0x0002},
		{"from denormal to normal", []uint16{0x007f, 0x0001}, 0x0080},
		{"rounds to infinity", []uint16{0x7f7f, 0x7b00}, 0x7f80},
		{"rounds to the largest number", []uint16{0x7f7f, 0x7aff}, 0x7f7f},
		{"overflows", []uint16{0xff7f, 0xff7f}, 0xff80},
		{"inf - inf", []uint16{0x7f80, 0xff80}, 0x7fc0},
		{"quiet NaN with payload and sign", []uint16{0xffc3}, 0x7fc0},
		{"signalling NaN", []uint16{0x7f81}, 0x7fc0},
		{"number + signalling NaN", []uint16{0x3f80, 0xffbf}, 0x7fc0},
		{"NaN + NaN", []uint16{0x7fff, 0xffff}, 0x7fc0},
	} {
		const n = 100 // one block and a rest
		var rows [][]byte
		for _, v := range c.rows {
			rows = append(rows, bytes.Repeat([]byte{byte(v), byte(v >> 8)}, n))
		}
		for name, sum := range sums() {
			dst := make([]byte, 2*n)
			sum(dst, rows)
			for i := 0; i < len(dst); i += 2 {
				if got := binary.LittleEndian.Uint16(dst[i:]); got != c.want {
					t.Errorf("%s, %s: %04x at %d, want %04x", name, c.what, got, i/2, c.want)
					break
				}
			}
		}
	}
}

// sums are all implementations that can run here.
func sums() map[string]kerneltest.Sum {
	m := map[string]kerneltest.Sum{"scalar": kerneltest.Scalar, "dispatched": kernel.Sum, "pure": pure.Sum}
	for i, sum := range map[isa.ISA]kerneltest.Sum{isa.AVX2: avx2.Sum, isa.AVX512: avx512.Sum, isa.NEON: neon.Sum} {
		if isa.Has(i) {
			m[i.String()] = sum
		}
	}
	return m
}

func TestSumPanics(t *testing.T) {
	for name, c := range map[string]struct {
		dst  int
		rows []int
	}{
		"short row": {256, []int{256, 254}},
		"odd dst":   {255, []int{256}},
	} {
		t.Run(name, func(t *testing.T) {
			var rows [][]byte
			for _, n := range c.rows {
				rows = append(rows, make([]byte, n, 512))
			}
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			kernel.Sum(make([]byte, c.dst), rows)
		})
	}
}

// TestRound compares every BF16, and what lies between it and the next, with
// rounding in FP64.
func TestRound(t *testing.T) {
	for v := range uint32(0x7f80) {
		low, high := float64(kernel.Float(uint16(v))), math.Ldexp(1, 128)
		if v < 0x7f7f {
			high = float64(kernel.Float(uint16(v + 1)))
		}
		for _, rest := range []uint32{0, 1, 0x7fff, 0x8000, 0x8001, 0xffff} {
			f := math.Float32frombits(v<<16 | rest)
			want := uint16(v)
			switch below, above := float64(f)-low, high-float64(f); {
			case below > above, below == above && v%2 == 1:
				want++
			}
			if got := kernel.Round(f); got != want {
				t.Fatalf("%x: %04x, want %04x", math.Float32bits(f), got, want)
			}
			if got := kernel.Round(-f); got != want|0x8000 {
				t.Fatalf("-%x: %04x, want %04x", math.Float32bits(f), got, want|0x8000)
			}
		}
	}
	for _, b := range []uint32{0x7f800001, 0x7fc00000, 0x7fffffff, 0xff800001, 0xffffffff} {
		if got := kernel.Round(math.Float32frombits(b)); got != 0x7fc0 {
			t.Errorf("NaN %x: %04x", b, got)
		}
	}
}

func TestAddWeights(t *testing.T) {
	dst, src := make([]byte, 8), make([]byte, 8)
	for i, v := range []float32{1, 2.5} {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
		binary.LittleEndian.PutUint32(src[4*i:], math.Float32bits(10*v))
	}
	kernel.AddWeights(dst, src)
	for i, want := range []float32{11, 27.5} {
		if got := math.Float32frombits(binary.LittleEndian.Uint32(dst[4*i:])); got != want {
			t.Errorf("weight %d: %v, want %v", i, got, want)
		}
	}
}

// FuzzSum cuts the input into rows and compares all implementations.
func FuzzSum(f *testing.F) {
	f.Add([]byte{}, uint8(0))
	f.Add([]byte{0x80, 0x3f, 0x80, 0x3b}, uint8(2))
	f.Add(bytes.Repeat([]byte{0x81, 0x7f, 0x80, 0xff, 0x01, 0x00}, 200), uint8(3))
	f.Fuzz(func(t *testing.T, data []byte, k uint8) {
		k %= 12
		n, rows := 256, make([][]byte, k)
		if k > 0 {
			n = len(data) / int(k) &^ 1
		}
		for j := range rows {
			rows[j] = data[j*n:][:n]
		}
		want := make([]byte, n)
		kerneltest.Scalar(want, rows)
		for name, sum := range sums() {
			got := bytes.Repeat([]byte{0xa5}, n+2)
			sum(got[1:n+1:n+1], rows)
			if !bytes.Equal(got[1:n+1], want) || got[0] != 0xa5 || got[n+1] != 0xa5 {
				t.Fatalf("%s: % x\nwant % x", name, got, want)
			}
		}
	})
}

func ExampleSum() {
	one, two := []byte{0x80, 0x3f}, []byte{0x00, 0x40}
	dst := make([]byte, 2)
	kernel.Sum(dst, [][]byte{one, two})
	fmt.Println(kernel.Float(binary.LittleEndian.Uint16(dst)))
	// Output: 3
}
