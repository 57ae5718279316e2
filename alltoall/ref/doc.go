// Package ref is the obvious reference: what dispatch and combine mean, said as
// plainly as can be, with no regard for speed. Every algorithm on every
// transport is compared with it bit for bit.
//
// It shares no code with package plan or with the kernels. It sees the routing
// of all ranks at once, which no rank of a running cluster does.
//
// All functions are pure and safe for concurrent use.
package ref
