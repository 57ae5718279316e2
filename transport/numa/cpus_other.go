//go:build !linux

package numa

import "runtime"

// UsableCPUs numbers them, as this system does not.
func UsableCPUs() ([]int, error) {
	cpus := make([]int, runtime.NumCPU())
	for i := range cpus {
		cpus[i] = i
	}
	return cpus, nil
}
