// Package mem is the driver for ranks of one process. It is the smallest driver
// and the readable specification of the others: a put is a copy, a signal is an
// atomic add.
//
// # Terms
//
// An endpoint is a rank's segments and words. Its address is a key into the
// table of endpoints of the driver value that made it, so all ranks of a world
// must share one driver value. There is no state outside it.
//
// # Ordering
//
// A verb has taken effect when it returns, but for a stream: its stores are
// fenced by the next Signal, PutSignal, Fence or Flush. The atomic add of Signal releases, the atomic load of Load acquires.
//
// The race detector sees both the copies and the atomics. An algorithm that
// passes over mem with go test -race has shown that its signals order every
// byte that it reads, which holds for the other drivers too, where the detector
// cannot look.
//
// # Concurrency
//
// A Driver is safe for concurrent use. Words are a cache line apart, so that
// ranks that signal different words do not disturb each other. A peer's memory
// stays valid after the peer was closed, until it is freed: puts to it go unseen.
//
// # Bells
//
// Those who wait park as goroutines do: they keep no thread, so there may be any
// number of them. Each endpoint has a bell, and the driver value has one for all.
//
// # Memory
//
// On Linux, Alloc maps blocks of 2 MiB and more and advises huge pages. They are
// given back by Free and by nothing else, and a touch after Free ends the
// process. The first touch of a byte takes a page, or where the system follows
// the advice a huge page, and microseconds: touch buffers before time is taken.
//
// Smaller blocks, and all of them on other systems and with the race detector,
// which only looks there, are of the Go heap.
package mem
