// Package counter generates random numbers that depend on nothing but a key and
// a position.
//
// A key is (seed, rank, token, stream), so what is drawn for a token does not
// depend on how many ranks there are, who draws first or on which machine: any
// split of the work gives the same values. The generator is SplitMix64 (Steele,
// Lea and Flood, OOPSLA 2014), which adds a constant and mixes; the mixing makes
// the state a counter, and random access one addition.
//
// All keys share one cycle of 2^64 values and start at hashed places on it. Two
// of n keys that draw m values each overlap with a chance of about n*n*m/2^64:
// one in a million for 64 ranks of 4096 tokens that draw 256 values each. It is
// for workloads and tests, not for secrets.
//
// Everything is integer arithmetic or exact in float64, and nothing is allocated.
package counter
