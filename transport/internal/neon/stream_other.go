//go:build purego || !arm64

package neon

import "github.com/commbench/commbench/transport/internal/pure"

// Stream is block.Stream. There is no NEON in this build.
func Stream(dst, src []byte) { pure.Stream(dst, src) }

// Fence is block.Fence.
func Fence() {}
