package counter

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"
)

// The sequence that the authors' own C program prints for seed 1234567.
func TestPublishedVectors(t *testing.T) {
	s := Source{state: 1234567}
	start := s
	for i, want := range []uint64{
		6457827717110365317, 3203168211198807973, 9817491932198370423,
		4593380528125082431, 16408922859458223821,
	} {
		if got := start.At(uint64(i)); got != want {
			t.Errorf("At(%d) = %d, want %d", i, got, want)
		}
		if got := s.Uint64(); got != want {
			t.Errorf("value %d = %d, want %d", i, got, want)
		}
	}
}

// A changed key would change every workload that was ever recorded with a seed.
func TestKeysDoNotChange(t *testing.T) {
	for _, c := range []struct{ seed, rank, token, stream, want uint64 }{
		{0, 0, 0, 0, 0x78ae5a9a6b5fd45e},
		{1, 0, 0, 0, 0x348c3d1af8bec8e5},
		{1, 2, 3, 4, 0x68055585a968b899},
		{math.MaxUint64, 65535, 4095, 7, 0x92dc253827b457ae},
	} {
		s := New(c.seed, c.rank, c.token, c.stream)
		if got := s.Uint64(); got != c.want {
			t.Errorf("first value of (%d, %d, %d, %d) = %#x, want %#x", c.seed, c.rank, c.token, c.stream, got, c.want)
		}
	}
}

func TestEachPartOfTheKeyCounts(t *testing.T) {
	seen := map[uint64][4]uint64{}
	for seed := range uint64(8) {
		for rank := range uint64(8) {
			for token := range uint64(8) {
				for stream := range uint64(8) {
					s := New(seed, rank, token, stream)
					key := [4]uint64{seed, rank, token, stream}
					if other, ok := seen[s.Uint64()]; ok {
						t.Fatalf("%v and %v start alike", key, other)
					}
					s = New(seed, rank, token, stream)
					seen[s.Uint64()] = key
				}
			}
		}
	}
}

func TestFloat64IsUniformBelowOne(t *testing.T) {
	const n = 1 << 20
	s := New(1, 0, 0, 0)
	sum := 0.0
	for range n {
		x := s.Float64()
		if x < 0 || x >= 1 {
			t.Fatalf("%v is outside [0, 1)", x)
		}
		sum += x
	}
	// The mean of n uniform values has a standard error of 1/sqrt(12 n).
	if off := math.Abs(sum/n - 0.5); off > 4/math.Sqrt(12*n) {
		t.Errorf("mean is %v away from 1/2", off)
	}
}

func TestBelowIsFair(t *testing.T) {
	for _, n := range []uint64{1, 2, 3, 7, 64, 100} {
		const draws = 200000
		s := New(2, 0, n, 0)
		counts := make([]int, n)
		for range draws {
			counts[s.Below(n)]++
		}
		mean := float64(draws) / float64(n)
		for v, c := range counts {
			if math.Abs(float64(c)-mean) > 5*math.Sqrt(mean) {
				t.Errorf("Below(%d) gave %d %d times, want about %.0f", n, v, c, mean)
			}
		}
	}
	// Just over half the range: without a second draw, low answers come twice
	// as often.
	const n = 1<<63 + 1
	s := New(3, 0, 0, 0)
	low := 0
	for range 100000 {
		x := s.Below(n)
		if x >= n {
			t.Fatalf("Below(%d) = %d", uint64(n), x)
		}
		if x < n/2 {
			low++
		}
	}
	if math.Abs(float64(low)-50000) > 5*math.Sqrt(25000) {
		t.Errorf("%d of 100000 in the lower half", low)
	}
}

func TestBelowZeroPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Below(0) returned")
		}
	}()
	s := New(0, 0, 0, 0)
	s.Below(0)
}

func TestShuffleGivesEveryOrderAlike(t *testing.T) {
	const draws = 60000
	seen := map[[4]int]int{}
	s := New(4, 0, 0, 0)
	for range draws {
		v := [4]int{0, 1, 2, 3}
		Shuffle(&s, v[:])
		seen[v]++
		slices.Sort(v[:])
		if v != [4]int{0, 1, 2, 3} {
			t.Fatalf("not a permutation: %v", v)
		}
	}
	if len(seen) != 24 {
		t.Fatalf("%d orders of 24", len(seen))
	}
	for order, n := range seen {
		if mean := draws / 24.0; math.Abs(float64(n)-mean) > 5*math.Sqrt(mean) {
			t.Errorf("%v came %d times, want about %.0f", order, n, mean)
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	v := make([]int32, 64)
	if n := testing.AllocsPerRun(100, func() {
		s := New(1, 2, 3, 4)
		_ = s.Below(10) + s.At(3)
		Shuffle(&s, v)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

var sink uint64

func BenchmarkUint64(b *testing.B) {
	b.SetBytes(8)
	s := New(1, 2, 3, 4)
	for b.Loop() {
		sink = s.Uint64()
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		s := New(1, 2, 3, 4)
		sink = s.Uint64()
	}
}

func BenchmarkBelow(b *testing.B) {
	s := New(1, 2, 3, 4)
	for b.Loop() {
		sink = s.Below(256)
	}
}

func TestFillIsUint64AfterUint64(t *testing.T) {
	const and, or = 0x81ff81ff81ff81ff, 0x3e003e003e003e00
	for n := range 100 {
		filled, single := New(1, 2, 3, 4), New(1, 2, 3, 4)
		got := bytes.Repeat([]byte{0xee}, n+1)
		filled.Fill(got[:n], and, or)
		var want []byte
		for len(want) < n {
			want = binary.LittleEndian.AppendUint64(want, single.Uint64()&and|or)
		}
		if !bytes.Equal(got[:n], want[:n]) || got[n] != 0xee {
			t.Fatalf("%d bytes: %x, want %x", n, got, want[:n])
		}
		if filled.Uint64() != single.Uint64() {
			t.Fatalf("%d bytes: the next value differs", n)
		}
	}
}

func BenchmarkFill(b *testing.B) {
	src, dst := New(1, 2, 3, 4), make([]byte, 14336)
	b.SetBytes(int64(len(dst)))
	for b.Loop() {
		src.Fill(dst, 0x81ff81ff81ff81ff, 0x3e003e003e003e00)
	}
}
