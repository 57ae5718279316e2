// Package model predicts dispatch and combine in closed form: what they should cost on
// hardware that one does not own, and how many SMs of a GPU they take. Every formula is
// derived in docs/model.md, with its units and its source.
//
//	w := model.Workload{Op: model.Dispatch, Algorithm: plan.AlgTwoHop, Nodes: 4, GPUsPerNode: 8, ...}
//	curve, err := w.Predict(h, kernels)
//
// It is pure: it reads no clock, draws no random number and moves nothing. Units are those
// of package hardware: GB/s (1e9 bytes a second) and microseconds.
//
// # Errors
//
// A workload that makes no sense, such as more choices than experts, is an error that says
// which number is wrong. No time and no memory depends on a number that was given.
//
// # Concurrency
//
// All functions may be called from any goroutine.
package model
