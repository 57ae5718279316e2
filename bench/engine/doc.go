// Package engine finds where this process stands in a job of many: which
// process it is, of how many, how many of them are on this host, and where
// process 0 can be met.
//
// # Terms
//
// A job is what one command of a user starts: some processes of the same
// program with the same arguments. An engine is what started them, and says so
// in the environment: Slurm's srun, the mpirun of Open MPI or of MPICH, torchrun,
// or an indexed Job of Kubernetes. A rendezvous is the host:port where process 0
// listens for the others. Where all are on one host a file there serves instead,
// named by the job's key.
//
// # Who is believed
//
// --rank and --world, or COMMBENCH_RANK and COMMBENCH_WORLD, win over every
// engine, and flags win over variables. Without them every engine is asked.
// Those that know nothing are left out; so are those that know of one process,
// where another knows of several: an mpirun in a step of one task, say. The others
// must agree on this process and on their number. An environment that is half
// set, or that contradicts itself, is an error with every variable and value that
// was seen, never a guess: a process that took itself for the only one would print
// figures of a job that nobody asked for.
//
// The usual contradiction is an mpirun or a torchrun which Slurm has started as
// a task on each node: then Slurm's tasks are those, and --engine names the inner
// one.
//
// --rendezvous, or COMMBENCH_RENDEZVOUS, takes the place of what an engine says.
// If it is a loopback address, all processes are on this host.
//
// # Where process 0 is
//
//   - Slurm, one node: a key. Several nodes: the first host of the step's node
//     list, and port 20000 + h mod 20000, where h is the 32-bit FNV-1a hash of
//     "JOB.STEP", as in "1234.0": steps that run at the same time rarely share it.
//   - Open MPI and MPICH, one host: a key. They do not say where process 0 is if
//     there are several hosts: --rendezvous must.
//   - torchrun, one host: a key. Several: MASTER_ADDR and MASTER_PORT, or the port
//     after it where TORCHELASTIC_USE_AGENT_STORE is True, for there torchrun's own
//     store listens on MASTER_PORT.
//   - Kubernetes: <job>-0, with the subdomain that COMMBENCH_SUBDOMAIN names, port
//     29500; the pod's own host name is <job>-<index>. Pod 0 itself listens by the
//     name that it has in its own /etc/hosts, without a domain: the cluster's DNS
//     may not know a pod that has just started.
//
// # Purity
//
// Find reads the environment and the host's name through the functions that it
// is given. For MPICH, whose variables name no job, it also asks the system what
// the descriptor is that mpiexec left in all processes of the job. It opens no
// socket, looks up no name and keeps nothing; it may be called concurrently.
//
// # Errors
//
// Every error says which variable or flag is wrong, its value, what was expected
// and what to do. All of them are the caller's to put right: none goes away by
// itself.
package engine
