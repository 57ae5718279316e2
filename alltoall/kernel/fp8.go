package kernel

import (
	"github.com/commbench/commbench/alltoall/internal/avx2"
	"github.com/commbench/commbench/alltoall/internal/avx512"
	"github.com/commbench/commbench/alltoall/internal/neon"
	"github.com/commbench/commbench/alltoall/internal/pure"
	"github.com/commbench/commbench/transport/isa"
)

// FP8 values are E4M3 as the Open Compute Project defines it: no infinities, and
// NaN is 0x7f or 0xff.
const (
	FP8Block = 128 // values that share a scale
	FP8Max   = 448 // the largest value
)

// Quantize writes to dst the E4M3 of the BF16 values in src, and to scales, for
// each block of them, the FP32 by which they were divided:
//
//	for i := 0; i < len(dst); i += FP8Block {
//		block := src[i:min(i+FP8Block, len(dst))]
//		amax := float32(1e-4)
//		for _, x := range block {
//			if x is a number {
//				amax = max(amax, abs(Float(x)))
//			}
//		}
//		scale, inv := amax/FP8Max, FP8Max/amax
//		if powerOfTwo {
//			scale = the least power of two >= scale
//			inv = 1/scale
//		}
//		scales[i/FP8Block] = scale
//		for j, x := range block {
//			dst[i+j] = E4M3(Float(x) * inv)
//		}
//	}
//
// where E4M3 is the nearest one, ties to even, and 448 with the sign of what is
// larger or infinite. Every NaN becomes 0x7f. The least amax is that of DeepSeek's
// casts, and so is multiplying by inv, which for some values is not the same as
// dividing by scale.
//
// There are two bytes in src for each in dst, and four in scales for each block;
// there may be more. Quantize panics if there are not, because the kernels do not
// look. dst and scales must not overlap src or each other.
func Quantize(dst, scales, src []byte, powerOfTwo bool) {
	if len(src) < 2*len(dst) {
		panic("kernel: src shorter than dst")
	}
	if len(scales) < fp8Scales(len(dst)) {
		panic("kernel: too few scales")
	}
	switch isa.Best() {
	case isa.AVX512:
		avx512.Quantize(dst, scales, src, powerOfTwo)
	case isa.AVX2:
		avx2.Quantize(dst, scales, src, powerOfTwo)
	case isa.NEON:
		neon.Quantize(dst, scales, src, powerOfTwo)
	default:
		pure.Quantize(dst, scales, src, powerOfTwo)
	}
}

// Dequantize writes to dst the BF16 of the E4M3 values in src, multiplied by the
// scale of their block:
//
//	for i := range dst {
//		dst[i] = Round(float32(value of src[i] * scales[i/FP8Block]))
//	}
//
// The length of dst in bytes is even. There is one byte in src for two in dst, and
// four in scales for each block; there may be more. Dequantize panics if there are
// not. dst must not overlap src or scales.
func Dequantize(dst, src, scales []byte) {
	if len(dst)%2 != 0 {
		panic("kernel: half a value in dst")
	}
	if len(src) < len(dst)/2 {
		panic("kernel: src shorter than dst")
	}
	if len(scales) < fp8Scales(len(dst)/2) {
		panic("kernel: too few scales")
	}
	switch isa.Best() {
	case isa.AVX512:
		avx512.Dequantize(dst, src, scales)
	case isa.AVX2:
		avx2.Dequantize(dst, src, scales)
	case isa.NEON:
		neon.Dequantize(dst, src, scales)
	default:
		pure.Dequantize(dst, src, scales)
	}
}

// fp8Scales is the size in bytes of the scales of n values.
func fp8Scales(n int) int { return (n + FP8Block - 1) / FP8Block * 4 }
