// Package shm is the driver for processes of one Linux machine: segments and
// words are shared memory that every peer maps, so a put is one copy by the
// sender and a signal one atomic add. Ranks of one process can use it too.
//
// # Terms
//
// A region is an anonymous memory file (memfd), made for each segment, for the
// words of each endpoint, and for the bell of the driver value. An address names
// the process, its regions' file descriptors and their inode numbers. A peer
// attaches through /proc/<pid>/fd/<descriptor>, at the first Channel or Peer that
// needs it. A region has no name in any file system: nothing is left behind by a
// process, also by one that was killed.
//
// # Requirements
//
// Peers must run as the same user, in the same pid namespace (as the processes
// of one container do), with /proc mounted. Elsewhere, and on other systems
// than Linux, methods return ErrNotSupported or say what is missing. A peer must
// have attached before the rank that it attaches to closes; afterwards that
// rank may close, exit or be killed, and puts to it go unseen.
//
// Memory must come from Alloc. A page costs nothing until it is first touched,
// which takes microseconds: touch buffers before time is taken. Huge pages are
// advised for regions of 2 MiB and more, which the system follows where its
// policy for shared memory says so (numa.HugePolicy); a touch then takes one.
//
// # Ordering
//
// A verb has taken effect when it returns, but for a stream: its stores are
// fenced by the next Signal, PutSignal, Fence or Flush. Signal is an atomic add (release) and Load an atomic load (acquire) on
// the same memory. The race detector does not look at memory outside the Go
// heap, so it can neither find a fault in an algorithm here nor wrongly report
// one that is not: prove the order over mem.
//
// # Bells
//
// Those who wait park on a futex in shared memory: that of their endpoint, which
// lies behind its words, or that of the driver value. A peer wakes them with one
// system call, in whichever process they are. Each keeps its thread and, until the
// runtime notices, a share of GOMAXPROCS: more of them than that, in one process,
// hold each other up for some tens of microseconds. Those of many processes do not.
//
// # Concurrency
//
// A Driver is safe for concurrent use. Within one driver value a region is
// mapped once, however many endpoints use it; it is unmapped when the last of
// them was closed and its memory was freed. Words are a cache line apart.
package shm
