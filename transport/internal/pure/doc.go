// Package pure is the kernels of package block in Go: what runs where there is no
// assembly, and what the assembly must equal.
package pure
