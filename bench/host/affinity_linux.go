package host

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// affinity are the CPUs that the calling thread may use, ascending.
func affinity() ([]int, error) {
	set := unix.NewCPUSet(maxCPUs) // the kernel refuses one that is smaller than its own
	if err := unix.SchedGetaffinityDynamic(0, set); err != nil {
		return nil, fmt.Errorf("sched_getaffinity: %w", err)
	}
	var cpus []int
	for cpu := range maxCPUs {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}
