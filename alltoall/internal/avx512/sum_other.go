//go:build purego || !amd64

package avx512

import "github.com/commbench/commbench/alltoall/internal/pure"

// Sum is kernel.Sum. There is no AVX-512 in this build.
func Sum(dst []byte, rows [][]byte) { pure.Sum(dst, rows) }
