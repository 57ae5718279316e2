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

func TestQuantize(t *testing.T) { kerneltest.RunQuantize(t, isa.Best(), kernel.Quantize) }

func TestDequantize(t *testing.T) { kerneltest.RunDequantize(t, isa.Best(), kernel.Dequantize) }

// quantizers are all implementations that can run here.
func quantizers() map[string]kerneltest.Quantize {
	m := map[string]kerneltest.Quantize{"scalar": kerneltest.ScalarQuantize, "dispatched": kernel.Quantize, "pure": pure.Quantize}
	for i, q := range map[isa.ISA]kerneltest.Quantize{isa.AVX2: avx2.Quantize, isa.AVX512: avx512.Quantize, isa.NEON: neon.Quantize} {
		if isa.Has(i) {
			m[i.String()] = q
		}
	}
	return m
}

func dequantizers() map[string]kerneltest.Dequantize {
	m := map[string]kerneltest.Dequantize{"scalar": kerneltest.ScalarDequantize, "dispatched": kernel.Dequantize, "pure": pure.Dequantize}
	for i, d := range map[isa.ISA]kerneltest.Dequantize{isa.AVX2: avx2.Dequantize, isa.AVX512: avx512.Dequantize, isa.NEON: neon.Dequantize} {
		if isa.Has(i) {
			m[i.String()] = d
		}
	}
	return m
}

// TestQuantizeResults pins what is easy to get wrong, in plain numbers.
func TestQuantizeResults(t *testing.T) {
	for _, c := range []struct {
		what       string
		amax       float32 // in the same block
		powerOfTwo bool
		x          uint16
		scale      float32
		want       byte
	}{
		{"the largest", 448, false, 0x43e0, 1, 0x7e},
		{"and negative", 448, false, 0xc3e0, 1, 0xfe},
		{"1", 448, false, 0x3f80, 1, 0x38},
		{"-0 keeps its sign", 448, false, 0x8000, 1, 0x80},
		{"17 is a tie: to even, down", 448, false, 0x4188, 1, 0x58},
		{"19 is a tie: to even, up", 448, false, 0x4198, 1, 0x5a},
		{"more than a tie", 448, false, 0x4189, 1, 0x59},
		{"less than a tie", 448, false, 0x4197, 1, 0x59},
		{"31 is a tie with the next exponent", 448, false, 0x41f8, 1, 0x60},
		{"the least normal number, 2^-6", 448, false, 0x3c80, 1, 0x08},
		{"the largest denormal, 7 * 2^-9", 448, false, 0x3c60, 1, 0x07},
		{"between them, a tie: to even, up", 448, false, 0x3c70, 1, 0x08},
		{"6.5 * 2^-9 is a tie: to even, down", 448, false, 0x3c50, 1, 0x06},
		{"the least denormal, 2^-9", 448, false, 0x3b00, 1, 0x01},
		{"half of it is a tie: to even, 0", 448, false, 0x3a80, 1, 0x00},
		{"more than half of it", 448, false, 0x3a81, 1, 0x01},
		{"1.5 * 2^-9 is a tie: to even, up", 448, false, 0x3b40, 1, 0x02},
		{"to -0", 448, false, 0xba80, 1, 0x80},
		{"denormal BF16", 448, false, 0x8001, 1, 0x80},
		{"infinity", 448, false, 0x7f80, 1, 0x7e},
		{"-infinity", 448, false, 0xff80, 1, 0xfe},
		{"NaN", 448, false, 0xffc0, 1, 0x7f},
		{"signalling NaN", 448, false, 0x7f81, 1, 0x7f},
		{"amax is 448 at any scale", 3, false, 0x4040, 3.0 / 448, 0x7e},
		{"infinity is not amax", 896, false, 0x7f80, 2, 0x7e},
		{"a power of two stays", 448, true, 0x43e0, 1, 0x7e},
		{"more goes up", 450, true, 0x43e1, 2, 0x76},
		{"infinity at a power of two", 450, true, 0xff80, 2, 0xfe},
		{"3/448 up to 2^-7", 3, true, 0x4040, 1.0 / 128, 0x7c},
		{"zeros", 0, false, 0x0000, float32(1e-4) / 448, 0x00},
		{"zeros, power of two", 0, true, 0x8000, 0x1p-22, 0x80},
		{"infinity among zeros", 0, false, 0xff80, float32(1e-4) / 448, 0xfe},
		{"2^-14 is 273.4/448 of 1e-4: 288", 0x1p-14, false, 0x3880, float32(1e-4) / 448, 0x79},
		{"the largest BF16", math.Float32frombits(0x7f7f0000), true, 0x7f7f, 0x1p120, 0x78},
	} {
		const n = kernel.FP8Block + 2 // one block and a rest
		src := bytes.Repeat([]byte{byte(c.x), byte(c.x >> 8)}, n)
		for _, i := range []int{1, n - 1} { // x stays at even ones
			binary.LittleEndian.PutUint16(src[2*i:], kernel.Round(c.amax))
		}
		for name, quantize := range quantizers() {
			dst, scales := make([]byte, n), make([]byte, 8)
			quantize(dst, scales, src, c.powerOfTwo)
			for i := 0; i < n; i += 2 {
				if dst[i] != c.want {
					t.Errorf("%s, %s: %02x at %d, want %02x", name, c.what, dst[i], i, c.want)
					break
				}
			}
			for i := 0; i < len(scales); i += 4 {
				if got := math.Float32frombits(binary.LittleEndian.Uint32(scales[i:])); got != c.scale {
					t.Errorf("%s, %s: scale %v, want %v", name, c.what, got, c.scale)
				}
			}
		}
	}
}

func TestDequantizeResults(t *testing.T) {
	for _, c := range []struct {
		what  string
		code  byte
		scale float32
		want  uint16
	}{
		{"1", 0x38, 1, 0x3f80},
		{"the largest", 0x7e, 1, 0x43e0},
		{"the least", 0x01, 1, 0x3b00},
		{"the largest denormal", 0x87, 1, 0xbc60},
		{"the least normal number", 0x08, 1, 0x3c80},
		{"0", 0x00, 3, 0x0000},
		{"-0", 0x80, 3, 0x8000},
		{"NaN", 0x7f, 1, 0x7fc0},
		{"the other NaN", 0xff, 1, 0x7fc0},
		{"times a scale", 0x7e, 3.0 / 448, 0x4040},
		{"a tie: to even, down", 0x38, 1 + 0x1p-8, 0x3f80},
		{"a tie: to even, up", 0x38, 1 + 0x3p-8, 0x3f82},
		{"more than a tie", 0x38, 1 + 0x1p-8 + 0x1p-23, 0x3f81},
		{"overflows", 0x7e, 0x1p120, 0x7f80},
		{"denormal BF16", 0x01, 0x1p-124, 0x0001},
		{"infinite scale", 0xb8, float32(math.Inf(1)), 0xff80},
		{"0 * infinity", 0x00, float32(math.Inf(1)), 0x7fc0},
		{"scale is NaN", 0x38, math.Float32frombits(0x7fffffff), 0x7fc0},
	} {
		const n = kernel.FP8Block + 2
		src := bytes.Repeat([]byte{c.code}, n)
		scales := make([]byte, 8)
		binary.LittleEndian.PutUint32(scales, math.Float32bits(c.scale))
		binary.LittleEndian.PutUint32(scales[4:], math.Float32bits(c.scale))
		for name, dequantize := range dequantizers() {
			dst := make([]byte, 2*n)
			dequantize(dst, src, scales)
			for i := 0; i < len(dst); i += 2 {
				if got := binary.LittleEndian.Uint16(dst[i:]); got != c.want {
					t.Errorf("%s, %s: %04x at %d, want %04x", name, c.what, got, i/2, c.want)
					break
				}
			}
		}
	}
}

// TestFP8Codes takes every E4M3 there and back.
func TestFP8Codes(t *testing.T) {
	codes := make([]byte, 256)
	for i := range codes {
		codes[i] = byte(i) // with 448 or -448 in each block
	}
	scales := bytes.Repeat([]byte{0, 0, 0x80, 0x3f}, 2)
	values, back, backScales := make([]byte, 512), make([]byte, 256), make([]byte, 8)
	kernel.Dequantize(values, codes, scales)
	for name, quantize := range quantizers() {
		quantize(back, backScales, values, false)
		for i, c := range codes {
			if c == 0xff {
				c = 0x7f
			}
			if back[i] != c {
				t.Errorf("%s: %02x came back as %02x", name, c, back[i])
			}
		}
		if !bytes.Equal(backScales, scales) {
			t.Errorf("%s: scales % x", name, backScales)
		}
	}
}

func TestFP8Panics(t *testing.T) {
	quantize := func(dst, src, scales []byte) { kernel.Quantize(dst, scales, src, false) }
	for name, c := range map[string]struct {
		f                func(dst, src, scales []byte)
		dst, src, scales int
	}{
		"Quantize, short src":    {quantize, 129, 257, 8},
		"Quantize, few scales":   {quantize, 129, 258, 7},
		"Dequantize, odd dst":    {kernel.Dequantize, 257, 129, 8},
		"Dequantize, short src":  {kernel.Dequantize, 258, 128, 8},
		"Dequantize, few scales": {kernel.Dequantize, 258, 129, 4},
		"Dequantize, no scales":  {kernel.Dequantize, 2, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			c.f(make([]byte, c.dst), make([]byte, c.src, 512), make([]byte, c.scales, 512))
		})
	}
}

// FuzzFP8 compares all implementations, with the input as values, as codes and as
// scales.
func FuzzFP8(f *testing.F) {
	f.Add([]byte{}, false)
	f.Add(bytes.Repeat([]byte{0x80, 0x3f, 0x81, 0x3b}, 70), true)
	f.Add(bytes.Repeat([]byte{0x81, 0x7f, 0x80, 0xff, 0x01, 0x00}, 200), false)
	f.Fuzz(func(t *testing.T, data []byte, powerOfTwo bool) {
		n := len(data) / 2
		size := (n + kernel.FP8Block - 1) / kernel.FP8Block * 4
		want, wantScales := make([]byte, n), make([]byte, size)
		kerneltest.ScalarQuantize(want, wantScales, data, powerOfTwo)
		for name, quantize := range quantizers() {
			got, scales := make([]byte, n), make([]byte, size)
			quantize(got, scales, data, powerOfTwo)
			if !bytes.Equal(got, want) || !bytes.Equal(scales, wantScales) {
				t.Fatalf("quantize, %s: % x, scales % x\nwant % x, scales % x", name, got, scales, want, wantScales)
			}
		}
		codes, scales := data[:n], make([]byte, size)
		copy(scales, data[n:])
		want = make([]byte, 2*n)
		kerneltest.ScalarDequantize(want, codes, scales)
		for name, dequantize := range dequantizers() {
			got := make([]byte, 2*n)
			dequantize(got, codes, scales)
			if !bytes.Equal(got, want) {
				t.Fatalf("dequantize, %s: % x\nwant % x", name, got, want)
			}
		}
	})
}

func ExampleQuantize() {
	src := []byte{0x80, 0x3f, 0x60, 0xc0} // 1, -3.5
	dst, scales := make([]byte, 2), make([]byte, 4)
	kernel.Quantize(dst, scales, src, true)
	fmt.Printf("% x, scale %v\n", dst, math.Float32frombits(binary.LittleEndian.Uint32(scales)))

	kernel.Dequantize(src, dst, scales)
	fmt.Println(kernel.Float(binary.LittleEndian.Uint16(src)), kernel.Float(binary.LittleEndian.Uint16(src[2:])))
	// Output:
	// 70 fe, scale 0.0078125
	// 1 -3.5
}
