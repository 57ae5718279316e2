package main

import (
	"context"
	"fmt"
	"time"

	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/scripts/internal/doc"
	"github.com/commbench/commbench/scripts/internal/turns"
)

// harness compares a run that moves nothing with the default one: what is left
// are the barrier, the timers and the waking of workers. Records are made once a
// run, and counted with it.
func harness(ctx context.Context, s *settings) (string, error) {
	var shares, bare, whole []float64
	for range s.rounds {
		empty, err := s.run(ctx, "dispatch", "--empty-ranks", "32", "--iters", "10")
		if err != nil {
			return "", err
		}
		full, err := s.run(ctx, "dispatch", "--iters", "10")
		if err != nil {
			return "", err
		}
		bare, whole = append(bare, *empty.TimeUS.P50), append(whole, *full.TimeUS.P50)
		shares = append(shares, 100**empty.TimeUS.P50 / *full.TimeUS.P50)
	}
	return fmt.Sprintf("%s%s %%: %s us of %s us with no token to move; 0 allocations in an iteration (TestNothingIsAllocated)",
		verdict(turns.P50(shares) < 1), turns.Spread(shares, unit.Number), unit.Number(turns.P50(bare)), unit.Number(turns.P50(whole))), nil
}

func startUp(ctx context.Context, s *settings) (string, error) {
	var version, outside, wall []float64
	for range 2 * s.rounds {
		start := time.Now()
		if _, err := doc.Output(ctx, nil, s.commbench, "--version"); err != nil {
			return "", err
		}
		version = append(version, float64(time.Since(start).Microseconds())/1e3)
	}
	for range max(3, s.rounds/3) {
		recs, err := s.records(ctx, "dispatch", "--nodes", "4", "--experts", "256", "--format", "json")
		if err != nil {
			return "", err
		}
		e := recs[0].Elapsed
		wall = append(wall, *e.Total)
		outside = append(outside, 100*(1 - (*e.Timed+*e.Checks) / *e.Total))
	}
	return fmt.Sprintf("%s%s ms; %s %% of %s s", verdict(turns.P50(version) < 20 && turns.P50(outside) < 30),
		turns.Spread(version, unit.Number), turns.Spread(outside, unit.Number), turns.Spread(wall, unit.Number)), nil
}
