// Package sim plays the plans of all ranks in virtual time: what dispatch and combine take
// on hardware that one does not own, chunk by chunk.
//
//	plans, err := plan.Build(plan.AlgTwoHop, c.Plan, tables)
//	result, err := sim.Run(ctx, c, plans)
//
// # What is played
//
// A channel has an SM, or two where roles have SMs of their own. An SM does its roles' steps in
// turn: it finds a role that has something to do, is busy for as long as the step's rows take to
// read, write and add up, and then looks again. Steps have their effects when they
// end. Messages queue at the sender's NIC, at slow links, between leaf switches and at the
// receiver's NIC, in the order in which they come there; stores to peers of the node go through
// the ports of both while the SM makes them. Rings have so many rows, which a sender takes and
// a credit gives back, or room for all. docs/model.md says what is assumed.
//
// The same plans are streamed by exec, and the same moves are charged to the same ledger:
// a test holds the two equal for every algorithm, cluster and routing.
//
// # Time and order
//
// Time is in picoseconds, as integers, so that sums do not depend on the machine. Of two events
// at one time the order is that of what they happen to. Nothing is drawn but jitter, from
// the seed.
//
// # Cost
//
// It grows with the chunks that cross a hop. Memory is that of the plans, and about 48 bytes for
// each channel of each pair of a rail (two-hop) or of ranks (direct combine).
//
// # Concurrency
//
// Run may be called from any goroutine; calls do not share anything but the plans, which
// they read.
package sim
