// Package routing makes the routing of a workload: which experts each token of
// each rank chooses, and with which weights.
//
// Open reads a pattern as the --routing flag accepts it: a generator (uniform,
// grouped, zipf:S, lognormal:SIGMA, hot:R, balanced), recorded expert loads
// (load:FILE) or recorded choices (trace:FILE). Generate makes the tables of
// all ranks from it, and Measure says what was made. docs/routing.md defines
// every pattern and both file formats.
//
// The same Spec gives the same bytes on every machine, for any number of
// processors: random numbers come from package counter, keyed by seed, rank
// and token, and all floating-point arithmetic is rounded in one way only.
//
// Files are checked as a whole before anything is made from them. What is wrong
// in one is a *FileError, which names the place and what was expected.
package routing
