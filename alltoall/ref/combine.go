package ref

import (
	"math"

	"github.com/commbench/commbench/alltoall/topo"
)

// Output is what comes back for a token from one place: BF16 values and the
// weights that belong to them.
type Output struct {
	Values  []uint16
	Weights []float32
}

// Outputs gives, valid until its next call, the expert output for a copy of the token: of the rank `to`
// (choice -1) where rows are by rank, of one choice where they are by expert.
type Outputs func(to, choice int) Output

// Combine rules, common to all algorithms: values are added in FP32, from zero,
// in a fixed order, bias rows last; a value is rounded to BF16 (to nearest,
// ties to even) once for each hop that it crosses. Weights are added in FP32
// and never rounded.

// CombineDirect adds the outputs of the token's target ranks, ascending.
func CombineDirect(p topo.Placement, experts []int32, hidden int, out Outputs, bias [][]uint16) Output {
	sum := newSum(hidden, len(experts))
	for _, to := range Targets(p, experts) {
		sum.add(out(to, -1))
	}
	return sum.round(bias)
}

// CombineTwoHop adds the outputs of each other node to a partial sum, ascending
// by rank, which is rounded for the way over the scale-out domain; home adds
// the partial sums of the nodes in ascending order, where its own node's place
// in that order is taken by the outputs of its own node's ranks.
func CombineTwoHop(p topo.Placement, rank int, experts []int32, hidden int, out Outputs, bias [][]uint16) Output {
	sum := newSum(hidden, len(experts))
	for targets := Targets(p, experts); len(targets) > 0; {
		node := p.Node(targets[0])
		home := node == p.Node(rank)
		partial := sum
		if !home {
			partial = newSum(hidden, len(experts))
		}
		for len(targets) > 0 && p.Node(targets[0]) == node {
			partial.add(out(targets[0], -1))
			targets = targets[1:]
		}
		if !home {
			sum.add(partial.round(nil))
		}
	}
	return sum.round(bias)
}

// CombineAllToAll adds the outputs of the token's choices in their order; the
// weight of a choice comes back in its place.
func CombineAllToAll(experts []int32, hidden int, out Outputs, bias [][]uint16) Output {
	sum := newSum(hidden, len(experts))
	for j, e := range experts {
		if e < 0 {
			continue
		}
		o := out(-1, j)
		sum.add(Output{Values: o.Values})
		sum.weights[j] += o.Weights[0]
	}
	return sum.round(bias)
}

// CombineLowLatency adds the outputs of the token's choices in their order, each times the
// choice's weight: a product is rounded to FP32 before it is added, and bias rows are added
// as they are. The weights never left home.
func CombineLowLatency(experts []int32, weights []float32, hidden int, out Outputs, bias [][]uint16) Output {
	sum := newSum(hidden, len(experts))
	for j, e := range experts {
		if e < 0 {
			continue
		}
		for i, v := range out(-1, j).Values {
			sum.values[i] += float32(weights[j] * FromBF16(v))
		}
		sum.weights[j] += weights[j]
	}
	return sum.round(bias)
}

type sum struct {
	values  []float32
	weights []float32
}

func newSum(hidden, topk int) *sum {
	return &sum{make([]float32, hidden), make([]float32, topk)}
}

func (s *sum) add(o Output) {
	for i, v := range o.Values {
		s.values[i] += FromBF16(v)
	}
	for j, w := range o.Weights {
		s.weights[j] += w
	}
}

func (s *sum) round(bias [][]uint16) Output {
	for _, b := range bias {
		s.add(Output{Values: b})
	}
	out := Output{make([]uint16, len(s.values)), s.weights}
	for i, v := range s.values {
		out.Values[i] = ToBF16(v)
	}
	return out
}

// FromBF16 is the value of a BF16: the upper half of an FP32.
func FromBF16(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }

// ToBF16 rounds to the nearest BF16, ties to even. Every NaN becomes 0x7fc0: which
// one an addition returns differs between CPUs.
func ToBF16(f float32) uint16 {
	if f != f {
		return 0x7fc0
	}
	// Adding just under half of the last place that stays, and the bit in that
	// place, carries exactly where rounding is up: above half, and at half to even.
	bits := math.Float32bits(f)
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// FromE4M3 is the value of an FP8 E4M3 number: sign, 4 bits of exponent with
// bias 7, 3 bits of mantissa; no infinities; all ones is NaN.
func FromE4M3(b byte) float32 {
	exp, man := int(b>>3&15), float64(b&7)
	var v float64
	switch {
	case exp == 15 && man == 7:
		v = math.NaN()
	case exp == 0:
		v = math.Ldexp(man, -9)
	default:
		v = math.Ldexp(8+man, exp-10)
	}
	if b&0x80 != 0 {
		v = -v
	}
	return float32(v)
}
