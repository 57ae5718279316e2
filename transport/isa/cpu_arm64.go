//go:build !purego

package isa

// available lists what can run here, fastest first. Go itself runs on no arm64
// without NEON, so there is nothing to ask.
func available() []ISA { return []ISA{NEON, Pure} }
