//go:build purego || !amd64

package avx2

import "github.com/commbench/commbench/alltoall/internal/pure"

// Sum is kernel.Sum. There is no AVX2 in this build.
func Sum(dst []byte, rows [][]byte) { pure.Sum(dst, rows) }
