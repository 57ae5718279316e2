package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/scripts/internal/side"
	"github.com/commbench/commbench/scripts/internal/turns"
)

const mpiIters = 3 // timed iterations of a turn, after one that is not

// overMPI lets commbench and Open MPI take turns, all over TCP and loopback, on the
// routing that scripts/peers compares on. What commbench does unless it is told to use
// processes must be ahead of the exchange alone. Open MPI has a process for each rank and a
// connection for each pair of them. With as many commbench must be ahead of pack, exchange
// and unpack, which is what a dispatch does: it takes rows from where the tokens are to
// where the experts want them.
func overMPI(ctx context.Context, s *settings) (result, error) {
	dir, err := os.MkdirTemp("", "network")
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(dir)
	clusters := [][2]int{{4, 8}, {2, 2}, {2, 1}}
	if s.quick {
		clusters = clusters[2:]
	}
	met := false
	var said []string
	var b strings.Builder
	for i, cluster := range clusters {
		c := &side.Case{Op: record.Dispatch, Nodes: cluster[0], GPUs: cluster[1], Tokens: s.tokens, Iters: mpiIters, Warmup: 1,
			Commbench: s.commbench, Peers: s.peers, Matrix: filepath.Join(dir, fmt.Sprint(cluster[0], "x", cluster[1]))}
		if _, err := c.Plan(ctx); err != nil {
			return result{}, err
		}
		all := mpiContenders(c)
		if err := takeTurns(ctx, s.rounds, fmt.Sprintf("%d ranks", c.Ranks()), all); err != nil {
			return result{}, err
		}
		one := &all[len(all)-2]
		alone, ahead := turns.Over(figure(&all[0], 1), figure(one, 0))
		like, _ := turns.Over(figure(&all[0], 1), figure(&all[1], 0))
		whole, aheadOfAll := turns.Over(figure(&all[0], 0), figure(&all[1], 0))
		if i == 0 { // the default workload
			met = ahead > 1 && aheadOfAll > 1
		}
		said = append(said, fmt.Sprintf("%d ranks: MPI_Alltoallv alone takes %s the time of one process, and %s that of a process for each rank, with pack and unpack %s",
			c.Ranks(), alone, like, whole))
		fmt.Fprintf(&b, "\n| dispatch over TCP, %d x %d | median, ms (range) | MPI_Alltoallv takes, times | with pack and unpack |\n|---|---|---|---|\n", c.Nodes, c.GPUs)
		fmt.Fprintf(&b, "| Open MPI | %s, of which exchange %s | | |\n", spread(figure(&all[0], 0)), unit.Number(turns.P50(figure(&all[0], 1))))
		for i := range all[1:] {
			ours := &all[1+i]
			alone, _ := turns.Over(figure(&all[0], 1), figure(ours, 0))
			whole, _ := turns.Over(figure(&all[0], 0), figure(ours, 0))
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", ours.Name, spread(figure(ours, 0)), alone, whole)
		}
	}
	return result{&met, strings.Join(said, "; "), strings.TrimPrefix(b.String(), "\n")}, nil
}

// mpiContenders are Open MPI, then commbench's direct with a process for each rank, and
// what else commbench can do, the last two in one process, direct first. Figures are medians of a turn, in milliseconds: of all,
// and of MPI's exchange alone.
func mpiContenders(c *side.Case) []contender {
	medians := func(samples []side.Sample, err error) ([]float64, error) {
		var total, exchange []float64
		for _, x := range samples {
			total, exchange = append(total, x.Total/1e3), append(exchange, x.Exchange/1e3)
		}
		return []float64{turns.P50(total), turns.P50(exchange)}, err
	}
	all := []contender{{Name: "Open MPI", Run: func(ctx context.Context) ([]float64, error) {
		return medians(c.MPI(ctx, "a2av.openmpi", side.OpenMPI("tcp,self")...))
	}}}
	for _, procs := range []struct {
		flag, name string
		args       []string
	}{
		{"rank", "a process for each rank", []string{"--tcp-streams", "1"}},
		{"node", "a process for each node", nil},
		{"1", "one process", nil}, // the last
	} {
		if procs.flag == "node" && c.GPUs == 1 {
			continue // the same as rank
		}
		for _, algorithm := range []string{record.Direct, record.TwoHop} {
			all = append(all, contender{Name: "commbench " + algorithm + ", " + procs.name, Run: func(ctx context.Context) ([]float64, error) {
				return medians(c.Ours(ctx, algorithm, append(procs.args, "--transport", "tcp", "--procs", procs.flag)...))
			}})
		}
	}
	return all
}
