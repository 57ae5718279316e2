package stats

import (
	"math"
	"slices"
)

// Interval is a confidence interval: the true value lies in [Low, High] with
// at least the probability Confidence.
type Interval struct {
	Low, High  float64
	Confidence float64 // what the interval reaches, at least what was asked for
}

// MedianCI is the confidence interval of the median by order statistics. It
// assumes only that the samples are independent and of one distribution: each
// lies below the true median with probability 1/2, so how many do is binomial,
// and the interval from the k-th smallest to the k-th largest of n samples
// misses the median with probability 2 x P(Binomial(n, 1/2) < k). The largest
// k that still reaches the wanted confidence is taken, and the confidence it
// reaches is returned with it.
//
// It is nil when even the whole range (k = 1) does not reach the confidence:
// with fewer than 6 samples at 0.95.
func MedianCI(samples []float64, confidence float64) *Interval {
	n := len(samples)
	k, reached := 0, 0.0
	for below := 0.0; 2*(k+1) <= n; k++ {
		below += binomialHalf(n, k)
		if 1-2*below < confidence {
			break
		}
		reached = 1 - 2*below
	}
	if k == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(samples))
	return &Interval{Low: sorted[k-1], High: sorted[n-k], Confidence: reached}
}

// binomialHalf is P(Binomial(n, 1/2) = k), by logarithms because 2^-n
// underflows from n = 1075 on.
func binomialHalf(n, k int) float64 {
	return math.Exp(lnFactorial(n) - lnFactorial(k) - lnFactorial(n-k) - float64(n)*math.Ln2)
}

func lnFactorial(n int) float64 {
	v, _ := math.Lgamma(float64(n) + 1)
	return v
}
