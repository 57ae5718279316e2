package numa

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/transport/driver"
)

func upTo(n int) []int {
	cpus := make([]int, n)
	for i := range cpus {
		cpus[i] = i
	}
	return cpus
}

func TestRead(t *testing.T) {
	for _, test := range []struct {
		name, tree string
		usable     []int
		want       []Node
	}{
		{"two sockets of four cores of two threads", "two-sockets", upTo(16), []Node{
			{0, []int{0, 1, 2, 3, 8, 9, 10, 11}, 131922944 << 10},
			{1, []int{4, 5, 6, 7, 12, 13, 14, 15}, 132116480 << 10},
		}},
		{"no CPU of a node is allowed", "two-sockets", []int{4, 5, 12, 15}, []Node{
			{1, []int{4, 5, 15, 12}, 132116480 << 10}, // 15 is all there is of its core
		}},
		{"CPUs that are in no node", "two-sockets", []int{0, 8, 16}, []Node{{0, []int{0, 8}, 131922944 << 10}}},
		{"no usable CPU is in a node", "two-sockets", []int{16, 17}, []Node{{0, []int{16, 17}, 0}}},
		{"memory without CPUs, threads side by side, and no size", "memory-only", upTo(8), []Node{
			{2, []int{0, 2, 1, 3}, 2 << 20},
			{10, []int{4, 6, 5, 7}, 0},
		}},
		{"no nodes", "no-nodes", upTo(6), []Node{{0, []int{0, 2, 4, 5, 1, 3}, 0}}},
		{"no sysfs", "absent", upTo(3), []Node{{0, upTo(3), 0}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := slices.Clone(test.usable)
			got, err := read("testdata/"+test.tree, test.usable)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(Topology{test.want}, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if !slices.Equal(test.usable, before) {
				t.Error("the usable CPUs were changed")
			}
		})
	}
}

func TestReadErrors(t *testing.T) {
	for tree, want := range map[string]string{
		"damaged-list":     "node0/cpulist: CPU list",
		"damaged-siblings": "the numbers must ascend",
		"damaged-memory":   "node0/meminfo: \"much kB\": expected a number of kB",
		"no-list":          "node0/cpulist",
	} {
		_, err := read("testdata/"+tree, upTo(4))
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), `\`, "/"), want) {
			t.Errorf("%s: %v; expected %s", tree, err, want)
		}
	}
}

// What this machine really is.
func TestReadHere(t *testing.T) {
	here, err := Read("")
	if err != nil {
		t.Fatal(err)
	}
	usable, err := UsableCPUs()
	if err != nil {
		t.Fatal(err)
	}
	var cpus []int
	for _, n := range here.Nodes {
		cpus = append(cpus, n.CPUs...)
	}
	slices.Sort(cpus)
	if len(here.Nodes) == 0 || !slices.Equal(cpus, usable) {
		t.Errorf("%+v; expected the CPUs %v", here, usable)
	}
}

func TestPlace(t *testing.T) {
	two, err := read("testdata/two-sockets", upTo(16))
	if err != nil {
		t.Fatal(err)
	}
	one := Topology{[]Node{{CPUs: []int{3, 5}}}}
	three := Topology{[]Node{{CPUs: []int{0}}, {CPUs: []int{1}}, {CPUs: []int{2}}}}
	for _, test := range []struct {
		name    string
		t       Topology
		workers int
		want    []Slot
	}{
		{"none", two, 0, []Slot{}},
		{"one", two, 1, []Slot{{0, 0}}},
		{"one for each node", two, 2, []Slot{{0, 0}, {4, 1}}},
		{"an odd number", two, 3, []Slot{{0, 0}, {1, 0}, {4, 1}}},
		{"one for each core", two, 8, []Slot{{0, 0}, {1, 0}, {2, 0}, {3, 0}, {4, 1}, {5, 1}, {6, 1}, {7, 1}}},
		{"second threads", two, 10, []Slot{{0, 0}, {1, 0}, {2, 0}, {3, 0}, {8, 0}, {4, 1}, {5, 1}, {6, 1}, {7, 1}, {12, 1}}},
		{"more than CPUs", one, 5, []Slot{{3, 0}, {5, 0}, {3, 0}, {5, 0}, {3, 0}}},
		{"fewer than nodes", three, 2, []Slot{{0, 0}, {1, 1}}},
	} {
		if got := test.t.Place(test.workers); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestNodeOf(t *testing.T) {
	for nodes := 1; nodes <= 8; nodes++ {
		top := Topology{make([]Node, nodes)}
		for i := range top.Nodes {
			top.Nodes[i].CPUs = []int{i}
		}
		for n := 1; n <= 40; n++ {
			count := make([]int, nodes)
			slots := top.Place(n)
			for i, last := 0, 0; i < n; i++ {
				node := top.NodeOf(i, n)
				if node < last {
					t.Fatalf("%d items on %d nodes: item %d is on node %d after node %d", n, nodes, i, node, last)
				}
				if slots[i].Node != node {
					t.Fatalf("%d on %d nodes: worker %d is on node %d, item %d on node %d", n, nodes, i, slots[i].Node, i, node)
				}
				last = node
				count[node]++
			}
			if slices.Max(count)-slices.Min(count) > 1 {
				t.Errorf("%d items on %d nodes: %v", n, nodes, count)
			}
		}
	}
}

func TestHugePolicy(t *testing.T) {
	anon, shmem, err := HugePolicy("testdata/two-sockets")
	if anon != "madvise" || shmem != "never" || err != nil {
		t.Errorf("%s, %s, %v", anon, shmem, err)
	}
	if _, _, err := HugePolicy("testdata/no-nodes"); !errors.Is(err, driver.ErrNotSupported) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("where there is none: %v", err)
	}
	if _, _, err := HugePolicy("testdata/damaged-memory"); err == nil || errors.Is(err, driver.ErrNotSupported) {
		t.Errorf("without a word in brackets: %v", err)
	}
}
