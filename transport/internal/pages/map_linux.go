//go:build !race

package pages

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/commbench/commbench/transport/numa"
)

// alloc maps memory that a huge page fits into: the runtime decides for itself
// about huge pages of its heap, and may have touched what it gives out.
func alloc(size int) (*memory, error) {
	if size < numa.HugePage {
		return onHeap(size), nil
	}
	// The system puts a mapping of whole huge pages where they are aligned.
	mapped := (size + numa.HugePage - 1) &^ (numa.HugePage - 1)
	const flags = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_NORESERVE
	mapping, err := unix.Mmap(-1, 0, mapped, unix.PROT_READ|unix.PROT_WRITE, flags)
	if err != nil {
		return nil, fmt.Errorf("mmap %d bytes: %w", mapped, err)
	}
	_ = numa.AdviseHuge(mapping) // without, it is slower and not wrong
	return &memory{bytes: mapping[:size:size], unmap: func() error {
		if err := unix.Munmap(mapping); err != nil {
			return fmt.Errorf("munmap %d bytes: %w", mapped, err)
		}
		return nil
	}}, nil
}
