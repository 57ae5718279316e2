package numa_test

import (
	"fmt"
	"log"

	"github.com/commbench/commbench/transport/numa"
)

// Two sockets of two cores with two threads each.
func ExampleTopology_Place() {
	machine := numa.Topology{Nodes: []numa.Node{
		{ID: 0, CPUs: []int{0, 1, 4, 5}},
		{ID: 1, CPUs: []int{2, 3, 6, 7}},
	}}
	for worker, slot := range machine.Place(6) {
		fmt.Printf("worker %d: CPU %d of node %d\n", worker, slot.CPU, slot.Node)
	}
	// Output:
	// worker 0: CPU 0 of node 0
	// worker 1: CPU 1 of node 0
	// worker 2: CPU 4 of node 0
	// worker 3: CPU 2 of node 1
	// worker 4: CPU 3 of node 1
	// worker 5: CPU 6 of node 1
}

// Memory is placed before it is touched, and worked on by threads close to it.
func Example() {
	machine, err := numa.Read("")
	if err != nil {
		log.Fatal(err)
	}
	slots := machine.Place(4)
	memory := make([][]byte, len(slots)) // in a program, from a driver's Alloc
	for i, slot := range slots {
		if err := numa.Bind(memory[i], machine.Nodes[slot.Node].ID); err != nil {
			log.Print(err) // slower, and not wrong
		}
	}
	unpin, err := numa.Pin(slots[0].CPU) // in each worker's own goroutine
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("work")
	if err := unpin(); err != nil {
		log.Fatal(err)
	}
}
