//go:build purego || !arm64

package neon

import "github.com/commbench/commbench/alltoall/internal/bf16/pure"

// Sum is bf16.Sum. There is no NEON in this build.
func Sum(dst []byte, rows [][]byte) { pure.Sum(dst, rows) }
