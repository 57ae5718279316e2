// Package avx512 is the kernels of package kernel for AVX-512 F and BW.
//
// A load of 64 bytes has 32 values; as FP32 the odd ones are the dwords with
// their lower halves cleared, and the even ones are the dwords shifted up. That
// costs less than widening in order, and the halves go back to where they came
// from. A value is added as 1*value + sum: rounded once, it is the same sum, and
// the CPUs that have separate pipes for adding and multiplying have those for
// adding take half of the other work.
//
// VCVTNEPS2BF16 is not used: it takes denormals for zero.
package avx512
