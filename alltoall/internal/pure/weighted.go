package pure

import "encoding/binary"

// SumWeighted is kernel.SumWeighted. The conversions keep the compiler from fusing
// a product with the addition that follows, which it would do on arm64.
func SumWeighted(dst []byte, rows [][]byte, weights []float32) {
	weights = weights[:len(rows)]
	n := len(dst) &^ 7
	for i := 0; i < n; i += 8 {
		var s0, s1, s2, s3 float32
		for j, r := range rows {
			w, x := weights[j], binary.LittleEndian.Uint64(r[i:])
			s0 += float32(w * lane0(x))
			s1 += float32(w * lane1(x))
			s2 += float32(w * lane2(x))
			s3 += float32(w * lane3(x))
		}
		store(dst[i:i+8], s0, s1, s2, s3)
	}
	for i := n; i < len(dst); i += 2 {
		var s float32
		for j, r := range rows {
			s += float32(weights[j] * Float(binary.LittleEndian.Uint16(r[i:])))
		}
		binary.LittleEndian.PutUint16(dst[i:], Round(s))
	}
}
