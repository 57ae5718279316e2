//go:build purego || !arm64

package neon

import "github.com/commbench/commbench/alltoall/internal/pure"

// Sum is kernel.Sum. There is no NEON in this build.
func Sum(dst []byte, rows [][]byte) { pure.Sum(dst, rows) }
