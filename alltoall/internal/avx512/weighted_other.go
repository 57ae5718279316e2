//go:build purego || !amd64

package avx512

import "github.com/commbench/commbench/alltoall/internal/pure"

// SumWeighted is kernel.SumWeighted. There is no AVX-512 in this build.
func SumWeighted(dst []byte, rows [][]byte, weights []float32) {
	pure.SumWeighted(dst, rows, weights)
}
