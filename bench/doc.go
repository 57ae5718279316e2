// Package bench runs a benchmark: it makes the workload, sets the ranks up,
// iterates, checks what arrived against the reference, and returns records.
//
// # What is timed
//
// Every phase starts from a common barrier, and its time is that of the slowest
// rank. A dispatch has three phases, timed apart: layout (a rank counts its own
// routing), notify (ranks tell each other counts and bitmaps) and transfer
// (tokens move); an expanded layout adds an epilogue. A combine has only a
// transfer: it reuses the dispatch's handle. Making workloads, filling buffers,
// checking results and touching memory for the first time are never timed.
//
// # Order
//
// The algorithm and its baseline take turns, dispatch by dispatch, so that a
// machine whose speed drifts favours neither. Combines and round trips take
// turns in two blocks, because the baseline's expert outputs lie where the
// algorithm's do and must be made anew; a round trip's block is its dispatches,
// then its combines.
//
// # Checks
//
// Before an iteration that is checked, the buffers it will fill are overwritten,
// so that bytes left over from an earlier one cannot pass for its own.
package bench
