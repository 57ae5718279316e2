// Package avx2 is the kernels of package kernel for AVX2 and FMA. They go the way
// of package avx512, at half its width.
package avx2
