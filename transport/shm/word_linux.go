package shm

import (
	"sync/atomic"
	"unsafe"
)

// word has a cache line of its own, so that ranks that signal different words
// do not disturb each other.
type word struct {
	value atomic.Uint64
	_     [56]byte
}

const wordSize = int(unsafe.Sizeof(word{}))

// wordsOf is the only place where mapped memory changes its type. A mapping
// begins on a page, so the words are aligned, and holds no Go pointers.
func wordsOf(bytes []byte) []word {
	return unsafe.Slice((*word)(unsafe.Pointer(unsafe.SliceData(bytes))), len(bytes)/wordSize)
}
