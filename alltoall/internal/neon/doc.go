// Package neon is the kernels of package kernel for arm64. They go the way of
// package avx512. Additions are again 1*value + sum; Go's assembler knows no
// other for vectors of FP32.
package neon
