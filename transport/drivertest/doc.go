// Package drivertest is the conformance suite and the benchmark of transport
// drivers. A driver's own test is one call of each:
//
//	func TestConformance(t *testing.T)  { drivertest.Run(t, newDriver) }
//	func BenchmarkDriver(b *testing.B)  { drivertest.Bench(b, newDriver) }
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
// All ranks of a world live in the test's process, each driven by one goroutine
// or by the test's own. Subtests run one after another, because each ends with
// a count of goroutines and file descriptors. The suite is meant to be run with
// -race as well. What only shows between processes is for the driver's own
// tests.
package drivertest
