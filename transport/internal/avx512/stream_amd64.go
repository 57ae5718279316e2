//go:build !purego

package avx512

// line is what one store of the kernel writes. Shorter copies have no whole line.
const line = 64

// Stream is block.Stream.
func Stream(dst, src []byte) {
	if len(src) < 2*line {
		copy(dst, src)
		return
	}
	stream(dst[:len(src)], src)
}

// stream is copy(dst, src) for two lines or more. It stores whole lines past the
// caches, and the ends that are no whole lines as usual.
//
//go:noescape
func stream(dst, src []byte)

// Fence is block.Fence.
func Fence()
