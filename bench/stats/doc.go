// Package stats summarises the times of repeated iterations and compares two
// series of them.
//
// It assumes nothing of how the times are distributed and removes no
// outliers: the centre is the median, and its confidence interval comes from
// order statistics. Percentiles are nearest-rank: each is a sample that was
// measured, never a value between two of them.
//
// What a reader must know about a figure (for example that p99 of ten samples
// is simply their maximum) is a Warning in the result: data to be shown in
// the report, not a line in a log.
//
// Everything here is pure: no clock, no random numbers, no input is changed.
//
// # Errors
//
// The functions return ErrEmpty, ErrNotFinite, ErrNotPositive and
// ErrNotPaired, to be tested with errors.Is.
package stats
