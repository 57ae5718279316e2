package kerneltest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/commbench/commbench/transport/isa"
)

// Quantize is an implementation of kernel.Quantize.
type Quantize func(dst, scales, src []byte, powerOfTwo bool)

// Dequantize is an implementation of kernel.Dequantize.
type Dequantize func(dst, src, scales []byte)

// RunQuantize tests an implementation of kernel.Quantize for an instruction set.
func RunQuantize(t *testing.T, i isa.ISA, quantize Quantize) {
	require(t, i)
	for _, c := range []struct {
		name string
		test func(*testing.T, Quantize)
	}{
		{"Shapes", quantizeShapes},
		{"Pages", quantizePages},
		{"Values", quantizeValues},
		{"Maxima", quantizeMaxima},
		{"Random", quantizeRandom},
		{"Allocs", quantizeAllocs},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, quantize) })
	}
}

// RunDequantize tests an implementation of kernel.Dequantize for an instruction set.
func RunDequantize(t *testing.T, i isa.ISA, dequantize Dequantize) {
	require(t, i)
	for _, c := range []struct {
		name string
		test func(*testing.T, Dequantize)
	}{
		{"Shapes", dequantizeShapes},
		{"Pages", dequantizePages},
		{"Values", dequantizeValues},
		{"Random", dequantizeRandom},
		{"Allocs", dequantizeAllocs},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, dequantize) })
	}
}

const (
	fp8Block = 128
	// maxValues is the longest row of tests that try all lengths: two blocks more
	// than the longest block, and a rest.
	maxValues = 3*fp8Block + 17
	maxScales = (maxValues/fp8Block + 1) * 4
)

// scaleBytes is the size of the scales of n values.
func scaleBytes(n int) int { return (n + fp8Block - 1) / fp8Block * 4 }

// ScalarQuantize is the definition of Quantize, one value at a time.
func ScalarQuantize(dst, scales, src []byte, powerOfTwo bool) {
	values := make([]float32, len(dst))
	for i := range values {
		values[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
	}
	for at := 0; at < len(values); at += fp8Block {
		block := values[at:min(at+fp8Block, len(values))]
		amax := float32(1e-4)
		for _, v := range block {
			if size := math.Abs(float64(v)); size <= math.MaxFloat32 {
				amax = max(amax, float32(size))
			}
		}
		scale, inv := amax/448, 448/amax
		if powerOfTwo {
			power := float32(0x1p-126)
			for power < scale {
				power *= 2
			}
			scale, inv = power, 1/power
		}
		binary.LittleEndian.PutUint32(scales[at/fp8Block*4:], math.Float32bits(scale))
		for i, v := range block {
			dst[at+i] = nearest(v * inv)
		}
	}
}

// ScalarDequantize is the definition of Dequantize, one value at a time. FP64 holds
// every product.
func ScalarDequantize(dst, src, scales []byte) {
	for i := range len(dst) / 2 {
		scale := math.Float32frombits(binary.LittleEndian.Uint32(scales[i/fp8Block*4:]))
		v := float32(e4m3(src[i]) * float64(scale))
		binary.LittleEndian.PutUint16(dst[2*i:], round(v))
	}
}

// e4m3 is the value of an E4M3.
func e4m3(c byte) float64 {
	exponent, mantissa := int(c>>3&15), float64(c&7)
	v := math.Ldexp(1+mantissa/8, exponent-7)
	switch {
	case c&0x7f == 0x7f:
		v = math.NaN()
	case exponent == 0:
		v = math.Ldexp(mantissa/8, 1-7)
	}
	if c >= 0x80 {
		return math.Copysign(v, -1)
	}
	return v
}

// sizes are the values of the E4M3 without a sign, up to the largest, 448.
var sizes = func() (s [0x7f]float64) {
	for c := range s {
		s[c] = e4m3(byte(c))
	}
	return s
}()

// nearest goes up through them for as long as they come nearer.
func nearest(f float32) byte {
	if f != f {
		return 0x7f
	}
	size, best := min(math.Abs(float64(f)), 448), 0
	for c := 1; c < len(sizes); c++ {
		off, least := math.Abs(sizes[c]-size), math.Abs(sizes[best]-size)
		if off > least || off == least && c%2 == 1 {
			break
		}
		best = c
	}
	if math.Signbit(float64(f)) {
		best |= 0x80
	}
	return byte(best)
}

// field is memory for a row of tests that try all alignments. The bytes around
// rows to read make a NaN or the largest number, which would show; those around
// rows to write must stay.
type field [margin + 64 + 2*maxValues + margin]byte

var bare = func() (f field) {
	copy(f[:], bytes.Repeat([]byte{guard}, len(f)))
	return f
}()

// put makes a row of n bytes at offset at, modulo 64.
func (f *field) put(at, n int, data []byte) []byte {
	*f = bare
	row := f[margin+at%64:][:n:n]
	if data != nil {
		copy(row, data)
	}
	return row
}

// kept says whether nothing but the row that was put has changed.
func (f *field) kept(at, n int) bool {
	at = margin + at%64
	return bytes.Equal(f[:at], bare[:at]) && bytes.Equal(f[at+n:], bare[at+n:])
}

func quantizeShapes(t *testing.T, quantize Quantize) {
	var dsts, factors, srcs field
	data := rowsOf(rand.New(rand.NewPCG(21, 22)), 1, 2*maxValues)[0]
	want, wantScales := make([]byte, maxValues), make([]byte, maxScales)
	for _, powerOfTwo := range []bool{false, true} {
		for n := range maxValues + 1 {
			ScalarQuantize(want[:n], wantScales, data, powerOfTwo)
			for align := range 64 {
				dst := dsts.put(align, n, nil)
				scales := factors.put(5*align, scaleBytes(n), nil)
				src := srcs.put(3*align, 2*n, data)
				quantize(dst, scales, src, powerOfTwo)
				if !bytes.Equal(dst, want[:n]) || !bytes.Equal(scales, wantScales[:len(scales)]) {
					t.Fatalf("%d values, dst at %d: value %d, scales % x", n, align, differentByte(dst, want), scales)
				}
				if !dsts.kept(align, n) || !factors.kept(5*align, len(scales)) {
					t.Fatalf("%d values, dst at %d: wrote around dst or scales", n, align)
				}
				if !bytes.Equal(src, data[:2*n]) || !srcs.kept(3*align, 2*n) {
					t.Fatalf("%d values, dst at %d: wrote to src", n, align)
				}
			}
		}
	}
}

func dequantizeShapes(t *testing.T, dequantize Dequantize) {
	var dsts, factors, srcs field
	rng := rand.New(rand.NewPCG(23, 24))
	codes, given := codesOf(rng, maxValues), scalesOf(rng, maxScales)
	want := make([]byte, 2*maxValues)
	ScalarDequantize(want, codes, given)
	for n := range maxValues + 1 {
		for align := range 64 {
			dst := dsts.put(align, 2*n, nil)
			src := srcs.put(3*align, n, codes)
			scales := factors.put(5*align, scaleBytes(n), given)
			dequantize(dst, src, scales)
			if !bytes.Equal(dst, want[:2*n]) {
				t.Fatalf("%d values, dst at %d: value %d", n, align, different(dst, want))
			}
			if !dsts.kept(align, 2*n) {
				t.Fatalf("%d values, dst at %d: wrote around dst", n, align)
			}
			if !bytes.Equal(src, codes[:n]) || !bytes.Equal(scales, given[:len(scales)]) || !srcs.kept(3*align, n) || !factors.kept(5*align, len(scales)) {
				t.Fatalf("%d values, dst at %d: wrote to src or scales", n, align)
			}
		}
	}
}

// differentByte is the index of the first byte of got that is not wanted.
func differentByte(got, want []byte) int {
	i := 0
	for i < len(got) && got[i] == want[i] {
		i++
	}
	return i
}

// atEnd is n bytes at one end of memory or at the other.
func atEnd(memory []byte, n int, last bool) []byte {
	if last {
		memory = memory[len(memory)-n:]
	}
	return memory[:n:n]
}

// quantizePages puts everything at both ends of memory that has nothing before
// and after it, so that a stray access is a fault.
func quantizePages(t *testing.T, quantize Quantize) {
	dsts, factors, srcs := fenced(t), fenced(t), fenced(t)
	data := rowsOf(rand.New(rand.NewPCG(25, 26)), 1, 2*maxValues)[0]
	want, wantScales := make([]byte, maxValues), make([]byte, maxScales)
	for n := range maxValues + 1 {
		ScalarQuantize(want[:n], wantScales, data, n%2 == 0)
		for _, last := range []bool{false, true} {
			dst, scales, src := atEnd(dsts, n, last), atEnd(factors, scaleBytes(n), last), atEnd(srcs, 2*n, last)
			copy(src, data)
			quantize(dst, scales, src, n%2 == 0)
			if !bytes.Equal(dst, want[:n]) || !bytes.Equal(scales, wantScales[:len(scales)]) {
				t.Fatalf("%d values: value %d, scales % x", n, differentByte(dst, want), scales)
			}
		}
	}
}

func dequantizePages(t *testing.T, dequantize Dequantize) {
	dsts, factors, srcs := fenced(t), fenced(t), fenced(t)
	rng := rand.New(rand.NewPCG(27, 28))
	codes, given := codesOf(rng, maxValues), scalesOf(rng, maxScales)
	want := make([]byte, 2*maxValues)
	ScalarDequantize(want, codes, given)
	for n := range maxValues + 1 {
		for _, last := range []bool{false, true} {
			dst, src, scales := atEnd(dsts, 2*n, last), atEnd(srcs, n, last), atEnd(factors, scaleBytes(n), last)
			copy(src, codes)
			copy(scales, given)
			dequantize(dst, src, scales)
			if !bytes.Equal(dst, want[:2*n]) {
				t.Fatalf("%d values: value %d", n, different(dst, want))
			}
		}
	}
}

// quantizeValues tries every value there is: in order, where those of a block are
// near to each other, and in any order in blocks with a given largest number. At
// 448 the scale is 1 and many a value is halfway between two.
func quantizeValues(t *testing.T, quantize Quantize) {
	compareQuantize(t, quantize, everyValue())
	rng := rand.New(rand.NewPCG(29, 30))
	for _, largest := range []uint16{
		0x43e0, 0x43df, 0x43e1, // 448 and its neighbours
		0x3f80, 0x3f81, 0x4040, 0x7f7f, 0x7f60, 0x7f61, 0x0080, // numbers, the largest and the least among them
		0x38d1, 0x38d2, 0x0000, // around 1e-4, and far below
		0x7f80, 0x7fc0, // no number at all
	} {
		var row []byte
		for i, v := range rng.Perm(1 << 16) {
			if i%(fp8Block-1) == 0 {
				row = binary.LittleEndian.AppendUint16(row, largest)
			}
			if size := uint16(v) & 0x7fff; size < 0x7f80 && size > largest {
				v = int(largest)
			}
			row = binary.LittleEndian.AppendUint16(row, uint16(v))
		}
		compareQuantize(t, quantize, row)
	}
}

// quantizeMaxima tries every number as the largest of a block. A few others are
// not so much less that they would become 0.
func quantizeMaxima(t *testing.T, quantize Quantize) {
	rng := rand.New(rand.NewPCG(31, 32))
	step := 1
	if testing.Short() {
		step = 61
	}
	var row []byte
	for largest := 0; largest < 0x7f80; largest += step {
		at := rng.IntN(fp8Block)
		for i := range fp8Block {
			v := 0
			switch {
			case i == at:
				v = largest
			case rng.IntN(8) == 0:
				v = max(0, largest-rng.IntN(20<<7))
			}
			row = binary.LittleEndian.AppendUint16(row, uint16(v|rng.IntN(2)<<15))
		}
	}
	compareQuantize(t, quantize, row)
}

// quantizeRandom tries values of all kinds: those of most tests, numbers only,
// little but zeros, and special values only.
func quantizeRandom(t *testing.T, quantize Quantize) {
	rng := rand.New(rand.NewPCG(33, 34))
	for range 10 {
		row := rowsOf(rng, 1, rowBytes)[0]
		compareQuantize(t, quantize, row)
		for i := 0; i < len(row); i += 2 {
			binary.LittleEndian.PutUint16(row[i:], uint16(math.Float32bits(float32(rng.NormFloat64()))>>16))
		}
		compareQuantize(t, quantize, row)
		for i := 0; i < len(row); i += 2 {
			if rng.IntN(fp8Block) != 0 {
				binary.LittleEndian.PutUint16(row[i:], uint16(rng.IntN(2)<<15))
			}
		}
		compareQuantize(t, quantize, row)
		for i := 0; i < len(row); i += 2 {
			binary.LittleEndian.PutUint16(row[i:], specials[rng.IntN(len(specials))])
		}
		compareQuantize(t, quantize, row)
	}
}

// dequantizeValues tries every E4M3 with every special scale.
func dequantizeValues(t *testing.T, dequantize Dequantize) {
	var codes, scales []byte
	for _, scale := range specialScales {
		for c := range 256 {
			codes = append(codes, byte(c*37)) // all of them, NaNs in one block
		}
		scales = binary.LittleEndian.AppendUint32(scales, scale)
		scales = binary.LittleEndian.AppendUint32(scales, scale)
	}
	compareDequantize(t, dequantize, codes, scales)
	for i, c := range codes {
		if c&0x7f == 0x7f { // NaN only from the scale
			codes[i] = 0
		}
	}
	compareDequantize(t, dequantize, codes, scales)
}

func dequantizeRandom(t *testing.T, dequantize Dequantize) {
	rng := rand.New(rand.NewPCG(35, 36))
	for range 100 {
		codes := codesOf(rng, rowBytes)
		compareDequantize(t, dequantize, codes, scalesOf(rng, scaleBytes(len(codes))))
	}
}

func compareQuantize(t *testing.T, quantize Quantize, src []byte) {
	t.Helper()
	n := len(src) / 2
	for _, powerOfTwo := range []bool{false, true} {
		got, gotScales := bytes.Repeat([]byte{guard}, n), make([]byte, scaleBytes(n))
		want, wantScales := make([]byte, n), make([]byte, scaleBytes(n))
		quantize(got, gotScales, src, powerOfTwo)
		ScalarQuantize(want, wantScales, src, powerOfTwo)
		if i := differentByte(gotScales, wantScales) / 4; i < len(wantScales)/4 {
			t.Fatalf("powerOfTwo=%v: scale %d of % x is % x, not % x", powerOfTwo, i, src[256*i:min(256*i+256, len(src))], gotScales[4*i:][:4], wantScales[4*i:][:4])
		}
		if i := differentByte(got, want); i < n {
			t.Fatalf("powerOfTwo=%v: value %d: %04x with scale %x is %02x, not %02x", powerOfTwo, i, binary.LittleEndian.Uint16(src[2*i:]), wantScales[i/fp8Block*4:][:4], got[i], want[i])
		}
	}
}

func compareDequantize(t *testing.T, dequantize Dequantize, codes, scales []byte) {
	t.Helper()
	got, want := bytes.Repeat([]byte{guard}, 2*len(codes)), make([]byte, 2*len(codes))
	dequantize(got, codes, scales)
	ScalarDequantize(want, codes, scales)
	if i := different(got, want); i < len(codes) {
		t.Fatalf("value %d: %02x with scale %08x is %04x, not %04x", i, codes[i], binary.LittleEndian.Uint32(scales[i/fp8Block*4:]), binary.LittleEndian.Uint16(got[2*i:]), binary.LittleEndian.Uint16(want[2*i:]))
	}
}

func quantizeAllocs(t *testing.T, quantize Quantize) {
	src := rowsOf(rand.New(rand.NewPCG(37, 38)), 1, 2*maxValues)[0]
	dst, scales := make([]byte, maxValues), make([]byte, maxScales)
	if n := testing.AllocsPerRun(10, func() {
		quantize(dst, scales, src, false)
		quantize(dst, scales, src, true)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func dequantizeAllocs(t *testing.T, dequantize Dequantize) {
	rng := rand.New(rand.NewPCG(39, 40))
	codes, scales := codesOf(rng, maxValues), scalesOf(rng, maxScales)
	dst := make([]byte, 2*maxValues)
	if n := testing.AllocsPerRun(10, func() { dequantize(dst, codes, scales) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// specialScales are FP32 at which something changes.
var specialScales = []uint32{
	0x3f800000, 0xbf800000, 0x3f808000, 0x3f818000, 0x3f808001, 0x3f807fff, // 1 and ties
	0x3b124925, 0x34000000, 0x3fffffff, // scales as they come
	0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007fffff, 0x00800000, 0x04000000, // zeros, denormals, the least numbers
	0x7f7fffff, 0xff7fffff, 0x7b000000, 0x7b7f8000, 0x7b124925, // the largest numbers, and what just overflows
	0x7f800000, 0xff800000, // infinities
	0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff, 0x7f80ffff, 0x7fbf8000, // NaNs
}

// scalesOf makes n bytes of scales: mostly as they come, special ones and any bits
// at all.
func scalesOf(rng *rand.Rand, n int) []byte {
	var scales []byte
	for range n / 4 {
		scale := rng.Uint32()
		switch kind := rng.IntN(16); {
		case kind < 8:
			scale = scale&0x03ffffff | 0x3c000000
		case kind < 10:
			scale = specialScales[rng.IntN(len(specialScales))]
		}
		scales = binary.LittleEndian.AppendUint32(scales, scale)
	}
	return scales
}

// codesOf makes n bytes of E4M3, in stretches without and with NaNs.
func codesOf(rng *rand.Rand, n int) []byte {
	codes := make([]byte, n)
	for i := range codes {
		codes[i] = byte(rng.Uint32())
		if i/1000%2 == 0 && codes[i]&0x7f == 0x7f {
			codes[i] = 0
		}
	}
	return codes
}

// fp8Pool is pool for these kernels: BF16 from 1 to 2, and E4M3 that are numbers.
var fp8Pool = sync.OnceValue(func() []byte { return fp8Numbers(512 << 20) })

func fp8Numbers(n int) []byte {
	m := numbers(n)
	for i := range m {
		m[i] = min(m[i], 0xfe)
	}
	return m
}

// BenchQuantize times an implementation of kernel.Quantize as BenchSum does a sum.
// Bytes are those of src.
func BenchQuantize(b *testing.B, i isa.ISA, quantize Quantize) {
	const n = rowBytes / 2
	dst, scales := make([]byte, n), make([]byte, scaleBytes(n))
	for _, powerOfTwo := range []bool{false, true} {
		benchFP8(b, i, fmt.Sprintf("pow2=%v/", powerOfTwo), 2*n, func(src []byte) { quantize(dst, scales, src, powerOfTwo) })
	}
}

// BenchDequantize times an implementation of kernel.Dequantize. Bytes are those of
// src, half of those of dst.
func BenchDequantize(b *testing.B, i isa.ISA, dequantize Dequantize) {
	const n = rowBytes / 2
	dst, scales := make([]byte, 2*n), bytes.Repeat([]byte{0, 0, 0x80, 0x3f}, n/fp8Block)
	benchFP8(b, i, "", n, func(src []byte) { dequantize(dst, src, scales) })
}

func benchFP8(b *testing.B, i isa.ISA, name string, n int, kernel func(src []byte)) {
	require(b, i)
	rng := rand.New(rand.NewPCG(41, 42))
	run := func(b *testing.B, memory []byte) {
		b.SetBytes(int64(n))
		b.ReportAllocs()
		for b.Loop() {
			kernel(memory[rng.IntN(len(memory)/n)*n:][:n])
		}
	}
	b.Run(name+"cache=in", func(b *testing.B) { run(b, fp8Numbers(512<<10)) })
	b.Run(name+"cache=out", func(b *testing.B) { run(b, fp8Pool()) })
}
