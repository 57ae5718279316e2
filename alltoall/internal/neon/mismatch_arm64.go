//go:build !purego

package neon

import "github.com/commbench/commbench/alltoall/internal/pure"

// Mismatch is kernel.Mismatch. What is left after the last whole block is done
// with the block that ends where a ends; it compares some bytes a second time.
func Mismatch(a, b []byte) int {
	n := len(a) &^ (block - 1)
	if n == 0 {
		return pure.Mismatch(a, b)
	}
	i := mismatch(a[:n], b)
	if i < 0 && n < len(a) {
		from := len(a) - block
		if i = mismatch(a[from:], b[from:]); i >= 0 {
			i += from
		}
	}
	return i
}

// mismatch is the loop below. The length of a is one or more blocks.
//
//	for i := range a {
//		if a[i] != b[i] {
//			return i
//		}
//	}
//	return -1
//
//go:noescape
func mismatch(a, b []byte) int
