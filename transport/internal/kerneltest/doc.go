// Package kerneltest is what every implementation of a kernel of package block
// must pass, and how it is timed. An implementation's test is one call, and so is
// its benchmark.
package kerneltest
