package kernel

import (
	"encoding/binary"
	"math"

	"github.com/commbench/commbench/alltoall/internal/avx2"
	"github.com/commbench/commbench/alltoall/internal/avx512"
	"github.com/commbench/commbench/alltoall/internal/neon"
	"github.com/commbench/commbench/alltoall/internal/pure"
	"github.com/commbench/commbench/transport/isa"
)

// Sum writes to dst the BF16 of the FP32 sum of rows, added from zero in their
// order:
//
//	for i := range dst {
//		var s float32
//		for _, r := range rows {
//			s += Float(r[i])
//		}
//		dst[i] = Round(s)
//	}
//
// All rows are at least as long as dst, whose length in bytes is even; Sum panics
// if they are not, because the kernels do not look. dst must not overlap a row,
// since some of its values may be written twice.
func Sum(dst []byte, rows [][]byte) {
	if len(dst)%2 != 0 {
		panic("kernel: half a value in dst")
	}
	for _, r := range rows {
		if len(r) < len(dst) {
			panic("kernel: row shorter than dst")
		}
	}
	switch isa.Best() {
	case isa.AVX512:
		avx512.Sum(dst, rows)
	case isa.AVX2:
		avx2.Sum(dst, rows)
	case isa.NEON:
		neon.Sum(dst, rows)
	default:
		pure.Sum(dst, rows)
	}
}

// Float is the value of a BF16.
func Float(b uint16) float32 { return pure.Float(b) }

// Round is the BF16 nearest to f, ties to even. Every NaN becomes 0x7fc0: which
// one an addition returns differs between CPUs.
func Round(f float32) uint16 { return pure.Round(f) }

// AddWeights adds src to dst, both FP32, value by value: dst[j] += src[j].
func AddWeights(dst, src []byte) {
	for i := 0; i+4 <= len(dst); i += 4 {
		s := math.Float32frombits(binary.LittleEndian.Uint32(dst[i:])) + math.Float32frombits(binary.LittleEndian.Uint32(src[i:]))
		binary.LittleEndian.PutUint32(dst[i:], math.Float32bits(s))
	}
}
