// Package hardware describes GPUs, their links and the fabric between nodes, for the
// predictions of what one does not own: a catalogue, and files of the user's in the same
// form.
//
//	h, err := hardware.Open("h800")     // by name
//	h, err := hardware.Open("my.yaml")  // a file
//
// # Figures
//
// Every number is a Figure: a value, and where it is from. The source says "assumed" where
// nobody has published one. Rates are GB/s, 1e9 bytes a second, one way and of one GPU
// unless the field says otherwise; latencies are microseconds.
//
// A line rate is what the link can carry at most; the achievable one is what is reached over
// it with large messages and nothing else to be done.
//
// # Kernels
//
// How fast an SM reads, writes and adds up, and what is reached of a link meanwhile, belongs
// to a generation of kernels and not to a GPU, so these are figures of a Profile: "v1" is
// DeepEP V1, whose channels are two SMs with ring buffers and fixed warp roles; "ll" are its
// low-latency kernels; and "v2" is DeepEP V2, whose channels are a pair of warps with
// full-size buffers, and which copies into tensors in a kernel of its own.
//
// # Errors
//
// What is wrong with a file is said with its line, the field, and what was expected. Files
// of more than 64 KiB are refused, unknown fields as well. Nothing is allocated by a number
// of a file.
//
// # Concurrency
//
// Values are plain data. All functions may be called from any goroutine.
package hardware
