// Package answer is what a probe may say of a thing: a value, that the thing has none, or
// that it could not tell, and why. A probe that must not guess has no other way to be
// honest: 0 is a value, and an error would hide all that the other fields know.
//
// In JSON a value is itself and everything else is null. Missing collects the reasons,
// which belong beside it.
package answer
