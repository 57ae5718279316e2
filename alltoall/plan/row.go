package plan

import "fmt"

// DType is the type of a token's values on the wire.
type DType uint8

// FP8 is E4M3 with one FP32 scale for ScaleBlock values; BF16 is bfloat16.
const (
	FP8 DType = iota
	BF16
)

// ScaleBlock is the number of FP8 values that share one FP32 scale, as in
// DeepSeek-V3.
const ScaleBlock = 128

// ParseDType reads "fp8" or "bf16".
func ParseDType(s string) (DType, error) {
	switch s {
	case "fp8":
		return FP8, nil
	case "bf16":
		return BF16, nil
	}
	return 0, fmt.Errorf("plan: dtype %q is neither fp8 nor bf16", s)
}

func (d DType) String() string {
	if d == FP8 {
		return "fp8"
	}
	return "bf16"
}

// rowAlign keeps rows on cache lines of their own, so that two writers of
// neighbouring rows never share one.
const rowAlign = 64

// Row is the layout of one token's record in a segment:
//
//	payload | scales | metadata | padding to Stride
//
// All sizes are in bytes. Dispatch metadata is Choices int32 expert ids, then
// Choices float32 weights; combine metadata is Choices float32 weights.
// Values are little-endian.
type Row struct {
	Payload int
	Scales  int
	Meta    int
	Choices int
}

// DispatchRow is the record of a token of hidden values that carries the ids
// and weights of choices experts: top-k for two-hop and direct, 1 for alltoall.
// At hidden 7168 and FP8 it holds 7168 + 224 = 7392 bytes.
func DispatchRow(d DType, hidden, choices int) Row {
	r := Row{Payload: 2 * hidden, Meta: 8 * choices, Choices: choices}
	if d == FP8 {
		r.Payload = hidden
		r.Scales = 4 * ((hidden + ScaleBlock - 1) / ScaleBlock)
	}
	return r
}

// CombineRow is the record of an expert output of hidden BF16 values that
// carries choices weights.
func CombineRow(hidden, choices int) Row {
	return Row{Payload: 2 * hidden, Meta: 4 * choices, Choices: choices}
}

// Bytes is what bandwidth figures count: payload and scales.
func (r Row) Bytes() int { return r.Payload + r.Scales }

// Size is Bytes and the metadata: what a put of the row moves.
func (r Row) Size() int { return r.Payload + r.Scales + r.Meta }

// Stride is the distance between rows of a segment.
func (r Row) Stride() int { return (r.Size() + rowAlign - 1) &^ (rowAlign - 1) }

// WeightsAt is the offset of the weights in the row of a dispatch.
func (r Row) WeightsAt() int { return r.Bytes() + r.Meta - 4*r.Choices }
