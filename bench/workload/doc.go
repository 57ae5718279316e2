// Package workload makes the bytes of a benchmark: tokens with their scales,
// ids and weights, expert outputs and bias rows.
//
// Every value is a function of (seed, rank, token, stream) alone, from a
// counter-based generator, so that any process can make, or check, any row
// without having seen another, and the same seed gives the same bytes on every
// machine. No function keeps state; all are safe for concurrent use.
package workload
