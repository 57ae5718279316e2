package kernel

import (
	"github.com/commbench/commbench/alltoall/internal/avx2"
	"github.com/commbench/commbench/alltoall/internal/avx512"
	"github.com/commbench/commbench/alltoall/internal/neon"
	"github.com/commbench/commbench/alltoall/internal/pure"
	"github.com/commbench/commbench/transport/isa"
)

// SumWeighted writes to dst the BF16 of the FP32 sum of rows times their weights,
// added from zero in their order:
//
//	for i := range dst {
//		var s float32
//		for j, r := range rows {
//			s += float32(weights[j] * Float(r[i]))
//		}
//		dst[i] = Round(s)
//	}
//
// Each product is rounded to FP32 before it is added; nothing is fused, so that
// all CPUs agree. There is one weight for each row; SumWeighted panics if there is
// not, and where Sum would. As there, dst must not overlap a row.
func SumWeighted(dst []byte, rows [][]byte, weights []float32) {
	if len(dst)%2 != 0 {
		panic("kernel: half a value in dst")
	}
	if len(weights) != len(rows) {
		panic("kernel: not one weight for each row")
	}
	for _, r := range rows {
		if len(r) < len(dst) {
			panic("kernel: row shorter than dst")
		}
	}
	switch isa.Best() {
	case isa.AVX512:
		avx512.SumWeighted(dst, rows, weights)
	case isa.AVX2:
		avx2.SumWeighted(dst, rows, weights)
	case isa.NEON:
		neon.SumWeighted(dst, rows, weights)
	default:
		pure.SumWeighted(dst, rows, weights)
	}
}
