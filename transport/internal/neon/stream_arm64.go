//go:build !purego

package neon

// line is what the kernel stores at a time. Shorter copies have none.
const line = 64

// Stream is block.Stream.
func Stream(dst, src []byte) {
	n := len(src) &^ (line - 1)
	if n > 0 {
		stream(dst[:n], src[:n])
	}
	copy(dst[n:], src[n:])
}

// stream is copy(dst, src) for a whole number of lines, at least one.
//
//go:noescape
func stream(dst, src []byte)

// Fence is block.Fence.
func Fence()
