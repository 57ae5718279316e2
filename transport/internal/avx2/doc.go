// Package avx2 is the kernels of package block for AVX2. They go the way of
// package avx512, at half its width.
package avx2
