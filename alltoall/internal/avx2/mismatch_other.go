//go:build purego || !amd64

package avx2

import "github.com/commbench/commbench/alltoall/internal/pure"

// Mismatch is kernel.Mismatch. There is no AVX2 in this build.
func Mismatch(a, b []byte) int { return pure.Mismatch(a, b) }
