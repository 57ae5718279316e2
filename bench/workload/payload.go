package workload

import (
	"encoding/binary"
	"math"

	"github.com/commbench/commbench/alltoall/counter"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/ref"
)

// Streams of the generator. Routing uses small numbers.
const (
	tokenStream    = 1 << 32
	scaleStream    = 2 << 32
	outputStream   = 3 << 32 // + rank whose output it is
	byExpertStream = 4 << 32 // + expert whose output it is
	biasStream     = 5 << 32 // + number of the bias tensor
)

// Payload makes the rows of one benchmark.
type Payload struct {
	Seed   uint64
	DType  plan.DType // of tokens; outputs are BF16
	Hidden int
	TopK   int
}

// Token fills dst with the row of a token: values (FP8 never NaN, BF16 between
// 1/8 and 2 in magnitude), scales between 1 and 2, and the ids and weights of
// its choices. dst has the size of plan.DispatchRow with top-k choices.
func (p Payload) Token(dst []byte, rank, token int, experts []int32, weights []float32) {
	row := plan.DispatchRow(p.DType, p.Hidden, p.TopK)
	src := counter.New(p.Seed, uint64(rank), uint64(token), tokenStream)
	if p.DType == plan.BF16 {
		bf16Values(dst[:row.Payload], src)
	} else {
		src.Fill(dst[:row.Payload], ^uint64(0x0808080808080808), 0) // exponent never all ones
		src = counter.New(p.Seed, uint64(rank), uint64(token), scaleStream)
		for i := row.Payload; i < row.Bytes(); i += 4 {
			binary.LittleEndian.PutUint32(dst[i:], 0x3f800000|uint32(src.Uint64()>>41))
		}
	}
	PutChoices(dst[row.Bytes():], experts, weights)
}

// PutChoices writes ids, then weights.
func PutChoices(dst []byte, experts []int32, weights []float32) {
	for j, e := range experts {
		binary.LittleEndian.PutUint32(dst[4*j:], uint32(e))
		binary.LittleEndian.PutUint32(dst[4*(len(experts)+j):], math.Float32bits(weights[j]))
	}
}

// Output fills dst with the values that the rank `to` returns for a token.
func (p Payload) Output(dst []byte, rank, token, to int) {
	bf16Values(dst[:2*p.Hidden], counter.New(p.Seed, uint64(rank), uint64(token), outputStream+uint64(to)))
}

// OutputByExpert fills dst with the values that one expert returns for a token.
func (p Payload) OutputByExpert(dst []byte, rank, token, expert int) {
	bf16Values(dst[:2*p.Hidden], counter.New(p.Seed, uint64(rank), uint64(token), byExpertStream+uint64(expert)))
}

// Bias fills dst with the b-th addend of a token.
func (p Payload) Bias(dst []byte, rank, token, b int) {
	bf16Values(dst[:2*p.Hidden], counter.New(p.Seed, uint64(rank), uint64(token), biasStream+uint64(b)))
}

// bf16Values fills dst with BF16 numbers of either sign, from 1/8 to below 2 in
// magnitude: exponents 124 to 127, any mantissa.
func bf16Values(dst []byte, src counter.Source) {
	src.Fill(dst, 0x81ff81ff81ff81ff, 0x3e003e003e003e00)
}

// e4m3 holds the value of every FP8 number.
var e4m3 = func() (t [256]float32) {
	for i := range t {
		t[i] = ref.FromE4M3(byte(i))
	}
	return t
}()

// Expert is what a stand-in for the experts of a rank makes of a received token
// in a round trip: every value times gain, as BF16. It depends on every byte
// that dispatch brought, so that a wrong one shows in the combined result. x has
// the values and scales of plan.DispatchRow; y has room for 2*Hidden bytes and
// does not overlap x.
func (p Payload) Expert(y, x []byte, gain float32) {
	if p.DType == plan.BF16 {
		for i := 0; i < 2*p.Hidden; i += 2 {
			v := ref.FromBF16(binary.LittleEndian.Uint16(x[i:]))
			binary.LittleEndian.PutUint16(y[i:], ref.ToBF16(float32(v*gain)))
		}
		return
	}
	for i := 0; i < p.Hidden; i += plan.ScaleBlock {
		at := p.Hidden + i/plan.ScaleBlock*4
		scale := float32(math.Float32frombits(binary.LittleEndian.Uint32(x[at:])) * gain)
		end := min(i+plan.ScaleBlock, p.Hidden)
		scaled(y[2*i:2*end], x[i:end], scale)
	}
}

// scaled writes the BF16 of scale times each FP8 value of x, four to a store:
// gigabytes of them are made for every round trip.
func scaled(y, x []byte, scale float32) {
	n := len(x) &^ 3
	for i := 0; i < n; i += 4 {
		v, d := x[i:i+4:i+4], y[2*i:2*i+8:2*i+8]
		binary.LittleEndian.PutUint64(d, uint64(ref.ToBF16(float32(e4m3[v[0]]*scale)))|
			uint64(ref.ToBF16(float32(e4m3[v[1]]*scale)))<<16|
			uint64(ref.ToBF16(float32(e4m3[v[2]]*scale)))<<32|
			uint64(ref.ToBF16(float32(e4m3[v[3]]*scale)))<<48)
	}
	for i := n; i < len(x); i++ {
		binary.LittleEndian.PutUint16(y[2*i:], ref.ToBF16(float32(e4m3[x[i]]*scale)))
	}
}

// Gain is the factor of an expert of the given weight. Experts differ, so that
// an output of the wrong one is seen.
func Gain(expert int32, weight float32) float32 {
	return float32(weight * (1 + float32(expert%8)/8))
}
