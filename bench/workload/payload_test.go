package workload_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/ref"
	"github.com/commbench/commbench/bench/workload"
)

// hiddens: DeepSeek-V3's, no multiple of a scale block, of 8, of 2, and 1.
var hiddens = []int{7168, 300, 131, 8, 1}

func payload(d plan.DType, hidden int) workload.Payload {
	return workload.Payload{Seed: 7, DType: d, Hidden: hidden, TopK: 3}
}

var (
	ids     = []int32{4, -1, 250}
	weights = []float32{0.5, 0, -0.25}
)

func token(p workload.Payload, rank, i int) []byte {
	row := make([]byte, plan.DispatchRow(p.DType, p.Hidden, p.TopK).Size())
	p.Token(row, rank, i, ids, weights)
	return row
}

// rows are one row of each kind, by name.
func rows(p workload.Payload, rank, i int) map[string][]byte {
	all := map[string][]byte{"token": token(p, rank, i)}
	for name, fill := range map[string]func([]byte){
		"output":    func(dst []byte) { p.Output(dst, rank, i, 5) },
		"by expert": func(dst []byte) { p.OutputByExpert(dst, rank, i, 5) },
		"bias":      func(dst []byte) { p.Bias(dst, rank, i, 1) },
	} {
		all[name] = make([]byte, 2*p.Hidden)
		fill(all[name])
	}
	return all
}

// A seed means the same bytes on every machine and in every version: a change of
// these digests makes every recorded run a different one. They were computed by
// another program, from the definitions of the generator and of the rows.
func TestBytesDoNotChange(t *testing.T) {
	for _, c := range []struct {
		p    workload.Payload
		want map[string]string
	}{
		{payload(plan.FP8, 7168), map[string]string{
			"token": "5c2c080205fa86b3", "output": "79c14cd6cc7c4ea3", "by expert": "4b6449107e72577a", "bias": "6e719e6d24e9cedc",
		}},
		{payload(plan.BF16, 131), map[string]string{
			"token": "48e2c7403f0b2560", "output": "0e7ff6f2f8499b20", "by expert": "5b7d4418a110dae5", "bias": "f71ca196d2f149b5",
		}},
	} {
		for name, row := range rows(c.p, 3, 1000) {
			sum := sha256.Sum256(row)
			if got := fmt.Sprintf("%x", sum[:8]); got != c.want[name] {
				t.Errorf("%s, %v, hidden %d: digest %s, want %s", name, c.p.DType, c.p.Hidden, got, c.want[name])
			}
		}
	}
}

// Any part of the key makes other bytes, and what was in dst before makes none.
func TestEveryPartOfTheKeyCounts(t *testing.T) {
	seen := map[string]string{}
	note := func(key string, row []byte) {
		t.Helper()
		if other, ok := seen[string(row)]; ok {
			t.Errorf("%s and %s are alike", key, other)
		}
		seen[string(row)] = key
	}
	for seed := range uint64(2) {
		for rank := range 3 {
			for i := range 3 {
				key := fmt.Sprintf("seed %d, rank %d, token %d", seed, rank, i)
				p := payload(plan.BF16, 64)
				p.Seed = seed
				note("token of "+key, token(p, rank, i)[:128])
				for k := range 3 {
					row := make([]byte, 128)
					p.Output(row, rank, i, k)
					note(fmt.Sprintf("output of rank %d for %s", k, key), bytes.Clone(row))
					p.OutputByExpert(row, rank, i, k)
					note(fmt.Sprintf("output of expert %d for %s", k, key), bytes.Clone(row))
					p.Bias(row, rank, i, k)
					note(fmt.Sprintf("bias %d for %s", k, key), bytes.Clone(row))
				}
			}
		}
	}
	for _, d := range []plan.DType{plan.FP8, plan.BF16} {
		p := payload(d, 131)
		clean := token(p, 1, 2)
		dirty := bytes.Repeat([]byte{0xff}, len(clean))
		p.Token(dirty, 1, 2, ids, weights)
		if !bytes.Equal(clean, dirty) {
			t.Errorf("%v: a token depends on what its row held before", d)
		}
	}
}

func TestTokensHaveNumbersInRange(t *testing.T) {
	for _, hidden := range hiddens {
		for i := range 20 {
			p := payload(plan.FP8, hidden)
			row, x := plan.DispatchRow(plan.FP8, hidden, 3), token(p, 0, i)
			for j, b := range x[:hidden] {
				if v := ref.FromE4M3(b); v != v {
					t.Fatalf("FP8 value %d is NaN", j)
				}
			}
			if scales := row.Scales / 4; scales != (hidden+127)/128 {
				t.Fatalf("%d scales for %d values", scales, hidden)
			}
			for at := hidden; at < row.Bytes(); at += 4 {
				if s := getFloat(x[at:]); !(s >= 1 && s < 2) {
					t.Fatalf("scale %v is not in [1, 2)", s)
				}
			}
			checkBF16(t, "token", token(payload(plan.BF16, hidden), 0, i)[:2*hidden])
			for name, row := range rows(p, 0, i) {
				if name != "token" {
					checkBF16(t, name, row)
				}
			}
		}
	}
}

func checkBF16(t *testing.T, name string, row []byte) {
	t.Helper()
	for at := 0; at < len(row); at += 2 {
		v := ref.FromBF16(binary.LittleEndian.Uint16(row[at:]))
		if a := math.Abs(float64(v)); !(a >= 0.125 && a < 2) {
			t.Fatalf("%s: value %v is not between 1/8 and 2", name, v)
		}
	}
}

// All 8 of 16 exponents, both signs and all mantissas come up, so that a bit that
// is stuck is seen.
func TestValuesAreVaried(t *testing.T) {
	var fp8 [256]int
	for i := range 10 {
		for _, b := range token(payload(plan.FP8, 7168), 0, i)[:7168] {
			fp8[b]++
		}
	}
	for b, n := range fp8 {
		if drawn := b&0x08 == 0; drawn != (n > 0) {
			t.Errorf("FP8 %#02x comes up %d times", b, n)
		}
	}
	bf16 := map[uint16]bool{}
	row := token(payload(plan.BF16, 7168), 0, 0)
	for at := 0; at < 2*7168; at += 2 {
		bf16[binary.LittleEndian.Uint16(row[at:])] = true
	}
	if len(bf16) < 900 { // of 2 signs x 4 exponents x 128 mantissas
		t.Errorf("only %d BF16 numbers", len(bf16))
	}
}

func TestChoices(t *testing.T) {
	for _, d := range []plan.DType{plan.FP8, plan.BF16} {
		row, x := plan.DispatchRow(d, 131, 3), token(payload(d, 131), 0, 0)
		for j := range ids {
			id, weight := int32(binary.LittleEndian.Uint32(x[row.Bytes()+4*j:])), getFloat(x[row.WeightsAt()+4*j:])
			if id != ids[j] || weight != weights[j] {
				t.Errorf("%v: choice %d is expert %d of weight %v, want %d of %v", d, j, id, weight, ids[j], weights[j])
			}
		}
	}
}

func getFloat(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }

// The naive computation: every value, dequantized with the product of scale and
// gain, in FP32, and rounded once.
func TestExpert(t *testing.T) {
	for _, hidden := range hiddens {
		for _, gain := range []float32{0, 1, 0.375, -1.9, 1e-3} {
			for _, d := range []plan.DType{plan.FP8, plan.BF16} {
				p := payload(d, hidden)
				x, y := token(p, 2, 9), make([]byte, 2*hidden)
				p.Expert(y, x, gain)
				for i := range hidden {
					var v float32
					if d == plan.BF16 {
						v = ref.FromBF16(binary.LittleEndian.Uint16(x[2*i:])) * gain
					} else {
						scale := getFloat(x[hidden+4*(i/plan.ScaleBlock):]) * gain
						v = ref.FromE4M3(x[i]) * scale
					}
					if got, want := binary.LittleEndian.Uint16(y[2*i:]), ref.ToBF16(v); got != want {
						t.Fatalf("%v, hidden %d, gain %v: value %d is %#04x, want %#04x", d, hidden, gain, i, got, want)
					}
				}
			}
		}
	}
}

// What experts make depends on every value and on every scale. (A flip of a
// scale's low bits may vanish in the rounding to BF16.)
func TestExpertSeesEveryByte(t *testing.T) {
	for _, d := range []plan.DType{plan.FP8, plan.BF16} {
		p, row := payload(d, 300), plan.DispatchRow(d, 300, 3)
		x := token(p, 0, 0)
		want, got := make([]byte, 600), make([]byte, 600)
		p.Expert(want, x, 1)
		for i := range row.Bytes() {
			if i >= row.Payload && (i-row.Payload)%4 < 2 {
				continue
			}
			x[i] ^= 0x40
			p.Expert(got, x, 1)
			x[i] ^= 0x40
			if bytes.Equal(got, want) {
				t.Errorf("%v: byte %d does not count", d, i)
			}
		}
	}
}

// Experts differ, by weight and by number.
func TestGain(t *testing.T) {
	for _, c := range []struct {
		expert       int32
		weight, want float32
	}{{0, 1, 1}, {1, 1, 1.125}, {7, 2, 3.75}, {8, 1, 1}, {4, 0, 0}, {2, -0.5, -0.625}} {
		if got := workload.Gain(c.expert, c.weight); got != c.want {
			t.Errorf("Gain(%d, %v) = %v, want %v", c.expert, c.weight, got, c.want)
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	for _, d := range []plan.DType{plan.FP8, plan.BF16} {
		p := payload(d, 300)
		x, y := token(p, 0, 0), make([]byte, 600)
		if n := testing.AllocsPerRun(10, func() {
			p.Token(x, 0, 1, ids, weights)
			p.Expert(y, x, 0.5)
			p.Output(y, 0, 1, 2)
			p.OutputByExpert(y, 0, 1, 2)
			p.Bias(y, 0, 1, 0)
		}); n != 0 {
			t.Errorf("%v: %v allocations", d, n)
		}
	}
}

func BenchmarkToken(b *testing.B) {
	for _, d := range []plan.DType{plan.FP8, plan.BF16} {
		b.Run("dtype="+d.String(), func(b *testing.B) {
			p := payload(d, 7168)
			row := token(p, 0, 0)
			b.SetBytes(int64(len(row)))
			for b.Loop() {
				p.Token(row, 0, 1, ids, weights)
			}
		})
	}
}

func BenchmarkExpert(b *testing.B) {
	for _, d := range []plan.DType{plan.FP8, plan.BF16} {
		b.Run("dtype="+d.String(), func(b *testing.B) {
			p := payload(d, 7168)
			x, y := token(p, 0, 0), make([]byte, 2*7168)
			b.SetBytes(int64(len(y)))
			for b.Loop() {
				p.Expert(y, x, 0.5)
			}
		})
	}
}
