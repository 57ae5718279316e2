package pure

import (
	"encoding/binary"
	"math"
)

// NaN is what any sum that is not a number is rounded to. Which NaN an addition
// returns depends on the CPU and on the order of operands that the compiler
// chose; one answer for all makes results comparable.
const NaN = 0x7fc0

// Float is the value of a BF16.
func Float(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }

// Round is the BF16 nearest to f, ties to even, or NaN.
func Round(f float32) uint16 {
	u := math.Float32bits(f)
	if u&0x7fffffff > 0x7f800000 {
		return NaN
	}
	return uint16((u + 0x7fff + u>>16&1) >> 16)
}

// Sum is kernel.Sum.
func Sum(dst []byte, rows [][]byte) {
	n := len(dst) &^ 7
	switch len(rows) {
	case 1:
		sum1(dst[:n], rows[0])
	case 2:
		sum2(dst[:n], rows[0], rows[1])
	default:
		sumN(dst[:n], rows)
	}
	for i := n; i < len(dst); i += 2 {
		var s float32
		for _, r := range rows {
			s += Float(binary.LittleEndian.Uint16(r[i:]))
		}
		binary.LittleEndian.PutUint16(dst[i:], Round(s))
	}
}

// The loops below take four values from one 8-byte load. Four sums stay in
// registers, so that a row costs one load and four adds; that is 2 to 3 times
// as fast as one value at a time.

func sum1(dst, a []byte) {
	a = a[:len(dst)]
	for i := 0; i+8 <= len(dst); i += 8 {
		x := binary.LittleEndian.Uint64(a[i:])
		store(dst[i:i+8], 0+lane0(x), 0+lane1(x), 0+lane2(x), 0+lane3(x))
	}
}

func sum2(dst, a, b []byte) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := 0; i+8 <= len(dst); i += 8 {
		x, y := binary.LittleEndian.Uint64(a[i:]), binary.LittleEndian.Uint64(b[i:])
		store(dst[i:i+8], 0+lane0(x)+lane0(y), 0+lane1(x)+lane1(y), 0+lane2(x)+lane2(y), 0+lane3(x)+lane3(y))
	}
}

func sumN(dst []byte, rows [][]byte) {
	for i := 0; i+8 <= len(dst); i += 8 {
		var s0, s1, s2, s3 float32
		for _, r := range rows {
			x := binary.LittleEndian.Uint64(r[i:])
			s0 += lane0(x)
			s1 += lane1(x)
			s2 += lane2(x)
			s3 += lane3(x)
		}
		store(dst[i:i+8], s0, s1, s2, s3)
	}
}

func lane0(x uint64) float32 { return math.Float32frombits(uint32(x) << 16) }
func lane1(x uint64) float32 { return math.Float32frombits(uint32(x) & 0xffff0000) }
func lane2(x uint64) float32 { return math.Float32frombits(uint32(x>>32) << 16) }
func lane3(x uint64) float32 { return math.Float32frombits(uint32(x>>32) & 0xffff0000) }

func store(dst []byte, s0, s1, s2, s3 float32) {
	binary.LittleEndian.PutUint64(dst, uint64(Round(s0))|uint64(Round(s1))<<16|uint64(Round(s2))<<32|uint64(Round(s3))<<48)
}
