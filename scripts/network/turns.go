package main

import (
	"context"
	"fmt"
	"os"

	"github.com/commbench/commbench/bench/stats"
	"github.com/commbench/commbench/bench/unit"
)

// contender is one of those that are compared.
type contender struct {
	name string
	// run is one turn. What it returns is the same figures each time.
	run    func(context.Context) ([]float64, error)
	rounds [][]float64
}

// takeTurns runs all contenders in each round. Each round begins with another one, so
// that none always runs after the same one.
func takeTurns(ctx context.Context, rounds int, what string, all []contender) error {
	for round := range rounds {
		for i := range all {
			c := &all[(round+i)%len(all)]
			got, err := c.run(ctx)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", what, c.name, err)
			}
			c.rounds = append(c.rounds, got)
			fmt.Fprintf(os.Stderr, "   %s, round %d of %d: %s %.5g\n", what, round+1, rounds, c.name, got)
		}
	}
	return nil
}

// figure is one of the figures, over rounds.
func (c *contender) figure(i int) []float64 {
	var v []float64
	for _, figures := range c.rounds {
		v = append(v, figures[i])
	}
	return v
}

// spread is a median with its extremes.
func spread(v []float64) string {
	sum, err := stats.Summarize(v)
	if err != nil {
		return unit.Unknown
	}
	return fmt.Sprintf("%s (%s to %s)", unit.Number(sum.P50), unit.Number(sum.Min), unit.Number(sum.Max))
}

func p50(v []float64) float64 {
	sum, err := stats.Summarize(v)
	if err != nil {
		return 0
	}
	return sum.P50
}

// over is how many times b the figures a are, with the extremes over rounds, and the
// median alone.
func over(a, b []float64) (string, float64) {
	r, err := stats.Compare(a, b)
	if err != nil {
		return unit.Unknown, 0
	}
	return fmt.Sprintf("%s (%s to %s)", unit.Ratio(r.Median), unit.Number(r.Min), unit.Number(r.Max)), r.Median
}
