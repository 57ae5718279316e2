//go:build purego || !amd64

package avx512

import "github.com/commbench/commbench/transport/internal/pure"

// Stream is block.Stream. There is no AVX-512 in this build.
func Stream(dst, src []byte) { pure.Stream(dst, src) }

// Fence is block.Fence.
func Fence() {}
