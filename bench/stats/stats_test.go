package stats_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/commbench/commbench/bench/stats"
)

// upTo is n, n-1, ..., 1: unsorted, so that a sort that is missed shows.
func upTo(n int) []float64 {
	s := make([]float64, n)
	for i := range s {
		s[i] = float64(n - i)
	}
	return s
}

// The figures are the definition: rank ceil(p/100 x N).
func TestSummarizeNearestRank(t *testing.T) {
	for _, c := range []struct {
		n             int
		p50, p95, p99 float64
	}{
		{1, 1, 1, 1}, {2, 1, 2, 2}, {3, 2, 3, 3}, {10, 5, 10, 10}, {19, 10, 19, 19}, {20, 10, 19, 20},
		{99, 50, 95, 99}, {100, 50, 95, 99}, {101, 51, 96, 100}, {200, 100, 190, 198}, {1000, 500, 950, 990},
	} {
		in := upTo(c.n)
		s, err := stats.Summarize(in)
		if err != nil {
			t.Fatal(err)
		}
		if s.N != c.n || s.Min != 1 || s.Max != float64(c.n) || s.P50 != c.p50 || s.P95 != c.p95 || s.P99 != c.p99 {
			t.Errorf("N=%d: %+v, want p50 %v p95 %v p99 %v", c.n, s, c.p50, c.p95, c.p99)
		}
		if want := float64(c.n+1) / 2; math.Abs(s.Mean-want) > 1e-9 {
			t.Errorf("N=%d: mean %v, want %v", c.n, s.Mean, want)
		}
		if !slices.Equal(in, upTo(c.n)) {
			t.Errorf("N=%d: the input was changed", c.n)
		}
	}
}

func TestSummarizeHugeSamples(t *testing.T) {
	s, err := stats.Summarize([]float64{math.MaxFloat64, math.MaxFloat64})
	if err != nil || s.Mean != math.MaxFloat64 {
		t.Errorf("mean %v, %v: the sum overflows, the mean does not", s.Mean, err)
	}
}

func TestWarnings(t *testing.T) {
	for n, want := range map[int][]stats.Warning{
		1: {"every percentile of 1 sample is that sample"},
		5: {"p95 and p99 of 5 samples are their maximum",
			"5 samples give no 95% confidence interval of the median (6 are needed)"},
		6:   {"p95 and p99 of 6 samples are their maximum"},
		20:  {"p99 of 20 samples is their maximum"},
		99:  {"p99 of 99 samples is their maximum"},
		100: nil,
	} {
		s, err := stats.Summarize(upTo(n))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(s.Warnings, want) {
			t.Errorf("N=%d: %q, want %q", n, s.Warnings, want)
		}
		if (s.MedianCI == nil) != (n < 6) {
			t.Errorf("N=%d: interval %v", n, s.MedianCI)
		}
	}
}

// The confidences are exact binomial sums: for n = 10 and ranks 2 and 9 it is
// 1 - 2 x (1 + 10)/1024.
func TestMedianCI(t *testing.T) {
	for _, c := range []struct {
		n, low, high int
		confidence   float64
	}{
		{6, 1, 6, 0.96875}, {8, 1, 8, 0.9921875}, {9, 2, 8, 0.9609375}, {10, 2, 9, 0.978515625},
		{15, 4, 12, 0.96484375}, {20, 6, 15, 0.9586105}, {30, 10, 21, 0.9572260}, {100, 40, 61, 0.9647998},
	} {
		ci := stats.MedianCI(upTo(c.n), 0.95)
		if ci == nil || ci.Low != float64(c.low) || ci.High != float64(c.high) || math.Abs(ci.Confidence-c.confidence) > 1e-6 {
			t.Errorf("n=%d: %+v, want %d..%d at %v", c.n, ci, c.low, c.high, c.confidence)
		}
	}
	for _, n := range []int{0, 1, 5} {
		if ci := stats.MedianCI(upTo(n), 0.95); ci != nil {
			t.Errorf("n=%d: %+v, want none", n, ci)
		}
	}
	// 2^-n underflows here; the normal approximation of k is within one.
	n := 100_000
	k := float64(n)/2 - 1.959964*math.Sqrt(float64(n))/2
	if ci := stats.MedianCI(upTo(n), 0.95); ci == nil || math.Abs(ci.Low-k) > 1.5 || ci.Confidence < 0.95 {
		t.Errorf("n=%d: %+v, want low near %v", n, ci, k)
	}
}

// The promise itself: over many draws the interval holds the true median at
// least as often as it says.
func TestMedianCICoverage(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const draws = 20_000
	hits := 0
	var confidence float64
	for range draws {
		s := make([]float64, 10)
		for i := range s {
			s[i] = rng.ExpFloat64() // true median ln 2
		}
		ci := stats.MedianCI(s, 0.95)
		confidence = ci.Confidence
		if ci.Low <= math.Ln2 && math.Ln2 <= ci.High {
			hits++
		}
	}
	if got := float64(hits) / draws; math.Abs(got-confidence) > 0.005 {
		t.Errorf("held the median in %.4f of the draws, said %.4f", got, confidence)
	}
}

func TestCompare(t *testing.T) {
	got, err := stats.Compare([]float64{30, 10, 20}, []float64{10, 10, 5})
	if want := (stats.Ratio{Median: 2, Min: 1, Max: 4}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		a, b := make([]float64, 1+rng.IntN(12)), []float64(nil)
		for i := range a {
			a[i] = 1 + rng.Float64()
			b = append(b, 1+rng.Float64())
		}
		r, err := stats.Compare(a, b)
		if err != nil || r.Median < r.Min || r.Median > r.Max {
			t.Fatalf("Compare(%v, %v) = %+v, %v: the median ratio lies outside", a, b, r, err)
		}
	}
}

func TestErrors(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		in   []float64
		want error
	}{
		{nil, stats.ErrEmpty}, {[]float64{}, stats.ErrEmpty}, {[]float64{1, nan}, stats.ErrNotFinite},
		{[]float64{inf}, stats.ErrNotFinite},
	} {
		if s, err := stats.Summarize(c.in); !errors.Is(err, c.want) {
			t.Errorf("Summarize(%v) = %+v, %v; want %v", c.in, s, err, c.want)
		}
	}
	one := []float64{1}
	for _, c := range []struct {
		a, b []float64
		want error
	}{
		{nil, nil, stats.ErrEmpty}, {one, nil, stats.ErrNotPaired}, {one, []float64{0}, stats.ErrNotPositive},
		{[]float64{-1}, one, stats.ErrNotPositive}, {[]float64{nan}, one, stats.ErrNotFinite},
		{[]float64{math.MaxFloat64}, []float64{0.5}, stats.ErrNotFinite},
	} {
		if r, err := stats.Compare(c.a, c.b); !errors.Is(err, c.want) {
			t.Errorf("Compare(%v, %v) = %+v, %v; want %v", c.a, c.b, r, err, c.want)
		}
	}
}

// By nearest rank: of 4 samples the first, second and third are p25, p50 and p75.
func TestSpread(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		in   []float64
		want float64
		err  error
	}{
		{[]float64{5}, 0, nil},
		{[]float64{0, 0, 0}, 0, nil},
		{[]float64{1, 2}, 1, nil},
		{[]float64{140, 100, 80, 120}, 0.4, nil},
		{[]float64{100, 100, 100, 100, 1e9}, 0, nil}, // one late sample
		{upTo(100), 1, nil},
		{[]float64{0, 0, 1, 1}, inf, nil},
		{[]float64{math.MaxFloat64, math.MaxFloat64}, 0, nil},
		{nil, 0, stats.ErrEmpty},
		{[]float64{1, inf}, 0, stats.ErrNotFinite},
		{[]float64{math.NaN()}, 0, stats.ErrNotFinite},
	} {
		in := slices.Clone(c.in)
		got, err := stats.Spread(in)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("Spread(%v) = %v, %v; want %v, %v", c.in, got, err, c.want, c.err)
		}
		if c.err == nil && !slices.Equal(in, c.in) {
			t.Errorf("Spread(%v): the input was changed", c.in)
		}
	}
}
