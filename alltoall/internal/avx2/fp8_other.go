//go:build purego || !amd64

package avx2

import "github.com/commbench/commbench/alltoall/internal/pure"

// Quantize is kernel.Quantize. There is no AVX2 in this build.
func Quantize(dst, scales, src []byte, powerOfTwo bool) {
	pure.Quantize(dst, scales, src, powerOfTwo)
}

// Dequantize is kernel.Dequantize. There is no AVX2 in this build.
func Dequantize(dst, src, scales []byte) { pure.Dequantize(dst, src, scales) }
