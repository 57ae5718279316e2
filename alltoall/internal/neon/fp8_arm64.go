//go:build !purego

package neon

import "github.com/commbench/commbench/alltoall/internal/pure"

// Quantize is kernel.Quantize. A short last block is left to pure.
func Quantize(dst, scales, src []byte, powerOfTwo bool) {
	n := len(dst) &^ (pure.FP8Block - 1)
	if n > 0 {
		quantize(dst[:n], scales, src, powerOfTwo)
	}
	pure.Quantize(dst[n:], scales[n/pure.FP8Block*4:], src[2*n:], powerOfTwo)
}

// quantize is the loop below. The length of dst is one or more blocks.
//
//	for i := 0; i < len(dst); i += FP8Block {
//		amax := float32(1e-4)
//		for _, x := range src[i:i+FP8Block] {
//			if x&0x7fff < 0x7f80 {
//				amax = max(amax, Float(x&0x7fff))
//			}
//		}
//		scale, inv := Scale(amax, powerOfTwo)
//		scales[i/FP8Block] = scale
//		for j := i; j < i+FP8Block; j++ {
//			dst[j] = E4M3(Float(src[j]) * inv)
//		}
//	}
//
//go:noescape
func quantize(dst, scales, src []byte, powerOfTwo bool)

// Dequantize is kernel.Dequantize. A short last block is left to pure.
func Dequantize(dst, src, scales []byte) {
	n := len(dst) / 2 &^ (pure.FP8Block - 1)
	if n > 0 {
		dequantize(dst[:2*n], src, scales)
	}
	pure.Dequantize(dst[2*n:], src[n:], scales[n/pure.FP8Block*4:])
}

// dequantize is the loop below. The length of dst is one or more blocks.
//
//	for i := range dst {
//		dst[i] = Round(e4m3[src[i]] * scales[i/FP8Block])
//	}
//
//go:noescape
func dequantize(dst, src, scales []byte)
