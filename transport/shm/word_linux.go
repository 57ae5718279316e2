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

const (
	wordSize = int(unsafe.Sizeof(word{}))
	bellSize = int(unsafe.Sizeof(bell{}))
)

// wordsOf is what a region for words holds: these, and the bell of their endpoint.
func wordsOf(bytes []byte) ([]word, *bell) {
	end := len(bytes) - bellSize
	return as[word](bytes[:end]), bellOf(bytes[end:])
}

func bellOf(bytes []byte) *bell { return &as[bell](bytes)[0] }

// as is the only place where mapped memory changes its type. A mapping begins on
// a page, and what is in it has the size of cache lines, so it is aligned. It
// holds no Go pointers.
func as[T word | bell](bytes []byte) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(bytes))), len(bytes)/int(unsafe.Sizeof(*new(T))))
}
