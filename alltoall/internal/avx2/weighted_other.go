//go:build purego || !amd64

package avx2

import "github.com/commbench/commbench/alltoall/internal/pure"

// SumWeighted is kernel.SumWeighted. There is no AVX2 in this build.
func SumWeighted(dst []byte, rows [][]byte, weights []float32) {
	pure.SumWeighted(dst, rows, weights)
}
