//go:build purego || !amd64

package avx2

import "github.com/commbench/commbench/alltoall/internal/bf16/pure"

// Sum is bf16.Sum. There is no AVX2 in this build.
func Sum(dst []byte, rows [][]byte) { pure.Sum(dst, rows) }
