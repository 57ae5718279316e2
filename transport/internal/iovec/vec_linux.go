package iovec

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Vec is a list of blocks to be read into or written from, in order. The zero value
// is ready for use. It keeps its room, so in the long run nothing is allocated. It is
// for one goroutine at a time, and the blocks must stay as they are until it is Reset.
type Vec struct {
	blocks []unix.Iovec
	at     int // blocks before this one are done
}

// Reset forgets all blocks.
func (v *Vec) Reset() {
	clear(v.blocks) // they may be the last that hold their memory
	v.blocks, v.at = v.blocks[:0], 0
}

// Add appends a block. One of no bytes is left out.
func (v *Vec) Add(b []byte) {
	if len(b) == 0 {
		return
	}
	block := unix.Iovec{Base: unsafe.SliceData(b)}
	block.SetLen(len(b))
	v.blocks = append(v.blocks, block)
}

func (v *Vec) size(i int) int { return int(v.blocks[i].Len) }

// cut drops the first n bytes of the block that is next.
func (v *Vec) cut(n int) {
	b := unsafe.Slice(v.blocks[v.at].Base, v.size(v.at))[n:]
	v.blocks[v.at].Base = unsafe.SliceData(b)
	v.blocks[v.at].SetLen(len(b))
}

// Read fills as much as there is to read now, and Write sends as much as there is
// room for; the caller Takes what they moved. The error is unix.EAGAIN where there is
// nothing, and n is 0 with no error at the end of a stream.
func (v *Vec) Read(fd int) (n int, err error) { return v.call(unix.SYS_READV, fd) }

// Write is Read in the other direction.
func (v *Vec) Write(fd int) (n int, err error) { return v.call(unix.SYS_WRITEV, fd) }

func (v *Vec) call(trap uintptr, fd int) (int, error) {
	rest := v.blocks[v.at:min(len(v.blocks), v.at+Max)]
	if len(rest) == 0 {
		return 0, nil
	}
	for {
		// The runtime is told of the call: it may copy megabytes.
		n, _, errno := unix.Syscall(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(rest))), uintptr(len(rest)))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
			continue
		}
		return 0, errno
	}
}
