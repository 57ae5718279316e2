//go:build purego || !amd64

package avx2

import "github.com/commbench/commbench/transport/internal/pure"

// Stream is block.Stream. There is no AVX2 in this build.
func Stream(dst, src []byte) { pure.Stream(dst, src) }

// Fence is block.Fence.
func Fence() {}
