package topo_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/commbench/commbench/alltoall/topo"
)

func Example() {
	c, _ := topo.New(4, 8)
	p, _ := topo.Place(c, 256)
	rank := p.RankOf(77)
	fmt.Println(c)
	fmt.Printf("expert 77: rank %d, node %d, rail %d\n", rank, p.Node(rank), p.Index(rank))
	// Output:
	// 4 nodes x 8 GPUs = 32 ranks
	// expert 77: rank 9, node 1, rail 1
}

func TestRanksAreNodeMajor(t *testing.T) {
	for _, shape := range [][2]int{{1, 1}, {1, 8}, {3, 5}, {8, 8}, {7, 1}} {
		c, err := topo.New(shape[0], shape[1])
		if err != nil {
			t.Fatal(err)
		}
		rank := 0
		for n := 0; n < c.Nodes; n++ {
			for g := 0; g < c.GPUsPerNode; g++ {
				if c.Rank(n, g) != rank || c.Node(rank) != n || c.Index(rank) != g {
					t.Fatalf("%v: rank %d is not node %d index %d", c, rank, n, g)
				}
				for m := 0; m < c.Nodes; m++ {
					if p := c.RailPeer(rank, m); c.Index(p) != g || c.Node(p) != m {
						t.Fatalf("%v: rail peer of %d on node %d is %d", c, rank, m, p)
					}
				}
				rank++
			}
		}
		if rank != c.Ranks() {
			t.Fatalf("%v: %d ranks", c, rank)
		}
	}
}

func TestExpertsAreContiguousByRank(t *testing.T) {
	c, _ := topo.New(3, 5)
	p, err := topo.Place(c, 45)
	if err != nil {
		t.Fatal(err)
	}
	for e := 0; e < 45; e++ {
		r := p.RankOf(e)
		if r != e/3 || p.NodeOf(e) != c.Node(r) || e < p.FirstExpert(r) || e >= p.FirstExpert(r)+p.PerRank() {
			t.Fatalf("expert %d on rank %d", e, r)
		}
	}
	if p.PerNode() != 15 {
		t.Fatalf("per node %d", p.PerNode())
	}
}

func TestBadShapes(t *testing.T) {
	for _, shape := range [][2]int{{0, 8}, {4, 0}, {-1, 8}, {1 << 40, 1 << 40}, {topo.MaxRanks, 2}} {
		if _, err := topo.New(shape[0], shape[1]); err == nil {
			t.Errorf("New(%d, %d) succeeded", shape[0], shape[1])
		}
	}
	c, _ := topo.New(4, 8)
	for experts, want := range map[int]string{250: "224 or 256", 5: "32 would", 0: "32 would", -3: "32 would", 33: "32 or 64"} {
		_, err := topo.Place(c, experts)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Place(%d): %v, want one that says %q", experts, err, want)
		}
	}
}
