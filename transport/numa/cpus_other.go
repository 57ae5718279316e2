//go:build !linux

package numa

import "runtime"

// usableCPUs numbers them, as this system does not.
func usableCPUs() ([]int, error) {
	cpus := make([]int, runtime.NumCPU())
	for i := range cpus {
		cpus[i] = i
	}
	return cpus, nil
}
