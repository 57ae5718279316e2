package numa

import "reflect"

// HugePage is the size of a huge page, in bytes, on amd64 and on arm64 with
// pages of 4 KiB. Smaller memory cannot have one.
const HugePage = 2 << 20

// addressOf is for system calls that package unix has no function for. Memory
// does not move: what is on a goroutine's stack escapes to the heap by Pointer.
// The caller keeps it alive.
func addressOf[T any](memory []T) uintptr { return reflect.ValueOf(memory).Pointer() }

// wholePages is the part of memory that is made of whole pages of the given
// size. It may be empty.
func wholePages(memory []byte, page int) []byte {
	from, to := roundInwards(uint64(addressOf(memory)), len(memory), page)
	return memory[from:to]
}

// roundInwards returns the offsets of the first whole page's begin and the last
// one's end in length bytes at an address.
func roundInwards(address uint64, length, page int) (from, to int) {
	from = int(-address % uint64(page))
	if from >= length {
		return 0, 0
	}
	return from, length - (length-from)%page
}
