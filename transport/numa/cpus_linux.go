package numa

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// UsableCPUs are those that the calling thread may use, ascending.
func UsableCPUs() ([]int, error) {
	set, err := affinity()
	if err != nil {
		return nil, fmt.Errorf("numa: which CPUs may be used: %w", err)
	}
	return listOf(set), nil
}

// affinity is the calling thread's. The set is as large as the bound of CPU
// numbers, because the kernel refuses one that is smaller than its own.
func affinity() (unix.CPUSetDynamic, error) {
	set := unix.NewCPUSet(maxCPUs)
	if err := unix.SchedGetaffinityDynamic(0, set); err != nil {
		return nil, fmt.Errorf("sched_getaffinity: %w", refused(err))
	}
	return set, nil
}

func listOf(set unix.CPUSetDynamic) []int {
	var cpus []int
	for cpu := range maxCPUs {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}
