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
// # Secrets
//
// All processes of a job know a secret. It is COMMBENCH_SECRET, or where processes
// share a host and nobody set it, made for the job: children read it from an inherited
// pipe, and processes of an engine from a file that only their user can read. It is
// never on a command line. A rendezvous on loopback needs none; then all users of the
// host are trusted not to join.
//
// # Ends
//
// A child reads the end of its pipe when its parent is gone, however that ended, and
// leaves at once. A parent tells its children to stop, waits, and kills those that do
// not; so children never outlive it.
package job
