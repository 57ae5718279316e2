//go:build purego || !arm64

package neon

import "github.com/commbench/commbench/alltoall/internal/pure"

// Quantize is kernel.Quantize. There is no NEON in this build.
func Quantize(dst, scales, src []byte, powerOfTwo bool) {
	pure.Quantize(dst, scales, src, powerOfTwo)
}

// Dequantize is kernel.Dequantize. There is no NEON in this build.
func Dequantize(dst, src, scales []byte) { pure.Dequantize(dst, src, scales) }
