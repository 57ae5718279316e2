// Package numa knows the machine's memory nodes, pins threads to cores and
// places memory.
//
// # Terms
//
// A node is a socket's, or a part of a socket's, memory with the CPUs that are
// close to it. A CPU is what the system schedules on: a hardware thread, of
// which a physical core has one or more. Only CPUs that this process may use
// count, and only nodes that have one. A node has two numbers: its index in
// Topology.Nodes, which Place and NodeOf speak of, and its ID in the system,
// which Bind takes.
//
// A huge page is one that the system maps whole, of 2 MiB on most machines.
// With them a walk over much memory misses the TLB less often.
//
// # Order
//
// The system puts a page on a node, and makes it huge or not, when it is first
// touched: Bind and AdviseHuge come before that. They cost microseconds and take
// no memory.
//
// Read asks which CPUs the calling thread may use, so it comes before Pin, or
// is called from a goroutine that is not pinned.
//
// # Concurrency
//
// All functions may be called from any goroutine. A Topology is never written
// after Read. Pin is about the calling goroutine only: threads that the runtime
// starts meanwhile are not pinned, but a process that is started from a pinned
// goroutine is.
//
// # Errors
//
// ErrNotSupported of package driver says that this system or this container
// cannot do it. Whatever is placed here is only placed for speed, so a program
// may say so once and go on.
package numa
