package main

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/scripts/internal/turns"
)

// notifyShare is what a plan costs beside the dispatch that it is made for.
func notifyShare(ctx context.Context, s *settings) (string, error) {
	rec, err := s.run(ctx, "dispatch", "--tokens", "4096", "--iters", strconv.Itoa(max(10, s.rounds)))
	if err != nil {
		return "", err
	}
	plan := *rec.TimeUS.LayoutP50 + *rec.TimeUS.NotifyP50
	share := 100 * plan / *rec.TimeUS.TransferP50
	return fmt.Sprintf("%s%s %%: %s ms of %s ms", verdict(share < 5), unit.Number(share), unit.Number(plan/1e3), unit.Number(*rec.TimeUS.TransferP50/1e3)), nil
}

// decodeSoftware runs the same plan with tokens of 16 values: what it then takes
// are signals, roles and bookkeeping, for as many rows.
func decodeSoftware(ctx context.Context, s *settings) (string, error) {
	var shares, whole []float64
	for range s.rounds {
		all, err := s.run(ctx, "dispatch", "--preset", "v3-decode", "--iters", "20")
		if err != nil {
			return "", err
		}
		bare, err := s.run(ctx, "dispatch", "--preset", "v3-decode", "--hidden", "16", "--iters", "20")
		if err != nil {
			return "", err
		}
		shares = append(shares, 100**bare.TimeUS.P50 / *all.TimeUS.P50)
		whole = append(whole, *all.TimeUS.P50/1e3)
	}
	return fmt.Sprintf("%s%s %% of %s ms, as the same plan with rows of 16 values takes", verdict(turns.P50(shares) < 20),
		turns.Spread(shares, unit.Number), turns.Spread(whole, unit.Number)), nil
}

// A sweep is a series of runs that differ in one number.
type sweep struct {
	flag   string
	values []int
	args   []string
	extra  func(v int) []string
}

// medians runs all of the sweep in turns and returns the median time of each, in
// microseconds.
func (w *sweep) medians(ctx context.Context, s *settings, rounds int, each func(i int, us, bytes float64) float64) ([]float64, error) {
	samples := make([][]float64, len(w.values))
	for range rounds {
		for i, v := range w.values {
			args := append([]string{"dispatch", "--" + w.flag, strconv.Itoa(v), "--iters", "3"}, w.args...)
			if w.extra != nil {
				args = append(args, w.extra(v)...)
			}
			rec, err := s.run(ctx, args...)
			if err != nil {
				return nil, err
			}
			samples[i] = append(samples[i], each(i, *rec.TimeUS.P50, float64(*rec.Traffic.CopiedBytes)))
		}
	}
	out := make([]float64, len(samples))
	for i := range samples {
		out[i] = turns.P50(samples[i])
	}
	return out, nil
}

// maxResidual is how far a time may be from the line, as a part of itself.
const maxResidual = 0.15

// linearity fits time = a + b x number by least squares of relative residuals,
// and compares the cost of a byte for clusters of many sizes.
func linearity(ctx context.Context, s *settings) (string, error) {
	rounds := (s.rounds + 1) / 2
	micros := func(_ int, us, _ float64) float64 { return us }
	met := true
	var said []string
	for _, w := range []sweep{
		{flag: "tokens", values: []int{256, 512, 1024, 2048, 4096, 8192}, args: []string{"--nodes", "2", "--gpus-per-node", "4"}},
		{flag: "hidden", values: []int{1024, 2048, 4096, 8192, 16384}, args: []string{"--nodes", "2", "--gpus-per-node", "4"}},
	} {
		us, err := w.medians(ctx, s, rounds, micros)
		if err != nil {
			return "", err
		}
		a, b, worst := fit(w.values, us)
		met = met && worst <= maxResidual
		said = append(said, fmt.Sprintf("%s us + %s us x %s, residuals to %s %%", unit.Number(a), unit.Number(b), w.flag, unit.Number(100*worst)))
	}
	// As many tokens in all, so that every cluster moves about as much.
	ranks := sweep{flag: "nodes", values: []int{1, 4, 16, 64}, args: []string{"--experts", "512", "--topk-groups", "4", "--routing", "grouped"},
		extra: func(nodes int) []string { return []string{"--tokens", strconv.Itoa(32768 / (8 * nodes))} }}
	perByte, err := ranks.medians(ctx, s, rounds, func(_ int, us, bytes float64) float64 { return us * 1e3 / bytes })
	if err != nil {
		return "", err
	}
	var costs []string
	for i, nodes := range ranks.values {
		ratio := perByte[i] / perByte[1]
		met = met && ratio <= 1.3
		costs = append(costs, fmt.Sprintf("%d ranks %s", 8*nodes, unit.Ratio(ratio)))
	}
	return verdict(met) + strings.Join(said, "; ") + "; a byte costs, over 32 ranks: " + strings.Join(costs, ", "), nil
}

// fit is the line a + b*x with the least sum of squared relative residuals, and
// the largest of them: weights 1/y^2 in the normal equations.
func fit(x []int, y []float64) (a, b, worst float64) {
	var s, sx, sy, sxx, sxy float64
	for i := range x {
		w, xi := 1/(y[i]*y[i]), float64(x[i])
		s, sx, sy, sxx, sxy = s+w, sx+w*xi, sy+w*y[i], sxx+w*xi*xi, sxy+w*xi*y[i]
	}
	b = (s*sxy - sx*sy) / (s*sxx - sx*sx)
	a = (sy - b*sx) / s
	for i := range x {
		worst = max(worst, math.Abs(a+b*float64(x[i])-y[i])/y[i])
	}
	return a, b, worst
}
