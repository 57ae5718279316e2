package stats

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/montanaflynn/stats"
)

var (
	// ErrEmpty: there are no samples.
	ErrEmpty = errors.New("stats: no samples")
	// ErrNotFinite: a sample is NaN or infinite, or the ratio of two overflows.
	ErrNotFinite = errors.New("stats: not finite")
)

// A Warning says in words what limits a figure. It is part of the result.
type Warning string

// Summary describes a series of samples, in the unit of the samples.
type Summary struct {
	N                       int // number of samples
	Min, P50, P95, P99, Max float64
	Mean                    float64
	MedianCI                *Interval // 95% confidence; nil with fewer than 6 samples
	Warnings                []Warning
}

// confidence is the level of Summary.MedianCI.
const confidence = 0.95

// Summarize describes the samples, in any order. A percentile p is the sample
// at rank ceil(p/100 x N) of the sorted samples (nearest rank), so p50 of an
// even number of samples is the lower of the middle two. The errors are
// ErrEmpty and ErrNotFinite.
func Summarize(samples []float64) (Summary, error) {
	if err := check(samples); err != nil {
		return Summary{}, err
	}
	s := Summary{N: len(samples), Min: slices.Min(samples), Max: slices.Max(samples)}
	// On checked samples and fixed percentiles the library cannot fail.
	s.P50, _ = stats.PercentileNearestRank(samples, 50)
	s.P95, _ = stats.PercentileNearestRank(samples, 95)
	s.P99, _ = stats.PercentileNearestRank(samples, 99)
	s.Mean, _ = stats.Mean(samples)
	s.MedianCI = MedianCI(samples, confidence)
	s.Warnings = warnings(s)
	return s, nil
}

func warnings(s Summary) []Warning {
	var w []Warning
	// ceil(p/100 x N) = N, the maximum, while N < 100/(100-p).
	switch {
	case s.N == 1:
		return []Warning{"every percentile of 1 sample is that sample"}
	case s.N < 20:
		w = append(w, Warning(fmt.Sprintf("p95 and p99 of %d samples are their maximum", s.N)))
	case s.N < 100:
		w = append(w, Warning(fmt.Sprintf("p99 of %d samples is their maximum", s.N)))
	}
	if s.MedianCI == nil {
		w = append(w, Warning(fmt.Sprintf(
			"%d samples give no %.0f%% confidence interval of the median (6 are needed)", s.N, 100*confidence)))
	}
	return w
}

func check(samples []float64) error {
	if len(samples) == 0 {
		return ErrEmpty
	}
	for i, v := range samples {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%w: sample %d is %v", ErrNotFinite, i, v)
		}
	}
	return nil
}
