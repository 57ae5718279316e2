// Package plan decides, as pure data, which token goes to which rank, slot,
// channel and chunk. Package exec streams a plan over transports and charges the
// Ledger that the plan predicts.
//
// # How a plan comes about
//
// A rank knows only its own routing. Route turns that into a layout (tokens
// for each rank, node and expert, and the token-in-rank bitmap). What others
// must know travels in two rounds of notes:
//
//   - two-hop: round 0 tells the rail peer on each node how many tokens come,
//     by channel, and for each token the bitmap of its local target ranks;
//     round 1 tells the ranks of the node the counts that came over the rail.
//   - direct and alltoall: round 0 tells every rank the counts that it will
//     receive; round 1 answers with the offset at which they are wanted.
//
// Seal then computes slots by prefix sums. A sealed plan is the content of
// a handle: a second dispatch with it skips layout and notes (cached dispatch).
//
// Slots are fixed by (source rank, token), for alltoall by (expert, source
// rank, token), and by nothing else: not by channels, chunks or timing. So
// outputs can be compared bit for bit.
//
// # Shape
//
// Plans are flat int32 slices and prefix sums. A plan object is reused from one
// iteration to the next; its slices grow to the largest workload seen and no
// further, so that a steady state allocates nothing. A plan is not safe for
// concurrent use while it is built; a sealed one may be read by many.
package plan
