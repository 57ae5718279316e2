// Package record is the result of a run: the contract that machines read.
//
// A Record says what was done (operation, algorithm, cluster, workload), how
// much was moved (traffic), how long it took (times in microseconds, with the
// samples), what that means (bandwidths in GB/s, 1 GB = 1e9 bytes), whether
// the data were right, and on which host. WriteJSON writes one document, an
// array of records; WriteJSONL one record a line; Read takes both.
//
// # Unknown is null
//
// What is not known, or does not apply, is nil here and null in JSON, never 0:
// a zero is a measurement. Groups (traffic, time_us, ...) are always present,
// with null inside, so that a path such as time_us.p50 always exists. The
// exceptions are limit and baseline, which are null as a whole.
//
// # Compatibility
//
// Fields are added, never renamed or given another meaning, as long as Schema
// stays the same. Read ignores fields that it does not know and refuses a
// schema that it does not know.
//
// # Errors
//
// Programs test for ErrSchema, ErrTooLarge and ErrInvalid with errors.Is. An
// error from Read names the input and the line.
package record
