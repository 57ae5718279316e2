package main

import (
	"context"
	"fmt"
	"os"

	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/scripts/internal/turns"
)

// A contender's turn is some figures, the same each time.
type contender = turns.Contender[[]float64]

// takeTurns runs all contenders in each round.
func takeTurns(ctx context.Context, rounds int, what string, all []contender) error {
	return turns.Take(ctx, rounds, what, all, func(round int, name string, got []float64) {
		fmt.Fprintf(os.Stderr, "   %s, round %d of %d: %s %.5g\n", what, round+1, rounds, name, got)
	})
}

// figure is one of a contender's figures, over rounds.
func figure(c *contender, i int) []float64 {
	var v []float64
	for _, figures := range c.Rounds {
		v = append(v, figures[i])
	}
	return v
}

// spread is a median with its extremes.
func spread(v []float64) string { return turns.Spread(v, unit.Number) }
