// Package limits measures this host's ceilings: how fast it can do the very
// things that exec does, with nothing around them.
//
// Copy, Sum and Cast are the loops of a hop or of a reduction without plan,
// signals and roles: the same kernels, on blocks of the same size, at random
// places. Each makes a Probe on memory and workers that are given, so that one
// can be measured on a run's own arenas between two of its iterations. A Probe
// allocates nothing while it measures.
package limits
