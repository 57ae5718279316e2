package kerneltest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/commbench/commbench/transport/isa"
)

// Weighted is an implementation of kernel.SumWeighted.
type Weighted func(dst []byte, rows [][]byte, weights []float32)

// RunWeighted tests an implementation of kernel.SumWeighted for an instruction set.
func RunWeighted(t *testing.T, i isa.ISA, sum Weighted) {
	require(t, i)
	for _, c := range []struct {
		name string
		test func(*testing.T, Weighted)
	}{
		{"Shapes", weightedShapes},
		{"Pages", weightedPages},
		{"OneRow", weightedOneRow},
		{"Specials", weightedSpecials},
		{"Products", weightedProducts},
		{"Random", weightedRandom},
		{"Allocs", weightedAllocs},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, sum) })
	}
}

// ScalarWeighted is the definition of SumWeighted, one value at a time. FP64 holds
// every product of a weight and a value, and more than twice the bits of FP32,
// where rounding a sum twice is as good as once: nothing here can be fused.
func ScalarWeighted(dst []byte, rows [][]byte, weights []float32) {
	for i := 0; i < len(dst); i += 2 {
		var s float32
		for j, r := range rows {
			v := math.Float32frombits(uint32(binary.LittleEndian.Uint16(r[i:])) << 16)
			product := float32(float64(weights[j]) * float64(v))
			s = float32(float64(s) + float64(product))
		}
		binary.LittleEndian.PutUint16(dst[i:], round(s))
	}
}

// weightedShapes is shapes, with weights between NaNs.
func weightedShapes(t *testing.T, sum Weighted) {
	rng := rand.New(rand.NewPCG(11, 12))
	memory := make([][]byte, maxRows+1)
	for i := range memory {
		memory[i] = make([]byte, len(guards))
	}
	data := rowsOf(rng, maxRows, maxBytes)
	given := weightsOf(rng, maxRows)
	want := make([]byte, maxBytes)
	for k := range maxRows + 1 {
		ScalarWeighted(want, data[:k], given)
		for n := 0; n <= maxBytes; n += 2 {
			for align := range 64 {
				dst := placed(memory[maxRows], margin+align, n, nil)
				rows := make([][]byte, k)
				for j := range rows {
					rows[j] = placed(memory[j], margin+(align+j*(1+align))%64, n, data[j])
				}
				sum(dst, rows, betweenNaNs(given[:k], 1+align%16))
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

// betweenNaNs copies weights to index at of an array of NaNs.
func betweenNaNs(weights []float32, at int) []float32 {
	array := make([]float32, at+len(weights)+1)
	for i := range array {
		array[i] = float32(math.NaN())
	}
	copy(array[at:], weights)
	return array[at : at+len(weights) : at+len(weights)]
}

// weightedPages is pages, with weights in such memory too.
func weightedPages(t *testing.T, sum Weighted) {
	rng := rand.New(rand.NewPCG(13, 14))
	const k = 3
	var memory [k + 1][]byte
	for i := range memory {
		memory[i] = fenced(t)
	}
	weights := floats(fenced(t))
	data := rowsOf(rng, k, maxBytes)
	given := weightsOf(rng, k)
	want := make([]byte, maxBytes)
	for k := range k + 1 {
		ScalarWeighted(want, data[:k], given)
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
				w := weights[:k:k]
				if last {
					w = weights[len(weights)-k:]
				}
				copy(w, given)
				dst := rows[len(rows)-1]
				sum(dst, rows[:k], w)
				if !bytes.Equal(dst, want[:n]) {
					t.Fatalf("%d rows of %d bytes: value %d", k, n, different(dst, want))
				}
			}
		}
	}
}

// floats is memory seen as FP32.
func floats(memory []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(&memory[0])), len(memory)/4)
}

// weightedOneRow tries every value with every special weight.
func weightedOneRow(t *testing.T, sum Weighted) {
	every := everyValue()
	for _, w := range specialWeights {
		compareWeighted(t, sum, [][]byte{every}, []float32{math.Float32frombits(w)})
	}
}

// weightedSpecials tries every pair of special values with every pair of special
// weights.
func weightedSpecials(t *testing.T, sum Weighted) {
	var a, b []byte
	for _, x := range specials {
		for _, y := range specials {
			a = binary.LittleEndian.AppendUint16(a, x)
			b = binary.LittleEndian.AppendUint16(b, y)
		}
	}
	for _, v := range specialWeights {
		for _, w := range specialWeights {
			compareWeighted(t, sum, [][]byte{a, b}, []float32{math.Float32frombits(v), math.Float32frombits(w)})
		}
	}
}

// weightedProducts tries every length with sums -v + (1 + 2^-23) * v: what is left
// is how the product was rounded, or that it was not.
func weightedProducts(t *testing.T, sum Weighted) {
	row := rowsOf(rand.New(rand.NewPCG(25, 26)), 1, maxBytes)[0]
	for n := 0; n <= maxBytes; n += 2 {
		compareWeighted(t, sum, [][]byte{row[:n], row[:n]}, []float32{-1, 1 + 0x1p-23})
	}
}

// weightedRandom tries many rows of all kinds of values and weights, in the usual
// length.
func weightedRandom(t *testing.T, sum Weighted) {
	rng := rand.New(rand.NewPCG(15, 16))
	for _, k := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 64} {
		rows := rowsOf(rng, k, 14336)
		for range 10 {
			compareWeighted(t, sum, rows, weightsOf(rng, k))
		}
	}
}

func weightedAllocs(t *testing.T, sum Weighted) {
	rng := rand.New(rand.NewPCG(17, 18))
	rows, weights := rowsOf(rng, 3, maxBytes), weightsOf(rng, 3)
	dst := make([]byte, maxBytes)
	if n := testing.AllocsPerRun(10, func() {
		for k := range rows {
			sum(dst, rows[:k], weights[:k])
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func compareWeighted(t *testing.T, sum Weighted, rows [][]byte, weights []float32) {
	t.Helper()
	n := 14336
	if len(rows) > 0 {
		n = len(rows[0])
	}
	got, want := bytes.Repeat([]byte{guard}, n), make([]byte, n)
	sum(got, rows, weights)
	ScalarWeighted(want, rows, weights)
	if bytes.Equal(got, want) {
		return
	}
	i := different(got, want)
	var products []string
	for j, r := range rows {
		products = append(products, fmt.Sprintf("%08x*%04x", math.Float32bits(weights[j]), binary.LittleEndian.Uint16(r[2*i:])))
	}
	t.Fatalf("value %d: sum of %v is %04x, not %04x", i, products, binary.LittleEndian.Uint16(got[2*i:]), binary.LittleEndian.Uint16(want[2*i:]))
}

// specialWeights are the bits of weights at which something changes.
var specialWeights = []uint32{
	0x00000000, 0x80000000, // zeros
	0x00000001, 0x80000001, 0x007fffff, // denormals
	0x00800000, 0x80800000, 0x1f800000, // small: products with small values are denormals or 0
	0x3f800000, 0xbf800000, // 1: values stay
	0x3f000000, 0x3b800000, 0x43800000, // powers of two: products are exact
	0x3f800001, 0xbf800001, 0x3f808000, 0x3f7fffff, 0x3fffffff, // all bits: products are rounded, some are ties
	0x3eaaaaab, 0x3dcccccd, // 1/3 and 1/10
	0x7f7fffff, 0xff7fffff, 0x7e800000, // large: products overflow
	0x7f800000, 0xff800000, // infinities
	0x7fc00000, 0xffc00000, 0x7fffffff, 0xffffffff, 0x7fffc000, 0x7fc08001, // quiet NaNs; the lower halves of some would round up
	0x7f800001, 0xff800001, 0x7fbfffff, 0xffbf8001, // signalling NaNs
}

// weightsOf makes k weights: the most part shares of 1, and special weights and any
// bits at all, but never so many that nearly all sums of many rows are NaNs.
func weightsOf(rng *rand.Rand, k int) []float32 {
	weights := make([]float32, k)
	for j := range weights {
		switch kind := rng.IntN(64); {
		case kind < 62:
			weights[j] = rng.Float32()
		case kind < 63:
			weights[j] = math.Float32frombits(specialWeights[rng.IntN(len(specialWeights))])
		default:
			weights[j] = math.Float32frombits(rng.Uint32())
		}
	}
	return weights
}

// BenchWeighted times an implementation of kernel.SumWeighted for an instruction
// set, as BenchSum does.
func BenchWeighted(b *testing.B, i isa.ISA, sum Weighted) {
	require(b, i)
	small := numbers(512 << 10)
	for _, k := range []int{1, 2, 4, 8} {
		weights := make([]float32, k)
		for j := range weights {
			weights[j] = 1 / float32(k+j)
		}
		weighted := func(dst []byte, rows [][]byte) { sum(dst, rows, weights) }
		b.Run(fmt.Sprintf("cache=in/rows=%d", k), func(b *testing.B) { bench(b, weighted, k, small) })
		b.Run(fmt.Sprintf("cache=out/rows=%d", k), func(b *testing.B) { bench(b, weighted, k, pool()) })
	}
}
