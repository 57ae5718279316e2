package stats

import (
	"errors"
	"fmt"

	"github.com/montanaflynn/stats"
)

var (
	// ErrNotPositive: a sample that is divided, or divided by, is not above 0.
	ErrNotPositive = errors.New("stats: not positive")
	// ErrNotPaired: the two series differ in length.
	ErrNotPaired = errors.New("stats: not paired")
)

// Ratio compares two paired series. Median is the p50 of a over the p50 of b;
// Min and Max are the extremes of the pairwise ratios a[i]/b[i]. Median never
// lies outside Min..Max.
type Ratio struct{ Median, Min, Max float64 }

// Compare returns the ratio of a to b. The series are paired: sample i of both
// was taken at nearly the same moment (interleaved runs), so the spread of the
// pairwise ratios holds what differs between the two and not how the machine
// drifted. With a the baseline's times, Median is how many times faster b is.
// The errors are ErrEmpty, ErrNotFinite, ErrNotPositive and ErrNotPaired.
func Compare(a, b []float64) (Ratio, error) {
	if len(a) != len(b) {
		return Ratio{}, fmt.Errorf("%w: %d samples against %d", ErrNotPaired, len(a), len(b))
	}
	for _, s := range [][]float64{a, b} {
		if err := check(s); err != nil {
			return Ratio{}, err
		}
		for i, v := range s {
			if v <= 0 {
				return Ratio{}, fmt.Errorf("%w: sample %d is %v", ErrNotPositive, i, v)
			}
		}
	}
	// On checked samples the library cannot fail.
	centerA, _ := stats.PercentileNearestRank(a, 50)
	centerB, _ := stats.PercentileNearestRank(b, 50)
	r := Ratio{Median: centerA / centerB, Min: a[0] / b[0], Max: a[0] / b[0]}
	for i := range a {
		r.Min, r.Max = min(r.Min, a[i]/b[i]), max(r.Max, a[i]/b[i])
	}
	if err := check([]float64{r.Median, r.Min, r.Max}); err != nil {
		return Ratio{}, fmt.Errorf("%w: a ratio overflows", ErrNotFinite)
	}
	return r, nil
}
