// Package driver is what a transport driver implements. Programs do not use
// it: they use package transport, which wraps a driver once with bounds
// checks, counters, deadlines and errors that name rank, peer and channel.
//
// The model is one-sided, in the vocabulary of NVSHMEM, MSCCL++ and NCCL's
// device API: a rank registers segments and signal words; its peers put bytes
// into the segments and add to the words; the owner reads its words and waits.
// A driver knows ranks and bytes, never tokens, experts or nodes.
//
// # Ordering
//
// Each verb's comment states its ordering. The one rule that algorithms build
// on: when the owner of a word has seen the effect of a Signal, it also sees
// the bytes of every Put that was issued before that Signal on the same
// channel. Nothing is promised between channels.
//
// # Errors
//
// Drivers return raw errors or the sentinels below; package transport wraps
// them once. Offsets, lengths, peers and words were checked before a driver
// sees them.
package driver
