// Package unit formats figures for people: bytes, GB/s, microseconds, counts
// and ratios.
//
// Bandwidths and sizes are decimal (1 GB = 1e9 bytes), as DeepEP and
// nccl-tests print them. A person reads three or four digits, so Number keeps
// three significant ones below 100 and whole numbers above, and puts commas
// between thousands. What is not known prints as "-", never as 0.
//
// Machine formats must not go through this package: they carry every digit.
package unit
