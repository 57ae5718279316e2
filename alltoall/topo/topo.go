package topo

import (
	"fmt"
	"strings"
)

// MaxRanks bounds a cluster, so that a mistyped flag is an error and not an
// allocation. It is far above what is planned today (EP2048).
const MaxRanks = 1 << 16

// Cluster is the shape of the machine: Nodes scale-up domains of GPUsPerNode
// ranks each. Use New to make a checked one.
type Cluster struct {
	Nodes       int
	GPUsPerNode int
}

// New returns the cluster of nodes x gpusPerNode ranks, or an error if either
// is not positive or there are more than MaxRanks ranks.
func New(nodes, gpusPerNode int) (Cluster, error) {
	if nodes < 1 || gpusPerNode < 1 {
		return Cluster{}, fmt.Errorf("topo: %d nodes x %d GPUs: both must be at least 1", nodes, gpusPerNode)
	}
	if nodes > MaxRanks || gpusPerNode > MaxRanks || nodes*gpusPerNode > MaxRanks {
		return Cluster{}, fmt.Errorf("topo: %d nodes x %d GPUs: more than %d ranks", nodes, gpusPerNode, MaxRanks)
	}
	return Cluster{Nodes: nodes, GPUsPerNode: gpusPerNode}, nil
}

// Ranks is the number of ranks.
func (c Cluster) Ranks() int { return c.Nodes * c.GPUsPerNode }

// Rank is the rank with the given in-node index on the given node.
func (c Cluster) Rank(node, index int) int { return node*c.GPUsPerNode + index }

// Node is the node (scale-up domain) that the rank is on.
func (c Cluster) Node(rank int) int { return rank / c.GPUsPerNode }

// Index is the rank's in-node index, which is also the number of its rail.
func (c Cluster) Index(rank int) int { return rank % c.GPUsPerNode }

// RailPeer is the rank on the given node that shares this rank's rail.
func (c Cluster) RailPeer(rank, node int) int { return c.Rank(node, c.Index(rank)) }

// String reads "4 nodes x 8 GPUs = 32 ranks".
func (c Cluster) String() string {
	return fmt.Sprintf("%s x %s = %s", count(c.Nodes, "node"), count(c.GPUsPerNode, "GPU"), count(c.Ranks(), "rank"))
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Placement says which rank hosts which expert: expert e lives on rank
// e / (Experts/Ranks), node-major, so a node's experts are contiguous.
type Placement struct {
	Cluster
	Experts int
	perRank int
}

// Place spreads experts evenly over the cluster's ranks. Experts that do not
// divide evenly are an error that names the nearest counts that would do.
func Place(c Cluster, experts int) (Placement, error) {
	ranks := c.Ranks()
	if experts < 1 || experts%ranks != 0 {
		return Placement{}, fmt.Errorf("topo: %d experts do not divide evenly over %s; %s would do",
			experts, count(ranks, "rank"), nearest(experts, ranks))
	}
	return Placement{Cluster: c, Experts: experts, perRank: experts / ranks}, nil
}

// nearest lists the multiples of ranks on both sides of experts.
func nearest(experts, ranks int) string {
	var near []string
	if experts > ranks {
		near = append(near, fmt.Sprint(experts/ranks*ranks))
	}
	next := ranks
	if experts > 0 {
		next = (experts/ranks + 1) * ranks
	}
	return strings.Join(append(near, fmt.Sprint(next)), " or ")
}

// PerRank is the number of experts that a rank hosts.
func (p Placement) PerRank() int { return p.perRank }

// PerNode is the number of experts that a node hosts.
func (p Placement) PerNode() int { return p.perRank * p.GPUsPerNode }

// RankOf is the rank that hosts the expert.
func (p Placement) RankOf(expert int) int { return expert / p.perRank }

// NodeOf is the node that hosts the expert.
func (p Placement) NodeOf(expert int) int { return expert / (p.perRank * p.GPUsPerNode) }

// FirstExpert is the lowest expert that the rank hosts; it hosts PerRank of
// them from there.
func (p Placement) FirstExpert(rank int) int { return rank * p.perRank }
