// Package isa chooses the instruction set that kernels use. It is the only place
// that asks what the CPU can do.
//
// COMMBENCH_ISA=pure|avx2|avx512|neon forces one. Where that one cannot run,
// Check says so and Best falls back to pure Go, which always can; a command calls
// Check before it starts, so that nothing is measured on another instruction set
// than the one asked for. The build tag purego compiles all assembly out.
package isa
