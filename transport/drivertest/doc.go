// Package drivertest is the conformance suite and the benchmark of transport
// drivers. A driver's own test is one call of each:
//
//	func TestConformance(t *testing.T)          { drivertest.Run(t, newDriver) }
//	func TestConformanceProcesses(t *testing.T) { drivertest.RunProcesses(t, newDriver) }
//	func BenchmarkDriver(b *testing.B)          { drivertest.Bench(b, newDriver) }
//
// The second one is for drivers whose ranks may be in different processes. NoLeaks is
// for a driver's other tests, and Bare for tests of what must do with the least.
//
// # Terms
//
// The rules are the list of subtests in drivertest.go, each a sentence of the
// contract in package driver. A rule added there holds for every driver. Rules
// are tested through package transport, as programs use drivers; only bells are
// taken from the endpoints, as a World does not show all of them.
//
// # Ordering
//
// No rule assumes that a put is complete when it returns: bytes are looked at
// after a signal, and sources are used again after Flush or after a signal of
// the peer that implies it.
//
// # Concurrency
//
// Each rank is driven by one goroutine or by the test's own. Subtests run one after
// another, because each ends with a count of goroutines and file descriptors. The
// suite is meant to be run with -race as well.
//
// # Processes
//
// RunProcesses has half of the ranks in a child, which is the test's program again. The
// rules know nothing of it: an endpoint there is here one that makes each of its calls
// through a pipe, and its segments are mapped here as well. So what crosses from
// process to process is what the driver carries, while the rules see both sides. Three
// rules are left out where their subject cannot be seen through a pipe: what a rank of
// the child maps, what it allocates, and bells of two drivers that are apart. What
// happens when a process dies is for the driver's own tests.
package drivertest
