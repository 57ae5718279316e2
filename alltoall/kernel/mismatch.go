package kernel

import (
	"github.com/commbench/commbench/alltoall/internal/avx2"
	"github.com/commbench/commbench/alltoall/internal/avx512"
	"github.com/commbench/commbench/alltoall/internal/neon"
	"github.com/commbench/commbench/alltoall/internal/pure"
	"github.com/commbench/commbench/transport/isa"
)

// Mismatch is the index of the first byte in which a and b differ, or -1 if they
// are equal:
//
//	for i := range a {
//		if a[i] != b[i] {
//			return i
//		}
//	}
//	return -1
//
// Mismatch panics if a and b are not of one length.
func Mismatch(a, b []byte) int {
	if len(a) != len(b) {
		panic("kernel: lengths differ")
	}
	switch isa.Best() {
	case isa.AVX512:
		return avx512.Mismatch(a, b)
	case isa.AVX2:
		return avx2.Mismatch(a, b)
	case isa.NEON:
		return neon.Mismatch(a, b)
	default:
		return pure.Mismatch(a, b)
	}
}
