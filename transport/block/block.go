package block

import (
	"fmt"

	"github.com/commbench/commbench/transport/internal/avx2"
	"github.com/commbench/commbench/transport/internal/avx512"
	"github.com/commbench/commbench/transport/internal/neon"
	"github.com/commbench/commbench/transport/internal/pure"
	"github.com/commbench/commbench/transport/isa"
)

// Stream is copy(dst, src) with stores that pass the caches by where the
// instruction set has such: the target is not read into a cache only to be
// overwritten, which for blocks that lie apart costs as much as the copy. It pays
// when the target is not used again before it would have left the caches anyway,
// and costs up to half of the speed when it is.
//
// Such stores are not ordered with others: Fence comes before whatever tells
// another thread that the bytes are there. dst must be at least as long as src,
// and must not overlap it; Stream panics if it is shorter.
func Stream(dst, src []byte) {
	if len(dst) < len(src) {
		panic(fmt.Sprintf("block: %d bytes for %d", len(src), len(dst)))
	}
	if race {
		copy(dst, src) // which the race detector sees
		return
	}
	switch isa.Best() {
	case isa.AVX512:
		avx512.Stream(dst, src)
	case isa.AVX2:
		avx2.Stream(dst, src)
	case isa.NEON:
		neon.Stream(dst, src)
	default:
		pure.Stream(dst, src)
	}
}

// Fence orders the stores of earlier Streams of this thread before its later
// stores. A goroutine that was moved to another thread in between is ordered by
// the scheduler's own synchronization, which drains them as well.
func Fence() {
	switch isa.Best() {
	case isa.AVX512:
		avx512.Fence()
	case isa.AVX2:
		avx2.Fence()
	case isa.NEON:
		neon.Fence()
	}
}
