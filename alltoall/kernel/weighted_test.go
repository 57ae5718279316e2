package kernel_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/commbench/commbench/alltoall/internal/avx2"
	"github.com/commbench/commbench/alltoall/internal/avx512"
	"github.com/commbench/commbench/alltoall/internal/kerneltest"
	"github.com/commbench/commbench/alltoall/internal/neon"
	"github.com/commbench/commbench/alltoall/internal/pure"
	"github.com/commbench/commbench/alltoall/kernel"
	"github.com/commbench/commbench/transport/isa"
)

func TestSumWeighted(t *testing.T) { kerneltest.RunWeighted(t, isa.Best(), kernel.SumWeighted) }

// TestWeightedResults pins what is easy to get wrong, in plain numbers.
func TestWeightedResults(t *testing.T) {
	for _, c := range []struct {
		what    string
		rows    []uint16
		weights []uint32
		want    uint16
	}{
		{"no rows", nil, nil, 0},
		{"1 * 1", []uint16{0x3f80}, []uint32{0x3f800000}, 0x3f80},
		{"2 * 1 + 3 * 4", []uint16{0x4000, 0x4040}, []uint32{0x3f800000, 0x40800000}, 0x4160},
		{"1/2 * 3 - 1/4 * 4", []uint16{0x4040, 0x4080}, []uint32{0x3f000000, 0xbe800000}, 0x3f00},
		{"-1 * 0", []uint16{0}, []uint32{0xbf800000}, 0},
		{"the weight's last place is kept: -1 + (1 + 2^-23)", []uint16{0x3f80, 0x3f80}, []uint32{0xbf800000, 0x3f800001}, 0x3400},
		{"not fused: -1 - 2^-7 + (1 + 2^-23) * (1 + 2^-7) is 2^-23", []uint16{0x3f81, 0x3f81}, []uint32{0xbf800000, 0x3f800001}, 0x3400},
		{"not fused, and a tie: -3/2 + (1 + 2^-23) * 3/2 is 2^-22", []uint16{0x3fc0, 0x3fc0}, []uint32{0xbf800000, 0x3f800001}, 0x3480},
		{"rounded once to BF16: 257/256 is a tie", []uint16{0x3f80, 0x3f80}, []uint32{0x3f800000, 0x3b800000}, 0x3f80},
		{"in order: 1 is lost in 2^24", []uint16{0x3f80, 0x3f80, 0x3f80}, []uint32{0x4b800000, 0x3f800000, 0xcb800000}, 0},
		{"denormals are kept", []uint16{0x0001}, []uint32{0x40000000}, 0x0002},
		{"a weight that is a denormal", []uint16{0x4b00}, []uint32{0x00000001}, 0x0080},
		{"the product overflows", []uint16{0x7f7f, 0x7f7f}, []uint32{0x40000000, 0xc0000000}, 0x7fc0},
		{"inf * 0", []uint16{0x7f80}, []uint32{0}, 0x7fc0},
		{"0 * inf", []uint16{0}, []uint32{0x7f800000}, 0x7fc0},
		{"-2 * inf", []uint16{0x7f80}, []uint32{0xc0000000}, 0xff80},
		{"inf - inf", []uint16{0x7f80, 0x7f80}, []uint32{0x3f800000, 0xbf800000}, 0x7fc0},
		{"a weight with all the bits of a NaN", []uint16{0x3f80}, []uint32{0x7fffffff}, 0x7fc0},
		{"a weight with all bits", []uint16{0x3f80}, []uint32{0xffffffff}, 0x7fc0},
		{"a weight that is a signalling NaN", []uint16{0x3f80}, []uint32{0x7f800001}, 0x7fc0},
		{"0 * NaN", []uint16{0xffc1}, []uint32{0}, 0x7fc0},
	} {
		const n = 100 // one block and a rest
		var rows [][]byte
		var weights []float32
		for j, v := range c.rows {
			rows = append(rows, bytes.Repeat([]byte{byte(v), byte(v >> 8)}, n))
			weights = append(weights, math.Float32frombits(c.weights[j]))
		}
		for name, sum := range weightedSums() {
			dst := make([]byte, 2*n)
			sum(dst, rows, weights)
			for i := 0; i < len(dst); i += 2 {
				if got := binary.LittleEndian.Uint16(dst[i:]); got != c.want {
					t.Errorf("%s, %s: %04x at %d, want %04x", name, c.what, got, i/2, c.want)
					break
				}
			}
		}
	}
}

// weightedSums are all implementations that can run here.
func weightedSums() map[string]kerneltest.Weighted {
	m := map[string]kerneltest.Weighted{"scalar": kerneltest.ScalarWeighted, "dispatched": kernel.SumWeighted, "pure": pure.SumWeighted}
	for i, sum := range map[isa.ISA]kerneltest.Weighted{isa.AVX2: avx2.SumWeighted, isa.AVX512: avx512.SumWeighted, isa.NEON: neon.SumWeighted} {
		if isa.Has(i) {
			m[i.String()] = sum
		}
	}
	return m
}

func TestSumWeightedPanics(t *testing.T) {
	for name, c := range map[string]struct {
		dst     int
		rows    []int
		weights int
	}{
		"short row":    {256, []int{256, 254}, 2},
		"odd dst":      {255, []int{256}, 1},
		"few weights":  {256, []int{256, 256}, 1},
		"many weights": {256, []int{256}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var rows [][]byte
			for _, n := range c.rows {
				rows = append(rows, make([]byte, n, 512))
			}
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			kernel.SumWeighted(make([]byte, c.dst), rows, make([]float32, c.weights, 8))
		})
	}
}

func ExampleSumWeighted() {
	one, two := []byte{0x80, 0x3f}, []byte{0x00, 0x40}
	dst := make([]byte, 2)
	kernel.SumWeighted(dst, [][]byte{one, two}, []float32{0.25, 0.75})
	fmt.Println(kernel.Float(binary.LittleEndian.Uint16(dst)))
	// Output: 1.75
}
