//go:build purego || !arm64

package neon

import "github.com/commbench/commbench/alltoall/internal/pure"

// Mismatch is kernel.Mismatch. There is no NEON in this build.
func Mismatch(a, b []byte) int { return pure.Mismatch(a, b) }
