package exec

import (
	"sync/atomic"

	"github.com/commbench/commbench/transport/numa"
)

// Where workers run and memory lies, on machines with more than one memory node.
// A rail's ranks are together: a worker that runs a rail's channel then reads
// tokens and fills rings in memory of its own node, and only the puts of the
// scale-up hop go to others, as they do between GPUs.

// slots are the cores that workers are pinned to, nil if they are not.
func (c *Config) slots() []numa.Slot {
	if c.Pin == nil {
		return nil
	}
	return c.Pin.Place(c.Workers)
}

// homeOf is the memory node of a rank, as an index in Topology.Nodes.
func (g *Group) homeOf(r *rank) int {
	if g.cfg.Pin == nil {
		return 0
	}
	return g.cfg.Pin.NodeOf(r.index, g.cfg.Place.GPUsPerNode)
}

// bind asks for a rank's memory on its node. That it cannot be had makes a run
// slower and not wrong, so the reason is only kept.
func (g *Group) bind(r *rank) {
	if g.cfg.Pin == nil || len(g.cfg.Pin.Nodes) == 1 {
		return
	}
	if err := numa.Bind(r.mem, g.cfg.Pin.Nodes[g.homeOf(r)].ID); err != nil && g.unbound == nil {
		g.unbound = err
	}
}

// Unbound is why ranks' memory could not be put on their memory nodes, or nil.
func (g *Group) Unbound() error { return g.unbound }

// HugeBytes is how much of the ranks' memory is backed by huge pages now, in
// bytes. It may take a second.
func (g *Group) HugeBytes() (int64, error) {
	var arenas [][]byte
	for _, r := range g.ranks {
		arenas = append(arenas, r.mem)
	}
	return numa.HugeBytes(arenas...)
}

// EachRank calls f for every local rank, on the workers, and returns when all
// calls have. Workers begin with the ranks of their own memory node, so that pages
// which they touch first are near to who will use them, and then help the others.
func (g *Group) EachRank(f func(local int)) {
	if g.pool == nil {
		return
	}
	taken := make([]atomic.Bool, len(g.ranks))
	g.Run(func(w int) {
		for _, near := range []bool{true, false} { // then what nobody has taken
			for i, r := range g.ranks {
				if (near && g.homeOf(r) != g.pool.node(w)) || taken[i].Swap(true) {
					continue
				}
				f(i)
			}
		}
	})
}
