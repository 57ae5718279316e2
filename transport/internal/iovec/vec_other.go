//go:build unix && !linux

package iovec

import "golang.org/x/sys/unix"

// Vec is a list of blocks to be read into or written from, in order. The zero value
// is ready for use. Here each call moves one block.
type Vec struct {
	blocks [][]byte
	at     int // blocks before this one are done
}

// Reset forgets all blocks.
func (v *Vec) Reset() {
	clear(v.blocks)
	v.blocks, v.at = v.blocks[:0], 0
}

// Add appends a block. One of no bytes is left out.
func (v *Vec) Add(b []byte) {
	if len(b) > 0 {
		v.blocks = append(v.blocks, b)
	}
}

func (v *Vec) size(i int) int { return len(v.blocks[i]) }
func (v *Vec) cut(n int)      { v.blocks[v.at] = v.blocks[v.at][n:] }

// Read fills as much as there is to read now, and Write sends as much as there is
// room for; the caller Takes what they moved. The error is unix.EAGAIN where there is
// nothing, and n is 0 with no error at the end of a stream.
func (v *Vec) Read(fd int) (n int, err error) { return v.call(unix.Read, fd) }

// Write is Read in the other direction.
func (v *Vec) Write(fd int) (n int, err error) { return v.call(unix.Write, fd) }

func (v *Vec) call(move func(int, []byte) (int, error), fd int) (int, error) {
	if v.at == len(v.blocks) {
		return 0, nil
	}
	for {
		n, err := move(fd, v.blocks[v.at])
		if err == unix.EINTR {
			continue
		}
		return max(n, 0), err
	}
}
