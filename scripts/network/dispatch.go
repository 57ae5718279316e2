package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/scripts/internal/doc"
	"github.com/commbench/commbench/scripts/internal/turns"
)

// workload is the default one, as arguments of commbench.
func (s *settings) workload() []string {
	return []string{"dispatch", "--nodes", strconv.Itoa(s.nodes), "--gpus-per-node", strconv.Itoa(s.gpus), "--experts", "256",
		"--tokens", strconv.Itoa(s.tokens), "--baseline", "none", "--check", "none", "--format", "json"}
}

func readOne(out []byte) (*record.Record, error) {
	recs, err := record.Read(bytes.NewReader(out), "commbench")
	if err == nil && len(recs) != 1 {
		err = fmt.Errorf("commbench printed %d records, want 1", len(recs))
	}
	if err != nil {
		return nil, err
	}
	return &recs[0], nil
}

// dispatches takes the efficiency from the record: bytes that crossed TCP, as the ledger
// counts them, over p50, over what loopback carried between the iterations. What is asked
// of is what commbench does unless it is told to use processes.
func dispatches(ctx context.Context, s *settings) (result, error) {
	var all []contender
	for _, where := range []struct {
		name string
		args []string
	}{
		{"one process", []string{"--transport", "tcp"}},
		{"a process for each node, shm within", []string{"--procs", "node", "--scale-up", "shm", "--scale-out", "tcp"}},
		{"a process for each node, tcp within", []string{"--procs", "node", "--transport", "tcp"}},
	} {
		all = append(all, contender{Name: where.name, Run: func(ctx context.Context) ([]float64, error) {
			out, err := doc.Output(ctx, nil, s.commbench, append(s.workload(), where.args...)...)
			if err != nil {
				return nil, err
			}
			rec, err := readOne(out)
			if err != nil {
				return nil, err
			}
			if rec.Limit == nil || rec.Limit.Kind != record.LimitLoopback || rec.Efficiency == nil {
				return nil, fmt.Errorf("the record has no efficiency over loopback")
			}
			return []float64{*rec.Efficiency, *rec.TimeUS.P50 / 1e3, rec.Limit.GBps}, nil
		}})
	}
	if err := takeTurns(ctx, s.rounds, "dispatch", all); err != nil {
		return result{}, err
	}
	met := turns.P50(figure(&all[0], 0)) >= 0.8
	var said []string
	var b strings.Builder
	fmt.Fprintf(&b, "| dispatch, %d x %d, %d tokens | efficiency | p50, ms | loopback, GB/s |\n|---|---|---|---|\n", s.nodes, s.gpus, s.tokens)
	for i := range all {
		c := &all[i]
		said = append(said, c.Name+": "+spread(figure(c, 0)))
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.Name, spread(figure(c, 0)), spread(figure(c, 1)), spread(figure(c, 2)))
	}
	return result{&met, strings.Join(said, "; "), b.String()}, nil
}
