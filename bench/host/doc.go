// Package host says what machine this is: its CPUs, memory and memory nodes, caches, the
// governor of its clocks, its huge pages, its kernel and what it is a guest of. All is read
// from /proc and /sys below a root that tests choose; nothing is run and nothing is
// changed. What cannot be read is an answer of its own and hides nothing else.
//
// It also chooses which environment variables a record carries: see Environment.
//
// # Answers
//
// What the kernel has no file for is not supported, and the answer names the file. What it
// has a file for that cannot be read, or that is not as the kernel writes it, could not be
// told, and the answer says what was expected. Files are read up to a bound and CPUs are
// numbered up to one, so a damaged tree costs no more than a whole one.
//
// # Cost
//
// Read is meant to be called once, at a program's start. Of what a CPU has a file for it
// reads the governor of each CPU, the siblings of each core and of each socket, and the
// caches of one CPU: about 300 small files, or a few milliseconds, where there are 192 CPUs.
//
// # Privacy
//
// Records are made to be passed on. No field names the host, and Environment leaves out
// whatever may be a secret or name one.
//
// # Concurrency
//
// All functions may be called from any goroutine. Read asks which CPUs the calling thread
// may use, so it is called from a goroutine that is not pinned.
package host
