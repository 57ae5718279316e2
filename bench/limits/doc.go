// Package limits measures this host's ceilings: how fast it can do the very
// things that exec does, with nothing around them.
//
// Copy, Sum and Cast are the loops of a hop or of a reduction without plan,
// signals and roles: the same kernels, on blocks of the same size, at random
// places. Each makes a Probe on memory and workers that are given, so that one
// can be measured on a run's own arenas between two of its iterations. A Probe
// allocates nothing while it measures.
//
// Wake measures how long a signal takes to be seen, between threads or between
// processes, and Loopback what TCP carries within the host.
//
// Run measures them all, in memory of its own and for 1, 2, 4, ... workers. What
// each figure counts is in docs/metrics.md.
//
// # Errors
//
// What cannot be measured as it was asked for is ErrShape. What a system has not
// is errors.ErrUnsupported, or driver.ErrNotSupported.
package limits
