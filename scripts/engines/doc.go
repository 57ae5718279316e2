// Package engines has nothing but tests: they run commbench under Open MPI, MPICH
// and Slurm, on this machine. scripts/test-engines prepares those and says where the
// program is; without it the tests are skipped.
package engines
