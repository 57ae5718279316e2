package gpu

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/alltoall/kernel"
	"github.com/commbench/commbench/nvml/cuda"
)

func TestCounts(t *testing.T) {
	for sms, want := range map[int][]int{
		1:   {1},
		2:   {1, 2},
		3:   {1, 2, 3},
		16:  {1, 2, 3, 4, 6, 8, 12, 16},
		108: {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 108},
		132: {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 132},
	} {
		if diff := cmp.Diff(want, counts(sms)); diff != "" {
			t.Errorf("%d: %s", sms, diff)
		}
	}
}

func TestDataOf(t *testing.T) {
	const gib = 1 << 30
	for name, test := range map[string]struct {
		l2, free, asked, want int64
		err                   string
	}{
		"of an H100":     {50 << 20, 79 * gib, 0, 1000 << 20 / group * group, ""},
		"small cache":    {1 << 20, gib << 1, 0, 256 << 20 / group * group, ""},
		"little memory":  {50 << 20, gib, 0, 256 << 20 / group * group, ""},
		"asked for":      {50 << 20, gib, group + 1, group, ""},
		"too few":        {50 << 20, gib, group - 1, 0, "115 kB cannot be measured: want at least 115 kB"},
		"too many":       {50 << 20, gib, gib, 0, "1.07 GB cannot be measured: they are needed twice, and 1.07 GB are free"},
		"no memory":      {50 << 20, 100, 0, 0, "and 100 B of its memory are free"},
		"less than none": {50 << 20, -100, 0, 0, "cannot be measured"},
	} {
		got, err := dataOf(&cuda.Device{L2Bytes: test.l2}, test.free, test.asked)
		if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: %d, %v, want %d, %q", name, got, err, test.want, test.err)
		}
	}
}

func TestRates(t *testing.T) {
	r, err := rateOf(6e9, []float64{2e6, 1e6, 3e6})
	if diff := cmp.Diff(&Rate{GBps: 3, Min: 2, Max: 6}, r); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if _, err := rateOf(1, []float64{1, 0}); err == nil || !strings.Contains(err.Error(), "take more bytes") {
		t.Error(err)
	}
	g := GPU{SMs: 6, Curve: []Point{{SMs: 1, Copy: &Rate{GBps: 50}}, {SMs: 2}, {SMs: 3, Copy: &Rate{GBps: 90}}, {SMs: 4, Copy: &Rate{GBps: 100}}, {SMs: 6, Copy: &Rate{GBps: 99}}}}
	if best, sms := g.BestCopy(); best != 100 || sms != 4 || *g.knee() != 3 {
		t.Errorf("%v on %d, knee %d", best, sms, *g.knee())
	}
	if (&GPU{}).knee() != nil {
		t.Error("a knee of nothing")
	}
	part := GPU{SMs: 8, Curve: g.Curve}
	if part.knee() != nil || part.Whole() || !g.Whole() {
		t.Error("a knee of a part of the curve")
	}
	if cached := (&GPU{SMs: 6, Curve: g.Curve, L2Bytes: 50 << 20, Bytes: 40 << 20}); cached.Whole() {
		t.Error("data that the cache holds is said to be the memory's")
	}
}

// What results are compared with is right itself.
func TestWords(t *testing.T) {
	for _, n := range []int64{1, 2, 3, 1024, 1<<18 + 1} {
		b := make([]byte, 4*n)
		fillWords(b, 0xfffffff0)
		if got, want := sumWords(n, 0xfffffff0), uint32(total(b)); got != want {
			t.Errorf("%d: sum %d, want %d", n, got, want)
		}
		if word(n-1, 0xfffffff0) != binary.LittleEndian.Uint32(b[4*(n-1):]) {
			t.Errorf("%d: another word", n)
		}
		if wrong := wrongWords(b, 0xfffffff0); wrong != 0 {
			t.Errorf("%d: %d are wrong", n, wrong)
		}
		b[0] ^= 1
		b[len(b)-1] ^= 1
		if wrong := wrongWords(b, 0xfffffff0); wrong != min(n, 2) {
			t.Errorf("%d: %d are wrong, want %d", n, wrong, min(n, 2))
		}
		if wrong := differing(b, make([]byte, 4*n)); wrong != n {
			t.Errorf("%d: %d differ", n, wrong)
		}
	}
	if sumWords(1<<33, 5) != 0 || sumWords(1<<33+1, 5) != 5 { // more than 64 bits on the way, and 2^32 times anything is nothing
		t.Error("long sums", sumWords(1<<33, 5), sumWords(1<<33+1, 5))
	}
}

func TestSumRowsIsThatOfKernel(t *testing.T) {
	got := make([]byte, 2*Hidden)
	sumRows(got, addendSeed)
	rows := make([][]byte, cuda.Addends)
	sign, most := false, 0.0
	for a := range rows {
		rows[a] = make([]byte, len(got))
		for i := range len(got) / 4 {
			binary.LittleEndian.PutUint32(rows[a][4*i:], word(int64(a*len(got)/4+i), addendSeed)&numbersAnd|numbersOr)
		}
		for i := 0; i < len(got); i += 2 {
			f := float64(kernel.Float(binary.LittleEndian.Uint16(rows[a][i:])))
			sign = sign || f < 0
			most = max(most, math.Abs(f))
			if math.Abs(f) < 1.0/128 {
				t.Fatalf("row %d has %v", a, f)
			}
		}
	}
	if !sign || most < 1 || most >= 2 {
		t.Errorf("rows of up to %v, negative ones %v", most, sign)
	}
	want := make([]byte, len(got))
	kernel.Sum(want, rows)
	if !bytes.Equal(got, want) {
		t.Error("sums are not those of alltoall/kernel")
	}
}
