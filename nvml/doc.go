// Package nvml says what NVIDIA's management library knows of this machine's GPUs: what
// they are, how they are connected, what they do now, and what went wrong with them.
//
// Open returns the library, or an error that is errors.ErrUnsupported where there is none:
// no driver, a build without cgo, another system. What one GPU lacks never hides the rest:
// every field is an answer of its own.
//
// The types here are plain data in bytes, watts, degrees and MHz; NVML's own units, its
// many ways to say no and the calls that must not be made stay behind Library. The machines
// of package fake are made of the same types, so that all that is built on them is tested
// without a GPU. Only this package and its tests import go-nvml, and only where cgo is on.
package nvml
