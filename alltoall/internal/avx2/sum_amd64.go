//go:build !purego

package avx2

import "github.com/commbench/commbench/alltoall/internal/pure"

// block is how many bytes of dst the kernels do at a time.
const block = 128

// Sum is kernel.Sum. What is left of dst after the last whole block is done with
// the block that ends where dst ends; it computes some values a second time.
func Sum(dst []byte, rows [][]byte) {
	n := len(dst) &^ (block - 1)
	switch {
	case n == 0 || len(rows) == 0:
		pure.Sum(dst, rows)
	case len(rows) == 1:
		one(dst[:n], rows[0])
		if n < len(dst) {
			one(dst[len(dst)-block:], rows[0][len(dst)-block:])
		}
	default:
		sum(dst[:n], rows, 0)
		if n < len(dst) {
			sum(dst, rows, len(dst)-block)
		}
	}
}

// sum is the loop below; from is an index of values here, of bytes in the call.
// There is at least one row, and from one to any number of whole blocks between
// from and the end of dst.
//
//	for i := from; i < len(dst); i++ {
//		var s float32
//		for _, r := range rows {
//			s += Float(r[i])
//		}
//		dst[i] = Round(s)
//	}
//
//go:noescape
func sum(dst []byte, rows [][]byte, from int)

// one is the sum of one row, which needs no rounding. The length of dst is one or
// more blocks.
//
//	for i := range dst {
//		dst[i] = row[i]
//		if row[i] == 0x8000 { // 0 + -0
//			dst[i] = 0
//		}
//		if row[i]&0x7fff > 0x7f80 {
//			dst[i] = NaN
//		}
//	}
//
//go:noescape
func one(dst, row []byte)
