// Package kerneltest is what every implementation of a kernel must pass, and how
// it is timed. An implementation's test is one call, and so is its benchmark:
// RunSum and BenchSum for kernel.Sum, and so on.
package kerneltest
