package routing

import (
	"math"

	"github.com/commbench/commbench/alltoall/counter"
)

// The largest skews that a pattern takes: beyond them one expert has it all.
const (
	maxZipf      = 10
	maxLognormal = 10
)

// zipf is the popularity rank^-s, the ranks 1, 2, ... dealt to the experts in
// an order that the seed rules.
func zipf(s float64) func(Spec) ([]float64, error) {
	return func(spec Spec) ([]float64, error) {
		p := make([]float64, spec.Placement.Experts)
		for i := range p {
			p[i] = pow(float64(i+1), -s)
		}
		draw := spec.draws(streamPopularity)
		counter.Shuffle(&draw, p)
		return p, nil
	}
}

// lognormal is the popularity exp(sigma*z), z drawn from the standard normal
// distribution for each expert.
func lognormal(sigma float64) func(Spec) ([]float64, error) {
	return func(spec Spec) ([]float64, error) {
		p := make([]float64, spec.Placement.Experts)
		draw := spec.draws(streamPopularity)
		for e := range p {
			p[e] = exp(float64(sigma * normal(&draw)))
		}
		return p, nil
	}
}

// normal draws from the standard normal distribution by Marsaglia's polar
// method. It returns one of the two values the method gives: nothing is kept
// from one call to the next.
func normal(draw *counter.Source) float64 {
	for {
		x := float64(2*draw.Float64()) - 1
		y := float64(2*draw.Float64()) - 1
		if s := float64(x*x) + float64(y*y); s > 0 && s < 1 {
			return x * math.Sqrt(-2*ln(s)/s)
		}
	}
}

// toMeanOne scales popularities to a mean of 1, that of uniform routing. Which
// experts are drawn does not depend on the scale; affinities do, and with them
// weights and the choice of nodes.
func toMeanOne(p []float64) {
	sum := 0.0
	for _, x := range p {
		sum += x
	}
	mean := sum / float64(len(p))
	for e := range p {
		p[e] /= mean
	}
}
