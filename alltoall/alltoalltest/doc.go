// Package alltoalltest is the product test: every algorithm on a transport,
// over topologies, data types and routings, compared bit for bit with the
// reference. A transport's test of the algorithms is one call of Run, and, if it
// connects processes, one of RunProcesses.
package alltoalltest
