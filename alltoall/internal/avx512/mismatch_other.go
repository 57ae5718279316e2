//go:build purego || !amd64

package avx512

import "github.com/commbench/commbench/alltoall/internal/pure"

// Mismatch is kernel.Mismatch. There is no AVX-512 in this build.
func Mismatch(a, b []byte) int { return pure.Mismatch(a, b) }
