// Package avx512 is the kernels of package block for AVX-512 F and BW.
package avx512
