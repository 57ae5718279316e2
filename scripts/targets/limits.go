package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/scripts/internal/doc"
	"github.com/commbench/commbench/scripts/internal/turns"
)

// commbench runs one benchmark with no baseline and no check, and returns its
// record.
func (s *settings) run(ctx context.Context, args ...string) (*record.Record, error) {
	args = append(args, "--baseline", "none", "--check", "none", "--format", "json")
	recs, err := s.records(ctx, args...)
	if err != nil {
		return nil, err
	}
	return &recs[0], nil
}

func (s *settings) records(ctx context.Context, args ...string) ([]record.Record, error) {
	out, err := doc.Output(ctx, nil, s.commbench, args...)
	if err != nil {
		return nil, err
	}
	recs, err := record.Read(bytes.NewReader(out), "commbench")
	if err == nil && len(recs) == 0 {
		err = fmt.Errorf("commbench printed no record")
	}
	return recs, err
}

func verdict(met bool) string {
	if met {
		return ""
	}
	return "**missed**: "
}

// dispatchOverLimit takes the ratio iteration by iteration, each with the sample
// of the limit just before it.
func dispatchOverLimit(ctx context.Context, s *settings) (string, error) {
	rec, err := s.run(ctx, "dispatch", "--iters", strconv.Itoa(max(10, s.rounds)))
	if err != nil {
		return "", err
	}
	if rec.Limit == nil {
		return "", fmt.Errorf("the record has no limit")
	}
	ratios := overSamples(rec, *rec.Traffic.CopiedBytes)
	return fmt.Sprintf("%s%s; %s against a limit of %s GB/s (%s stores)", verdict(turns.P50(ratios) >= 1), turns.Spread(ratios, unit.Ratio),
		unit.Rate(float64(*rec.Traffic.CopiedBytes), unit.Micros(*rec.TimeUS.P50)), turns.Spread(rec.Limit.SamplesGBps, unit.Number), *rec.Limit.Stores), nil
}

func overSamples(rec *record.Record, bytes int64) (ratios []float64) {
	for i, us := range rec.SamplesUS {
		ratios = append(ratios, float64(bytes)/us/1e3/rec.Limit.SamplesGBps[i])
	}
	return ratios
}

// combineOverLoop alternates combines with the C loop of scripts/peers.
func combineOverLoop(ctx context.Context, s *settings) (string, error) {
	var ratios, ours, loop []float64
	for range s.rounds {
		rec, err := s.run(ctx, "combine", "--iters", "2")
		if err != nil {
			return "", err
		}
		k := 3
		if rec.Limit != nil {
			k = *rec.Limit.Addends
		}
		out, err := doc.Output(ctx, nil, filepath.Join(s.peers, "limit"), "-kind", "reduce", "-row", strconv.FormatInt(*rec.Traffic.BytesPerToken, 10),
			"-values", strconv.Itoa(rec.Workload.Hidden), "-k", strconv.Itoa(k), "-mib", "1024", "-samples", "3")
		if err != nil {
			return "", err
		}
		var rates []float64
		for line := range strings.Lines(string(out)) {
			rate, _, _ := strings.Cut(line, " ")
			if v, err := strconv.ParseFloat(rate, 64); err == nil {
				rates = append(rates, v)
			}
		}
		if len(rates) == 0 {
			return "", fmt.Errorf("limit printed no rate: %q", out)
		}
		rate := float64(*rec.Traffic.ReducedBytes) / *rec.TimeUS.P50 / 1e3
		ours, loop = append(ours, rate), append(loop, turns.P50(rates))
		ratios = append(ratios, rate/turns.P50(rates))
	}
	return fmt.Sprintf("%s%s; %s against %s GB/s", verdict(turns.P50(ratios) >= 0.9), turns.Spread(ratios, unit.Ratio), turns.Spread(ours, unit.Number), turns.Spread(loop, unit.Number)), nil
}

// overMPI is the block that make bench-peers writes; it takes too long to be
// measured twice.
func overMPI(context.Context, *settings) (string, error) {
	return "`make bench-peers`, the tables below", nil
}
