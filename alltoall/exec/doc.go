// Package exec streams plans over transports: the role loops of dispatch and
// combine, and the workers that step them.
//
// # Roles
//
// A role is a small state machine of one rank and, mostly, one channel: sender,
// forwarder and receiver of a two-hop dispatch; node reducer and home reducer
// of its combine; and so on. One step moves a chunk, or what goes to one peer, and
// never blocks: it returns when there is nothing to do. Ranks are not threads. A fixed number
// of workers, the CPU's stand-in for SMs, takes roles from a queue and steps
// them as an SM runs warps, so that 32 ranks on 2 cores work as 2 ranks do.
//
// # Groups
//
// Roles that pass data to each other through rings are queued as one group, and
// a worker stays with a group as long as anything in it moves. For two-hop a
// group is a rail's channel: all its senders and forwarders. A token is then
// forwarded by the worker that has just put it, while it is in that core's
// cache. A group that waits for another goes back to the end of the queue, and
// the worker goes on to the next.
//
// # Memory
//
// Every rank registers one segment, its arena, of the same layout on every rank
// (a symmetric heap); an offset is therefore good for any peer. Words count up
// for the life of the group and are never reset, so no iteration can see a
// signal of the one before.
//
// A combine reads the outputs of a node where they lie. Where the scale-up transport
// does not map memory, each rank has a mirror: rows for the outputs of its whole
// node, by in-node index and then as they lie there. Ranks put to it, before they
// announce their outputs, those rows that this rank will add up. It is address space
// for all and memory for the rows that are used.
//
// # Errors
//
// A role that cannot go on for the timeout ends the run with a *StuckError that
// names it, and says what it awaits and what it sees. After any error the group
// can only be closed.
package exec
