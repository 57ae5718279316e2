package stats

import "github.com/montanaflynn/stats"

// Spread is how far apart the middle half of the samples is: (p75 - p25) / p50, by nearest
// rank. A few late samples do not move it, as they move a standard deviation. It is 0 for one
// sample, and infinite where the median alone is 0. The errors are ErrEmpty and ErrNotFinite.
func Spread(samples []float64) (float64, error) {
	if err := check(samples); err != nil {
		return 0, err
	}
	// On checked samples and fixed percentiles the library cannot fail.
	p25, _ := stats.PercentileNearestRank(samples, 25)
	p50, _ := stats.PercentileNearestRank(samples, 50)
	p75, _ := stats.PercentileNearestRank(samples, 75)
	if p75 == p25 {
		return 0, nil
	}
	return (p75 - p25) / p50, nil
}
