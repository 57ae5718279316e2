package gpu

import (
	"encoding/binary"
	"math"

	"github.com/commbench/commbench/nvml/cuda"
)

// What kernels write is compared with what is worked out here, in plain Go.

// The masks that make BF16 of words, of either sign and from 2^-7 to 2, and the seed of those
// that are added up.
const (
	numbersAnd = 0x83ff83ff
	numbersOr  = 0x3c003c00
	addendSeed = 1
)

func word(i int64, seed uint32) uint32 { return uint32(i)*cuda.Odd + seed }

// fillWords does what cuda.WriteWords does.
func fillWords(b []byte, seed uint32) {
	for i, w := 0, seed; i+4 <= len(b); i, w = i+4, w+cuda.Odd {
		binary.LittleEndian.PutUint32(b[i:], w)
	}
}

// wrongWords is how many words are not those that fillWords writes.
func wrongWords(b []byte, seed uint32) (wrong int64) {
	for i, w := 0, seed; i+4 <= len(b); i, w = i+4, w+cuda.Odd {
		if binary.LittleEndian.Uint32(b[i:]) != w {
			wrong++
		}
	}
	return wrong
}

// sumWords is the sum of all n words, in 32 bits.
func sumWords(n int64, seed uint32) uint32 {
	even, odd := uint64(n), uint64(n-1)
	if n%2 != 0 {
		even, odd = odd, even
	}
	return uint32(even/2*odd)*cuda.Odd + uint32(n)*seed
}

// total adds up the words that threads left.
func total(b []byte) (sum uint64) {
	for i := 0; i+4 <= len(b); i += 4 {
		sum += uint64(binary.LittleEndian.Uint32(b[i:]))
	}
	return sum
}

// sumRows fills b with the sums of rows that cuda.ReduceRows makes of words with masks.
func sumRows(b []byte, seed uint32) {
	n := int64(len(b) / 4)
	for i := range n {
		var low, high float32
		for a := range int64(cuda.Addends) {
			w := word(a*n+i, seed)&numbersAnd | numbersOr
			low += math.Float32frombits(w << 16)
			high += math.Float32frombits(w & 0xffff0000)
		}
		binary.LittleEndian.PutUint32(b[4*i:], nearest(low)|nearest(high)<<16)
	}
}

// nearest is the BF16 nearest to a number, ties to even.
func nearest(f float32) uint32 {
	u := math.Float32bits(f)
	return (u + 0x7fff + u>>16&1) >> 16
}

// differing is how many words of a are not those of b.
func differing(a, b []byte) (wrong int64) {
	for i := 0; i+4 <= len(a); i += 4 {
		if binary.LittleEndian.Uint32(a[i:]) != binary.LittleEndian.Uint32(b[i:]) {
			wrong++
		}
	}
	return wrong
}
