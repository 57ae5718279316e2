package pure

import (
	"encoding/binary"
	"math"
)

// FP8Block is how many values share a scale; FP8Max is the largest E4M3.
const (
	FP8Block = 128
	FP8Max   = 448
)

// Quantize is kernel.Quantize.
func Quantize(dst, scales, src []byte, powerOfTwo bool) {
	for len(dst) > 0 {
		n := min(len(dst), FP8Block)
		scale, inv := Scale(amax(src[:2*n]), powerOfTwo)
		binary.LittleEndian.PutUint32(scales, math.Float32bits(scale))
		quantize(dst[:n], src[:2*n], inv)
		dst, scales, src = dst[n:], scales[4:], src[2*n:]
	}
}

// amax is the largest |v| of the numbers in src, and at least what DeepSeek's casts
// have as the least: then a scale is not 0, and it and its inverse are normal.
// BF16 without their signs are in order as integers.
func amax(src []byte) float32 {
	var m uint16
	for i := 0; i+2 <= len(src); i += 2 {
		if v := binary.LittleEndian.Uint16(src[i:]) & 0x7fff; v < 0x7f80 {
			m = max(m, v)
		}
	}
	return max(Float(m), 1e-4)
}

// Scale is the scale of a block and its inverse.
func Scale(amax float32, powerOfTwo bool) (scale, inv float32) {
	scale, inv = amax/FP8Max, FP8Max/amax
	if powerOfTwo { // up to the next one, unless it is one
		b := (math.Float32bits(scale) + 0x7fffff) & 0x7f800000
		scale, inv = math.Float32frombits(b), math.Float32frombits(0x7f000000-b)
	}
	return scale, inv
}

// quantize does four values at a time, as Sum does.
func quantize(dst, src []byte, inv float32) {
	src = src[:2*len(dst)]
	i := 0
	for ; i+4 <= len(dst); i += 4 {
		x := binary.LittleEndian.Uint64(src[2*i:])
		binary.LittleEndian.PutUint32(dst[i:], uint32(E4M3(lane0(x)*inv))|uint32(E4M3(lane1(x)*inv))<<8|
			uint32(E4M3(lane2(x)*inv))<<16|uint32(E4M3(lane3(x)*inv))<<24)
	}
	for ; i < len(dst); i++ {
		dst[i] = E4M3(Float(binary.LittleEndian.Uint16(src[2*i:])) * inv)
	}
}

// E4M3 is the E4M3 nearest to f, ties to even, and at most FP8Max in size; NaN is
// 0x7f.
//
// The last place of an E4M3 is 2^-3 times the power of two in it, and at least
// 2^-9. In FP32, 2^20 times that power has the same last place: adding it rounds f
// to a number of places, k, in the low bits of t. The E4M3 is k + 8*(exponent+6),
// and t>>20 is 8*(exponent+147). magic is 2^20 and so many places more that the
// low 16 bits of t+t>>20 are that E4M3. The product is exact: fused or not is the
// same.
func E4M3(f float32) byte {
	u := math.Float32bits(f)
	sign := byte(u >> 24 & 0x80)
	if u &= 0x7fffffff; u > 0x7f800000 {
		return 0x7f
	}
	u = min(u, 0x43e00000)                                       // FP8Max
	power := math.Float32frombits(max(u&0x7f800000, 0x3c800000)) // at least 2^-6
	t := math.Float32bits(math.Float32frombits(u) + power*magic)
	return sign | byte(t+t>>20)
}

const magic = 1<<20 + 8051

// Dequantize is kernel.Dequantize.
func Dequantize(dst, src, scales []byte) {
	for len(dst) > 0 {
		n := min(len(dst)/2, FP8Block)
		scale := math.Float32frombits(binary.LittleEndian.Uint32(scales))
		dequantize(dst[:2*n], src[:n], scale)
		dst, src, scales = dst[2*n:], src[n:], scales[4:]
	}
}

func dequantize(dst, src []byte, scale float32) {
	dst = dst[:2*len(src)]
	i := 0
	for ; i+4 <= len(src); i += 4 {
		x := binary.LittleEndian.Uint32(src[i:])
		store(dst[2*i:2*i+8], e4m3[byte(x)]*scale, e4m3[byte(x>>8)]*scale, e4m3[byte(x>>16)]*scale, e4m3[x>>24]*scale)
	}
	for ; i < len(src); i++ {
		binary.LittleEndian.PutUint16(dst[2*i:], Round(e4m3[src[i]]*scale))
	}
}

// e4m3 are the values of all E4M3.
var e4m3 = func() (values [256]float32) {
	for c := range 128 {
		f := math.Float32frombits(uint32(c)<<20 + 120<<23)
		switch {
		case c < 8: // less than 2^-6
			f = float32(c) / 512
		case c == 127:
			f = float32(math.NaN())
		}
		values[c], values[c+128] = f, -f
	}
	return values
}()
