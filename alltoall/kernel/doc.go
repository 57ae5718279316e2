// Package kernel holds the loops over values of dispatch and combine: sums of BF16
// rows, added in FP32 in a fixed order and rounded once. Rows are byte slices, as
// they lie in segments, little-endian. SumWeighted multiplies rows by weights
// first, and Mismatch finds where bytes differ. Quantize and Dequantize go from BF16
// to FP8 with scales, and back.
//
// The doc comment of each kernel is the scalar loop that it must equal bit for
// bit, on every instruction set. Kernels allocate nothing and are safe for
// concurrent use on rows that nobody writes.
//
// There is one folder for each instruction set under alltoall/internal, with the
// same files in each, and pure for Go; package isa chooses. Package kerneltest is
// the test of them all.
package kernel
