package numa

import (
	"errors"
	"fmt"
	"math/bits"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/commbench/commbench/transport/driver"
)

// Bind asks that memory is taken from a node, given by its ID in the system, and
// from others only when that one has no more. It holds for pages that lie whole
// in memory and were not touched yet. For memory that processes share it holds
// whichever of them touches it. On a machine with one node there is no need.
func Bind(memory []byte, node int) error {
	if node < 0 || node >= maxNodes {
		return fmt.Errorf("numa: bind %d bytes to node %d: expected one of 0 to %d", len(memory), node, maxNodes-1)
	}
	pages := wholePages(memory, os.Getpagesize())
	if len(pages) == 0 {
		return nil
	}
	mask := make([]uint, node/bits.UintSize+1) // a word of the kernel's is a uint
	mask[node/bits.UintSize] = 1 << (node % bits.UintSize)
	maxNode := len(mask)*bits.UintSize + 1 // the kernel takes one off
	_, _, errno := unix.Syscall6(unix.SYS_MBIND, addressOf(pages), uintptr(len(pages)),
		unix.MPOL_PREFERRED, addressOf(mask), uintptr(maxNode), 0)
	runtime.KeepAlive(mask)
	runtime.KeepAlive(pages)
	switch {
	case errno == unix.EINVAL:
		return fmt.Errorf("numa: bind %d bytes to node %d: mbind: %w: expected the ID of a node that is online and has memory", len(memory), node, errno)
	case errno != 0:
		return fmt.Errorf("numa: bind %d bytes to node %d: mbind: %w", len(memory), node, refused(errno))
	}
	return nil
}

// AdviseHuge asks that pages which lie whole in memory become huge pages when
// they are touched. It is advice: HugePolicy says whether the system takes any
// for this kind of memory, HugeBytes what became of it. With it, the first touch
// of a byte may take the memory of a huge page. memory is a mapping, not part of
// the Go heap, whose pages the runtime looks after.
func AdviseHuge(memory []byte) error {
	pages := wholePages(memory, os.Getpagesize())
	if len(pages) == 0 {
		return nil
	}
	err := unix.Madvise(pages, unix.MADV_HUGEPAGE)
	switch {
	case errors.Is(err, unix.EINVAL): // no argument of ours is wrong
		return fmt.Errorf("numa: huge pages for %d bytes: madvise: %w: the kernel was built without: %w", len(memory), driver.ErrNotSupported, err)
	case err != nil:
		return fmt.Errorf("numa: huge pages for %d bytes: madvise: %w", len(memory), refused(err))
	}
	return nil
}

// Populate makes the pages that lie whole in memory, as a write to each would, and
// is quicker than that. Bytes that are there stay. Where the kernel is older than
// 5.14 it returns ErrNotSupported, and the first write to each page makes it.
func Populate(memory []byte) error {
	pages := wholePages(memory, os.Getpagesize())
	if len(pages) == 0 {
		return nil
	}
	err := unix.Madvise(pages, unix.MADV_POPULATE_WRITE)
	switch {
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("numa: populate %d bytes: madvise: %w: %w", len(memory), driver.ErrNotSupported, err)
	case err != nil:
		return fmt.Errorf("numa: populate %d bytes: madvise: %w", len(memory), refused(err))
	}
	return nil
}

// HugeBytes is how many bytes of all these blocks of memory are backed by huge
// pages now. It is known for a mapping as a whole, so one that is larger than a
// block counts as if its huge pages were in the block first.
//
// It reads what the system knows of all of this process's memory, which may take
// a second for many gigabytes: not while something is measured.
func HugeBytes(memory ...[]byte) (int64, error) {
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return 0, fmt.Errorf("numa: huge pages: %w", err)
	}
	defer f.Close()
	all, err := mappings(f)
	if err != nil {
		return 0, fmt.Errorf("numa: huge pages: /proc/self/smaps: %w", err)
	}
	total := int64(0)
	for _, m := range memory {
		n, err := hugeIn(all, uint64(addressOf(m)), len(m))
		if err != nil {
			return 0, fmt.Errorf("numa: huge pages of %d bytes: %w", len(m), err)
		}
		total += n
		runtime.KeepAlive(m)
	}
	return total, nil
}

// refused marks errors that say that this kernel has no such call, or that a
// container's filter does not let it through. None of the calls here needs
// a privilege, so EPERM means the latter.
func refused(err error) error {
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%w by this kernel or container: %w", driver.ErrNotSupported, err)
	}
	return err
}
