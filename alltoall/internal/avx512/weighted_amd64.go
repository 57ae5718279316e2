//go:build !purego

package avx512

import "github.com/commbench/commbench/alltoall/internal/pure"

// SumWeighted is kernel.SumWeighted, in blocks as Sum.
func SumWeighted(dst []byte, rows [][]byte, weights []float32) {
	n := len(dst) &^ (block - 1)
	if n == 0 || len(rows) == 0 {
		pure.SumWeighted(dst, rows, weights)
		return
	}
	weighted(dst[:n], rows, weights, 0)
	if n < len(dst) {
		weighted(dst, rows, weights, len(dst)-block)
	}
}

// weighted is the loop below; from is an index of values here, of bytes in the
// call. There is at least one row, and from one to any number of whole blocks
// between from and the end of dst.
//
//	for i := from; i < len(dst); i++ {
//		var s float32
//		for j, r := range rows {
//			s += float32(weights[j] * Float(r[i]))
//		}
//		dst[i] = Round(s)
//	}
//
//go:noescape
func weighted(dst []byte, rows [][]byte, weights []float32, from int)
