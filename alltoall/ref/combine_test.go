package ref_test

import (
	"math"
	"testing"

	"github.com/commbench/commbench/alltoall/ref"
)

// BF16 numbers whose FP32 sums depend on the order: one + large is a tie between
// large and large + 2, and goes to large.
const (
	one      = 0x3f80 // 1
	two      = 0x4000 // 2
	half     = 0x3f00 // 1/2
	large    = 0x4b80 // 2^24
	negative = 0xcb80 // -2^24
	small    = 0x3b80 // 2^-8, half a BF16 step of 1
	zero     = 0x0000
)

// byRank are outputs of one value by rank, whose weights tell the ranks apart.
func byRank(values ...uint16) ref.Outputs {
	return func(to, choice int) ref.Output {
		if choice != -1 {
			panic("asked for the output of a choice")
		}
		return ref.Output{Values: []uint16{values[to], one}, Weights: []float32{float32(to), 1 << 24}}
	}
}

func TestCombineDirect(t *testing.T) {
	p := place(t, 2, 2, 4)
	for _, c := range []struct {
		name    string
		experts []int32
		values  []uint16
		bias    [][]uint16
		want    []uint16
		weights []float32
	}{
		{"no target", []int32{-1, -1}, nil, nil, []uint16{zero, zero}, []float32{0, 0}},
		{"only bias", []int32{-1, -1}, nil, [][]uint16{{one, two}, {one, small}}, []uint16{two, two}, []float32{0, 0}},
		{"one target", []int32{2, -1}, []uint16{zero, zero, half, zero}, nil, []uint16{half, one}, []float32{2, 1 << 24}},
		{"minus zero is added to zero", []int32{2, -1}, []uint16{0, 0, 0x8000, 0}, nil, []uint16{zero, one}, []float32{2, 1 << 24}},
		// ((2^24 + 1) + 1) - 2^24, where both ones are lost.
		{"ascending ranks", []int32{3, 1, 0, 2}, []uint16{large, one, one, negative}, nil, []uint16{zero, 0x4080}, []float32{6, 1 << 26, 0, 0}},
		// ((1 + 1) + 2^24) - 2^24, where none is.
		{"another order", []int32{3, 1, 0, 2}, []uint16{one, one, large, negative}, nil, []uint16{two, 0x4080}, []float32{6, 1 << 26, 0, 0}},
		// (2^24 + 1) - 2^24; with the bias first it would be 1.
		{"bias comes last", []int32{0, 1}, []uint16{large, one}, [][]uint16{{negative, zero}}, []uint16{zero, two}, []float32{1, 1 << 25}},
		// (1 + 2^24) - 2^24 and the second bias; a rounded sum before it would lose it too.
		{"two rows of bias in order", []int32{0, -1}, []uint16{large}, [][]uint16{{negative, zero}, {one, zero}}, []uint16{one, one}, []float32{0, 1 << 24}},
		{"rounded once", []int32{0, 1, 2}, []uint16{one, small, small}, nil, []uint16{0x3f81, 0x4040}, []float32{3, 3 << 24, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ref.CombineDirect(p, c.experts, 2, byRank(c.values...), c.bias)
			same(t, "combined", got, ref.Output{Values: c.want, Weights: c.weights})
		})
	}
}

func TestCombineTwoHop(t *testing.T) {
	for _, c := range []struct {
		name        string
		nodes, gpus int
		rank        int
		experts     []int32
		values      []uint16
		bias        [][]uint16
		want        uint16
	}{
		// The partial sum of ranks 2 and 3, 1 + 2^-8, is rounded to 1 on its way, and
		// with rank 0's 2^-8 it is again a tie. Unrounded it would be 1 + 2^-7.
		{"rounded at each hop", 2, 2, 0, []int32{0, 2, 3}, []uint16{small, zero, one, small}, nil, one},
		{"not rounded at home", 2, 2, 2, []int32{0, 2, 3}, []uint16{small, zero, one, small}, nil, 0x3f81},
		{"no target", 2, 2, 0, []int32{-1, -1, -1}, nil, nil, zero},
		{"only other nodes", 2, 2, 0, []int32{2, 3, -1}, []uint16{zero, zero, one, one}, nil, two},
		// 2^24 - 2^24 + 1: home comes last because its node does.
		{"home in its node's place, last", 3, 1, 2, []int32{2, 1, 0}, []uint16{large, negative, one}, nil, one},
		// (2^24 + 1) - 2^24: home in the middle.
		{"home in its node's place, between", 3, 1, 1, []int32{2, 1, 0}, []uint16{large, one, negative}, nil, zero},
		// At home no partial sum of the own node is made: 2^24 of node 0, then 1 and 1.
		{"home's outputs one by one", 2, 2, 2, []int32{0, 2, 3}, []uint16{large, zero, one, one}, [][]uint16{{negative, zero}}, zero},
		// Elsewhere there is one: 1 + 1, then 2^24.
		{"other nodes' outputs together", 2, 2, 2, []int32{0, 1, 2}, []uint16{one, one, large, zero}, [][]uint16{{negative, zero}}, two},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := place(t, c.nodes, c.gpus, c.nodes*c.gpus)
			got := ref.CombineTwoHop(p, c.rank, c.experts, 2, byRank(c.values...), c.bias)
			if got.Values[0] != c.want {
				t.Errorf("combined %#04x, want %#04x", got.Values[0], c.want)
			}
			targets := ref.Targets(p, c.experts)
			sum := 0
			for _, r := range targets {
				sum += r
			}
			if want := []float32{float32(sum), float32(len(targets) << 24), 0}; got.Weights[0] != want[0] || got.Weights[1] != want[1] {
				t.Errorf("weights %v, want %v", got.Weights, want)
			}
		})
	}
}

// The two algorithms agree on everything but the rounding on the way.
func TestTwoHopRoundsMoreThanDirect(t *testing.T) {
	p := place(t, 2, 2, 4)
	experts, out := []int32{0, 2, 3}, byRank(small, zero, one, small)
	direct, twoHop := ref.CombineDirect(p, experts, 2, out, nil), ref.CombineTwoHop(p, 0, experts, 2, out, nil)
	if direct.Values[0] != 0x3f81 || twoHop.Values[0] != one {
		t.Errorf("direct %#04x and two-hop %#04x, want 0x3f81 and 0x3f80", direct.Values[0], twoHop.Values[0])
	}
	same(t, "weights", twoHop.Weights, direct.Weights)
}

func TestCombineAllToAll(t *testing.T) {
	out := func(values ...uint16) ref.Outputs {
		return func(to, choice int) ref.Output {
			if to != -1 {
				panic("asked for the output of a rank")
			}
			return ref.Output{Values: []uint16{values[choice]}, Weights: []float32{float32(choice) + 0.25}}
		}
	}
	for _, c := range []struct {
		name    string
		experts []int32
		values  []uint16
		bias    [][]uint16
		want    uint16
		weights []float32
	}{
		{"all masked", []int32{-1, -1}, nil, nil, zero, []float32{0, 0}},
		// Choices in their order, whatever their experts are: 2^24 + 1 - 2^24.
		{"in the order of choices", []int32{9, 5, 0}, []uint16{large, one, negative}, nil, zero, []float32{0.25, 1.25, 2.25}},
		{"another order", []int32{0, 5, 9}, []uint16{large, negative, one}, nil, one, []float32{0.25, 1.25, 2.25}},
		{"a masked choice keeps its place", []int32{4, -1, 3}, []uint16{one, large, one}, nil, two, []float32{0.25, 0, 2.25}},
		{"bias comes last", []int32{1, 2}, []uint16{large, one}, [][]uint16{{negative}}, zero, []float32{0.25, 1.25}},
		{"rounded once", []int32{1, 2, 3}, []uint16{one, small, small}, nil, 0x3f81, []float32{0.25, 1.25, 2.25}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ref.CombineAllToAll(c.experts, 1, out(c.values...), c.bias)
			same(t, "combined", got, ref.Output{Values: []uint16{c.want}, Weights: c.weights})
		})
	}
}

// Every upper half, with lower halves around nothing, around the tie and around
// the next number.
func TestToBF16(t *testing.T) {
	for high := range uint32(1 << 16) {
		for _, low := range []uint32{0, 1, 2, 0x1234, 0x7ffe, 0x7fff, 0x8000, 0x8001, 0x8002, 0xedcb, 0xfffe, 0xffff} {
			f := math.Float32frombits(high<<16 | low)
			if got, want := ref.ToBF16(f), nearest(f); got != want {
				t.Fatalf("ToBF16(%v, %#08x) = %#04x, want %#04x", f, high<<16|low, got, want)
			}
		}
	}
}

// nearest rounds by distance. All of it is exact in float64.
func nearest(f float32) uint16 {
	down := uint16(math.Float32bits(f) >> 16) // towards zero
	if f != f {
		return 0x7fc0
	}
	if math.IsInf(float64(f), 0) {
		return down
	}
	up := float64(ref.FromBF16(down + 1))
	if math.IsInf(up, 0) { // where the next number would be, were there one
		up = math.Copysign(0x1p128, up)
	}
	toDown, toUp := math.Abs(float64(f)-float64(ref.FromBF16(down))), math.Abs(up-float64(f))
	if toUp < toDown || toUp == toDown && down&1 == 1 {
		return down + 1
	}
	return down
}

func TestFromBF16(t *testing.T) {
	for b, want := range map[uint16]float32{
		0x0000: 0, one: 1, 0xc000: -2, half: 0.5, large: 1 << 24, 0x3fc0: 1.5, 0x3f81: 1.0078125,
		0x0080: 0x1p-126, 0x0001: 0x1p-133, 0x7f7f: 0x1.fep127, 0x7f80: float32(math.Inf(1)), 0xff80: float32(math.Inf(-1)),
	} {
		if got := ref.FromBF16(b); got != want {
			t.Errorf("FromBF16(%#04x) = %v, want %v", b, got, want)
		}
	}
	for b := range 1 << 16 {
		if f := ref.FromBF16(uint16(b)); f == f && ref.ToBF16(f) != uint16(b) {
			t.Fatalf("%#04x does not come back from %v", b, f)
		}
	}
}

// The definition: 1 sign, 4 exponent and 3 mantissa bits, bias 7, subnormals, no
// infinities, and one NaN of either sign.
func TestFromE4M3(t *testing.T) {
	for b := range 256 {
		sign, exponent, mantissa := math.Pow(-1, float64(b/128)), b/8%16, float64(b%8)
		want := sign * math.Pow(2, float64(exponent-7)) * (1 + mantissa/8)
		if exponent == 0 {
			want = sign * math.Pow(2, -6) * (mantissa / 8)
		}
		got := float64(ref.FromE4M3(byte(b)))
		if b%128 == 127 {
			if !math.IsNaN(got) {
				t.Errorf("FromE4M3(%#02x) = %v, want NaN", b, got)
			}
			continue
		}
		if got != want || math.Signbit(got) != (b >= 128) {
			t.Errorf("FromE4M3(%#02x) = %v, want %v", b, got, want)
		}
	}
	// Table 1 of "FP8 Formats for Deep Learning" (arXiv 2209.05433).
	for b, want := range map[byte]float32{0b0_1111_110: 448, 0b0_0001_000: 0x1p-6, 0b0_0000_111: 0x1.cp-7, 0b0_0000_001: 0x1p-9, 0b1_0111_000: -1} {
		if got := ref.FromE4M3(b); got != want {
			t.Errorf("FromE4M3(%#02x) = %v, want %v", b, got, want)
		}
	}
}
