// Package block copies blocks of memory past the caches. Its kernels are under
// transport/internal, one folder for each instruction set with the same files;
// package isa chooses.
package block
