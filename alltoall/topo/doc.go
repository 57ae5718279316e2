// Package topo says where ranks and experts live.
//
// A cluster is a number of nodes with the same number of GPUs each. A rank is
// one GPU's place; ranks are node-major, so rank = node*GPUsPerNode + index.
// The ranks of a node are one scale-up domain (NVLink on a GPU cluster). The
// ranks with one in-node index, over all nodes, are a rail: the scale-out put
// of the two-hop algorithm stays on its rail.
//
// Everything here is pure arithmetic on values: no state, safe for concurrent
// use, and nothing is allocated after New and Place.
package topo
