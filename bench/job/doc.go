// Package job makes one job of several processes: it finds this process's place,
// starts others where that is asked for, has all of them meet, and sees to it that
// they end together.
//
// # Who starts the processes
//
// A process that an engine (Slurm, mpirun, torchrun, Kubernetes) or a person has
// started takes its place from the environment or from flags; see bench/engine. With
// Config.Procs this process starts the others itself, on this host, as children: the
// same program with the same arguments.
//
// Processes that an engine has started on one host, which tells them no address, meet
// by a file in the directory commbench-UID of the system's directory for temporary
// files. Both can be read by their user alone. The file is named after the job and the
// process that wrote it, which removes it when all have joined; those of processes that
// have died are removed by whoever comes next.
//
// # Secrets
//
// All processes of a job know a secret. It is Config.Secret, or where processes share a
// host and nobody gave one, made for the job: children read it from an inherited pipe,
// and processes of an engine from their file. It is never on a command line. A
// rendezvous on loopback needs none; then all users of the host are trusted not to join.
//
// # Failures
//
// A process that fails tells the others with Failed, and one that dies or hangs is
// missed by them (see transport/rendezvous). All learn the same: Context ends, and its
// cause says which process it was, with which ranks, on which host, and what it was
// doing. Process 0 reports it. Others do so only if process 0 is lost, or if the failure
// is their own; Reported says which it is.
//
// A failure shows in many ways, and not first in the best one: to who puts to a process
// that was killed it is a broken connection. Failed therefore has patience with errors
// that may follow from another failure.
//
// The end of Join's context is a failure, too. Who interrupts a job often does so to all
// of its processes at once; what is then reported is the interrupt, once.
//
// # Ends
//
// A child reads the end of its pipe when its parent is gone, however that ended, and
// leaves at once. On Linux the system kills it as well, even if it was stopped. A parent
// tells its children to leave, waits, and kills those that do not; so children never
// outlive it.
//
// # Concurrency
//
// Exchange is for one goroutine at a time, End comes last, and everything else may be
// called from anywhere. Nothing is left after End, or of a Join that failed: no
// goroutine, process or file. But a child always has one goroutine, which reads its pipe.
package job
