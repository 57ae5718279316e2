package numa

// Topology is the nodes of a machine, as Read found them: at least one, each
// with at least one CPU.
type Topology struct {
	Nodes []Node // by ID, ascending
}

// Node is a memory node.
type Node struct {
	ID int // in the system, for Bind
	// CPUs are the ones that this process may use: one of each physical core,
	// ascending, then the second of each, and so on.
	CPUs        []int
	MemoryBytes int64 // 0 if the system does not say
}

// Slot is where a worker runs.
type Slot struct {
	CPU  int // for Pin
	Node int // index in Topology.Nodes
}

// Place says where each of the workers runs. They are spread over the nodes as
// NodeOf spreads items, so worker i of n is where item i of n is; within a node
// physical cores come first. Where there are more workers than CPUs, several get
// the same one.
func (t Topology) Place(workers int) []Slot {
	slots := make([]Slot, workers)
	used := make([]int, len(t.Nodes))
	for i := range slots {
		node := t.NodeOf(i, workers)
		cpus := t.Nodes[node].CPUs
		slots[i] = Slot{CPU: cpus[used[node]%len(cpus)], Node: node}
		used[node]++
	}
	return slots
}

// NodeOf is the index in Nodes of the node for item i of n equal items, 0 <= i <
// n: each node has a block of neighbors, as large as the others' or one larger.
func (t Topology) NodeOf(i, n int) int { return i * len(t.Nodes) / n }
