package exec_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/commbench/commbench/alltoall/exec"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/transport/numa"
)

// fakeNodes is a machine of two memory nodes with the cores of this one. Memory
// cannot be bound to the second, whose ID does not exist.
func fakeNodes(t *testing.T) *numa.Topology {
	t.Helper()
	here, err := numa.Read("")
	if err != nil {
		t.Skip(err)
	}
	cpus := here.Nodes[0].CPUs
	return &numa.Topology{Nodes: []numa.Node{
		{ID: here.Nodes[0].ID, CPUs: cpus[:1]},
		{ID: 1023, CPUs: cpus[len(cpus)-1:]},
	}}
}

// Pinned workers on two memory nodes move the same bytes; each rank is filled
// once, and memory that cannot be placed is said and no failure.
func TestPinned(t *testing.T) {
	s := shape{2, 4, 16, 3, 0}
	tables := generate(t, s, load{routing: "uniform", tokens: 40}, 1)
	for _, alg := range plan.Algorithms {
		c := config(t, alg, s, tables)
		c.Workers, c.Pin = 3, fakeNodes(t)
		cl := open(t, c, tables)
		if cl.g.Unbound() == nil {
			t.Error("memory was bound to a node that does not exist")
		}
		var mu sync.Mutex
		calls := make([]int, cl.g.Ranks())
		cl.g.EachRank(func(i int) {
			mu.Lock()
			defer mu.Unlock()
			calls[i]++
		})
		for i, n := range calls {
			if n != 1 {
				t.Errorf("rank %d was called %d times", i, n)
			}
		}
		cl.iterate()
		// Groups of a memory node without a worker are stepped by others.
		if err := cl.g.Use(1); err != nil {
			t.Fatal(err)
		}
		cl.iterate()
	}
}

func TestPinToNoCore(t *testing.T) {
	s := shape{1, 2, 4, 1, 0}
	tables := generate(t, s, load{routing: "uniform", tokens: 4}, 1)
	c := config(t, plan.AlgTwoHop, s, tables)
	c.Pin = &numa.Topology{Nodes: []numa.Node{{CPUs: []int{60000}}}}
	if g, err := exec.Open(context.Background(), c); err == nil {
		g.Close()
		t.Error("workers were pinned to a core that is not there")
	} else if !strings.Contains(err.Error(), "pin to CPU 60000") {
		t.Error(err)
	}
}

// Any number of the workers moves the same.
func TestUse(t *testing.T) {
	s := shape{2, 2, 8, 3, 0}
	tables := generate(t, s, loads[0], 1)
	c := config(t, plan.AlgTwoHop, s, tables)
	c.Workers = 3
	cl := open(t, c, tables)
	for _, n := range []int{1, 3, 2} {
		if err := cl.g.Use(n); err != nil {
			t.Fatal(err)
		}
		var calls atomic.Int32
		cl.g.Run(func(int) { calls.Add(1) })
		if cl.g.Workers() != n || int(calls.Load()) != n {
			t.Errorf("%d workers, %d calls, want %d", cl.g.Workers(), calls.Load(), n)
		}
		cl.iterate()
	}
	for _, n := range []int{0, 4, -1} {
		if cl.g.Use(n) == nil {
			t.Errorf("%d workers were used", n)
		}
	}
}
