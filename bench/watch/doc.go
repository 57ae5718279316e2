// Package watch looks at a machine beside a benchmark: at what it is before, at what it does
// meanwhile, and at what has become of it after. It never disturbs the result: one thread looks,
// its cost is measured, and a device that does not answer is given up on after a while, with
// all that was seen before.
package watch
