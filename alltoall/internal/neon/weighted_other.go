//go:build purego || !arm64

package neon

import "github.com/commbench/commbench/alltoall/internal/pure"

// SumWeighted is kernel.SumWeighted. There is no NEON in this build.
func SumWeighted(dst []byte, rows [][]byte, weights []float32) {
	pure.SumWeighted(dst, rows, weights)
}
