// Package rendezvous is how the processes of a job find each other, agree, wait
// for each other, and learn that one of them has failed. It carries a few small
// blobs (addresses, results), never the bytes that a benchmark measures.
//
// # Terms
//
// Process 0 is the hub: it listens, the others, the members, dial it, and all of
// them talk to it alone. An exchange gives every process the blob of each; with
// empty blobs it is a barrier. The phase is what a process says it is doing, for
// the errors of others. A goodbye is the end of a process that is done.
//
// # Joining
//
// Join returns when all processes are there. Members may start first: they dial
// until the hub answers. Each connection begins with a mutual proof of the job's
// secret (transport/internal/auth, which says what that does not give: what
// follows is neither encrypted nor authenticated). A connection that proves
// nothing, or claims a place that is taken or does not exist, is refused, is
// logged, and disturbs nobody; who has proved the secret is told why. Proofs run
// side by side, each has 10 seconds at most, and there are never more than 64
// beyond the expected ones (the oldest makes room). A member that goes away before
// all are there leaves its place free.
//
// The hub closes its listener when all have joined. From then on a connection is
// refused by the system, and whoever comes too late dials until its own time is
// over.
//
// A member that was accepted waits for the verdict of the hub for up to Timeout
// more, so that it learns from the hub which processes are missing. The hub's
// Timeout is then that of all.
//
// # Failures
//
// Each process sends its phase four times in Timeout, and every two seconds at
// least. The hub declares a member dead whose connection broke, at once, or of
// which nothing has come for Timeout; members watch the hub in the same way. As it
// may be this process that was stopped (by a terminal, say), it then looks for a
// quarter of Timeout more, or two seconds, whether something has come meanwhile.
// Exchanges that do not match, a Fail, and a goodbye of a process for which
// others wait are failures too. The first failure that the hub learns of is that
// of the job: it tells all members, and every Session's Context ends with the same
// PeerError as its cause (that of the process that called Fail with its own error).
//
// After a goodbye of the hub nobody watches the others any more: process 0
// should be the last one to Close, which it is after a last exchange of all.
//
// # Concurrency and memory
//
// Exchange is for one goroutine at a time; everything else may be called from
// anywhere. A session has two goroutines for each connection, and none after
// Close. Who gives up an exchange has failed, as the others cannot go on.
//
// Numbers that were sent are checked against bounds, and even so memory is taken
// only as bytes arrive: at most twice what has come.
package rendezvous
