package pure

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Mismatch is kernel.Mismatch. bytes.Equal is fast but does not say where: it
// passes over what is equal, and then words find the byte.
func Mismatch(a, b []byte) int {
	const block = 256
	b = b[:len(a)]
	i := 0
	for i+block <= len(a) && bytes.Equal(a[i:i+block], b[i:i+block]) {
		i += block
	}
	for ; i+8 <= len(a); i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for ; i < len(a); i++ {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}
