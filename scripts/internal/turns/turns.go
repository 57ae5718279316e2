// Package turns compares: what is compared runs in turns, so that all meet the same
// machine, and what came of it is told as a median with its extremes over rounds.
package turns

import (
	"context"
	"fmt"

	"github.com/commbench/commbench/bench/stats"
	"github.com/commbench/commbench/bench/unit"
)

// Contender is one of those that are compared.
type Contender[T any] struct {
	Name   string
	Run    func(context.Context) (T, error) // one turn
	Rounds []T                              // what each turn returned
}

// Take runs all contenders in each round, and tells of each turn. Each round begins
// with another one, so that none always runs after the same one.
func Take[T any](ctx context.Context, rounds int, what string, all []Contender[T], tell func(round int, name string, got T)) error {
	for round := range rounds {
		for i := range all {
			c := &all[(round+i)%len(all)]
			got, err := c.Run(ctx)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", what, c.Name, err)
			}
			c.Rounds = append(c.Rounds, got)
			tell(round, c.Name, got)
		}
	}
	return nil
}

// P50 is a median; 0 where there is none.
func P50(v []float64) float64 {
	sum, err := stats.Summarize(v)
	if err != nil {
		return 0
	}
	return sum.P50
}

// Spread is a median with its extremes.
func Spread(v []float64, format func(float64) string) string {
	sum, err := stats.Summarize(v)
	if err != nil {
		return unit.Unknown
	}
	return fmt.Sprintf("%s (%s to %s)", format(sum.P50), format(sum.Min), format(sum.Max))
}

// Over is how many times b the figures a are, with the extremes over rounds, and the
// median alone.
func Over(a, b []float64) (string, float64) {
	r, err := stats.Compare(a, b)
	if err != nil {
		return unit.Unknown, 0
	}
	return fmt.Sprintf("%s (%s to %s)", unit.Ratio(r.Median), unit.Number(r.Min), unit.Number(r.Max)), r.Median
}
