package numa

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Bounds of what is read. They are far above any machine's numbers and keep a
// damaged file from filling memory.
const (
	maxCPUs  = 1 << 16
	maxNodes = 1 << 10 // the most that Linux can be built for
)

// Read reads the topology of this machine. root is where sysfs is, "" for /sys.
// Where sysfs names no node of the usable CPUs, as on other systems than Linux,
// the machine is one node with all of them, of unknown size.
func Read(root string) (Topology, error) {
	usable, err := UsableCPUs()
	if err != nil {
		return Topology{}, err
	}
	t, err := read(sysfs(root), usable)
	if err != nil {
		return Topology{}, fmt.Errorf("numa: topology: %w", err)
	}
	return t, nil
}

func sysfs(root string) string { return cmp.Or(root, "/sys") }

// read is Read for the given CPUs, which ascend.
func read(root string, usable []int) (Topology, error) {
	folder := filepath.Join(root, "devices/system/node")
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Topology{}, err
	}
	rank, err := threadRanks(root, usable)
	if err != nil {
		return Topology{}, err
	}
	var t Topology
	for _, entry := range entries {
		number, ok := strings.CutPrefix(entry.Name(), "node")
		id, err := strconv.ParseUint(number, 10, 16)
		if !ok || err != nil || id >= maxNodes {
			continue // has_cpu, possible, ...
		}
		node, err := readNode(filepath.Join(folder, entry.Name()), usable)
		if err != nil {
			return Topology{}, err
		}
		node.ID = int(id)
		if len(node.CPUs) > 0 {
			t.Nodes = append(t.Nodes, node)
		}
	}
	if len(t.Nodes) == 0 {
		t.Nodes = []Node{{CPUs: slices.Clone(usable)}}
	}
	slices.SortFunc(t.Nodes, func(a, b Node) int { return cmp.Compare(a.ID, b.ID) })
	for _, n := range t.Nodes {
		slices.SortFunc(n.CPUs, func(a, b int) int { return cmp.Or(cmp.Compare(rank[a], rank[b]), cmp.Compare(a, b)) })
	}
	return t, nil
}

// readNode reads a node's folder. The CPUs ascend.
func readNode(folder string, usable []int) (Node, error) {
	cpus, err := readList(filepath.Join(folder, "cpulist"))
	if err != nil {
		return Node{}, err
	}
	n := Node{CPUs: slices.DeleteFunc(cpus, func(cpu int) bool { return !contains(usable, cpu) })}
	path := filepath.Join(folder, "meminfo")
	info, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return n, nil
	}
	if err != nil {
		return Node{}, err
	}
	if n.MemoryBytes, err = memTotal(string(info)); err != nil {
		return Node{}, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}

// threadRanks says of each usable CPU how many usable ones of its physical core
// come before it. Where sysfs does not say, a CPU is a core of its own.
func threadRanks(root string, usable []int) (map[int]int, error) {
	rank := make(map[int]int, len(usable))
	for _, cpu := range usable {
		path := filepath.Join(root, fmt.Sprintf("devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu))
		siblings, err := readList(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, s := range siblings {
			if s < cpu && contains(usable, s) {
				rank[cpu]++
			}
		}
	}
	return rank, nil
}

func contains(ascending []int, cpu int) bool {
	_, ok := slices.BinarySearch(ascending, cpu)
	return ok
}
