// Package simulate makes records of benchmarks that are played in virtual time, on hardware of
// the catalogue: the same workloads, the same plans and the same records as runs have, with
// "simulated" as their source.
package simulate
