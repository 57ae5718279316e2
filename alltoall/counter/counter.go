package counter

import (
	"encoding/binary"
	"math/bits"
)

// gamma is SplitMix64's step: 2^64 over the golden ratio, made odd.
const gamma = 0x9e3779b97f4a7c15

// Source is a position on one key's sequence. The zero value is a valid source,
// and a copy continues from the same place on its own.
type Source struct{ state uint64 }

// New returns the start of the sequence of the key.
func New(seed, rank, token, stream uint64) Source {
	// A part is mixed in before the next one is added, so that neighbouring
	// numbers, which is what ranks and tokens are, start far from each other.
	h := mix(seed + gamma)
	h = mix((h ^ rank) + gamma)
	h = mix((h ^ token) + gamma)
	h = mix((h ^ stream) + gamma)
	return Source{state: h}
}

// Uint64 returns the next value.
func (s *Source) Uint64() uint64 {
	s.state += gamma
	return mix(s.state)
}

// At returns the value that Uint64 would return after i other calls, and does
// not move the source.
func (s *Source) At(i uint64) uint64 { return mix(s.state + (i+1)*gamma) }

// Fill fills dst with the next values as little-endian words, of which only the
// bits of and are kept and the bits of or are set. A last part of a word is
// that word's first bytes.
func (s *Source) Fill(dst []byte, and, or uint64) {
	state := s.state
	for len(dst) >= 32 { // four at a time: their multiplications overlap
		d := dst[:32:32]
		binary.LittleEndian.PutUint64(d, mix(state+gamma&mask)&and|or)
		binary.LittleEndian.PutUint64(d[8:], mix(state+2*gamma&mask)&and|or)
		binary.LittleEndian.PutUint64(d[16:], mix(state+3*gamma&mask)&and|or)
		binary.LittleEndian.PutUint64(d[24:], mix(state+4*gamma&mask)&and|or)
		state += 4 * gamma & mask
		dst = dst[32:]
	}
	s.state = state
	for len(dst) >= 8 {
		binary.LittleEndian.PutUint64(dst, s.Uint64()&and|or)
		dst = dst[8:]
	}
	if len(dst) > 0 {
		var last [8]byte
		binary.LittleEndian.PutUint64(last[:], s.Uint64()&and|or)
		copy(dst, last[:])
	}
}

// mask keeps multiples of gamma, which are constants, within 64 bits.
const mask = 1<<64 - 1

// Float64 returns the next value as a multiple of 2^-53 in [0, 1). The outer
// conversion keeps a caller's sum from being fused with the product.
func (s *Source) Float64() float64 { return float64(float64(s.Uint64()>>11) * 0x1p-53) }

// Below returns a number in [0, n), each with the same chance. It panics if n
// is 0, as there is no such number.
//
// It is Lemire's method (ACM TOMACS 29, 2019): the high word of x*n is the
// answer, and the few low words that would favour some answers are drawn anew.
func (s *Source) Below(n uint64) uint64 {
	if n == 0 {
		panic("counter: Below(0)")
	}
	high, low := bits.Mul64(s.Uint64(), n)
	if low < n {
		for unfair := -n % n; low < unfair; {
			high, low = bits.Mul64(s.Uint64(), n)
		}
	}
	return high
}

// Shuffle puts v in an order drawn from s, each order with the same chance
// (Fisher and Yates).
func Shuffle[T any](s *Source, v []T) {
	for i := len(v) - 1; i > 0; i-- {
		j := s.Below(uint64(i) + 1)
		v[i], v[j] = v[j], v[i]
	}
}

// mix is SplitMix64's output function (variant 13 of Stafford's mixers), a
// bijection on 64 bits.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
