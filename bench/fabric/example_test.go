package fabric_test

import (
	"fmt"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/nvml/answer"
)

// A GPU and two NICs: one below the same switch, one on another socket. On a machine they
// come from At, and from the devices that Read lists.
func Example() {
	at := func(numa int, path ...string) fabric.Place {
		return fabric.Place{Path: answer.Is(path), NUMA: answer.Is(numa)}
	}
	gpu := at(0, "pci0000:15", "0000:15:01.0", "0000:16:00.0", "0000:17:00.0", "0000:18:00.0")
	nics := []fabric.Place{
		at(1, "pci0000:a0", "0000:a0:01.0", "0000:a1:00.0"),
		at(0, "pci0000:15", "0000:15:01.0", "0000:16:00.0", "0000:17:01.0", "0000:19:00.0"),
	}
	for i, nic := range nics {
		fmt.Printf("NIC %d: %v\n", i, fabric.Between(gpu, nic))
	}
	nearest, distance := fabric.Nearest(gpu, nics)
	fmt.Println("nearest:", nearest, distance)
	fmt.Println("nowhere:", fabric.Between(gpu, fabric.Place{}))
	// Output:
	// NIC 0: SYS
	// NIC 1: PIX
	// nearest: [1] PIX
	// nowhere: could not tell: not asked
}
