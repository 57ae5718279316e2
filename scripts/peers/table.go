package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/stats"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/scripts/internal/doc"
	"github.com/commbench/commbench/scripts/internal/turns"
)

// A figure of a side is the median over rounds of the round's median, so that
// ratios, which are taken round by round, fit to it.
type figure func(sample) float64

func total(x sample) float64 { return x.Total }

// round is the figure's median in one round.
func (f figure) round(samples []sample) float64 {
	var v []float64
	for _, x := range samples {
		v = append(v, f(x))
	}
	return turns.P50(v)
}

func (f figure) rounds(s *contender) []float64 {
	var v []float64
	for _, samples := range s.Rounds {
		v = append(v, f.round(samples))
	}
	return v
}

func ms(us float64) string { return unit.Number(us / 1e3) }

// of is the figure of a side, in milliseconds.
func (f figure) of(s *contender) string {
	sum, err := stats.Summarize(f.rounds(s))
	if err != nil {
		return unit.Unknown
	}
	return ms(sum.P50)
}

// over is how many times the base's total a side's figure is, with the extremes
// over rounds.
func (f figure) over(s, base *contender) string {
	text, _ := turns.Over(f.rounds(s), figure(total).rounds(base))
	return text
}

// unsorted is an iteration without the step that commbench has no need of: its
// rows lie in the order in which an exchange leaves them, and are combined from
// there.
func (s *section) unsorted(x sample) float64 {
	if s.op == record.Combine {
		return x.Total - x.Pack
	}
	return x.Total - x.Finish
}

// spread is the smallest and the largest sample.
func spread(s *contender) string {
	var v []float64
	for _, samples := range s.Rounds {
		for _, x := range samples {
			v = append(v, x.Total)
		}
	}
	return ms(slices.Min(v)) + " to " + ms(slices.Max(v))
}

// table is Markdown: a line for each side. The first side is what others are
// compared with.
func (s *section) table() string {
	finish := "unpack"
	if s.op == record.Combine {
		finish = "reduce"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| %s, %d x %d | median, ms | min to max | x two-hop | pack, exchange, %s | unsorted x two-hop |\n|---|---|---|---|---|---|\n",
		s.op, s.nodes, s.gpus, finish)
	base := &s.sides[0]
	for i := range s.sides {
		side := &s.sides[i]
		ratio, parts, unsorted := "", "", ""
		if i > 0 {
			ratio = figure(total).over(side, base)
		}
		if side.Rounds[0][0].Exchange > 0 { // of MPI the parts are known
			parts = figure(func(x sample) float64 { return x.Pack }).of(side) + ", " +
				figure(func(x sample) float64 { return x.Exchange }).of(side) + ", " +
				figure(func(x sample) float64 { return x.Finish }).of(side)
			unsorted = figure(s.unsorted).over(side, base)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", side.Name, figure(total).of(side), spread(side), ratio, parts, unsorted)
	}
	return b.String()
}

// block is the part of the document that a run writes.
func block(sections []section, machine string, now time.Time) string {
	s := &sections[0]
	var b strings.Builder
	fmt.Fprintf(&b, "## Open MPI and MPICH on the same routing\n\n    %s\n\n%s; %s.\n\n", s.command, machine, now.Format(time.DateOnly))
	fmt.Fprintf(&b, "%s tokens a rank, otherwise the default workload. Medians of %d rounds of %d iterations in which all sides take turns; the\n"+
		"smallest and largest sample; how many times two-hop's time a side takes, with the extremes over rounds. What is counted:\n"+
		"[peers.md](peers.md).\n", unit.Count(int64(s.tokens)), s.rounds, s.iters)
	for i := range sections {
		b.WriteString("\n" + sections[i].table())
	}
	return b.String()
}

// facts says what machine and what programs were measured.
func facts(ctx context.Context) string {
	return doc.Machine(ctx, [2]string{"Open MPI", "mpirun.openmpi"}, [2]string{"MPICH", "mpirun.mpich"}, [2]string{"gcc", "gcc"})
}
