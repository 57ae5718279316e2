// Package side runs what is compared on one routing, one iteration after the other:
// commbench's algorithms, and scripts/peers/c/a2av.c under an MPI. See docs/peers.md.
package side

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/scripts/internal/doc"
)

// The workload, but for its tokens: that of commbench's defaults.
const (
	Hidden  = 7168
	Experts = 256
	TopK    = 8
)

// Case is a workload, and the programs that run it.
type Case struct {
	Op            string // record.Dispatch or record.Combine
	Nodes, GPUs   int
	Tokens        int // of a rank
	Iters, Warmup int
	Commbench     string // the binary
	Peers         string // folder of a2av.openmpi and a2av.mpich
	Matrix        string // file of the traffic matrix, in a folder for this run alone
}

// Sample is one iteration, in microseconds. Of MPI its parts are known.
type Sample struct {
	Total                  float64
	Pack, Exchange, Finish float64
}

// Ranks of the cluster.
func (c *Case) Ranks() int { return c.Nodes * c.GPUs }

// Row is the row that the operation moves.
func (c *Case) Row() plan.Row {
	if c.Op == record.Combine {
		return plan.CombineRow(Hidden, TopK)
	}
	return plan.DispatchRow(plan.FP8, Hidden, TopK)
}

// RowBytes is a row of the traffic matrix.
func (c *Case) RowBytes() int { return (c.Row().Size() + 15) &^ 15 }

func (c *Case) workload() []string {
	return []string{"--nodes", strconv.Itoa(c.Nodes), "--gpus-per-node", strconv.Itoa(c.GPUs), "--experts", strconv.Itoa(Experts),
		"--topk", strconv.Itoa(TopK), "--tokens", strconv.Itoa(c.Tokens), "--hidden", strconv.Itoa(Hidden)}
}

// Plan writes the traffic matrix of direct, the algorithm that sends least over all
// links together, and returns the rows in it.
func (c *Case) Plan(ctx context.Context) (rows int64, err error) {
	args := append([]string{"plan", "--op", c.Op, "--algorithm", "direct", "--traffic-matrix", "-o", c.Matrix}, c.workload()...)
	if _, err := doc.Output(ctx, nil, c.Commbench, args...); err != nil {
		return 0, err
	}
	text, err := os.ReadFile(c.Matrix)
	if err != nil {
		return 0, err
	}
	return countRows(string(text), c.Ranks(), c.RowBytes())
}

// countRows adds up a traffic matrix.
func countRows(text string, ranks, rowBytes int) (int64, error) {
	cells := strings.Fields(text)
	if len(cells) != ranks*ranks {
		return 0, fmt.Errorf("a traffic matrix of %d cells, want %d x %d", len(cells), ranks, ranks)
	}
	rows := int64(0)
	for _, c := range cells {
		n, err := strconv.ParseInt(c, 10, 64)
		if err != nil || n < 0 || n%int64(rowBytes) != 0 {
			return 0, fmt.Errorf("a cell %q of the traffic matrix: want a multiple of the row's %d bytes", c, rowBytes)
		}
		rows += n / int64(rowBytes)
	}
	return rows, nil
}

// Ours runs an algorithm of commbench, with more arguments.
func (c *Case) Ours(ctx context.Context, algorithm string, args ...string) ([]Sample, error) {
	all := append([]string{c.Op, "--algorithm", algorithm, "--baseline", "none", "--check", "none", "--format", "json",
		"--iters", strconv.Itoa(c.Iters), "--warmup", strconv.Itoa(c.Warmup)}, c.workload()...)
	out, err := doc.Output(ctx, nil, c.Commbench, append(all, args...)...)
	if err != nil {
		return nil, err
	}
	recs, err := record.Read(bytes.NewReader(out), "commbench")
	if err != nil {
		return nil, err
	}
	if len(recs) != 1 || len(recs[0].SamplesUS) != c.Iters {
		return nil, fmt.Errorf("commbench printed %d records, want 1 of %d samples", len(recs), c.Iters)
	}
	var samples []Sample
	for _, us := range recs[0].SamplesUS {
		samples = append(samples, Sample{Total: us})
	}
	return samples, nil
}

// OpenMPI launches over some of its byte transfer layers. Ranks outnumber cores, so
// they give way when they wait. Nothing leaves the host.
func OpenMPI(btl string) []string {
	return []string{"mpirun.openmpi", "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1",
		"--mca", "oob_tcp_if_include", "lo", "--mca", "btl_tcp_if_include", "lo", "--mca", "pml", "ob1", "--mca", "btl", btl}
}

// MPI runs a program, a2av.openmpi or a2av.mpich, by its launcher.
func (c *Case) MPI(ctx context.Context, program string, launch ...string) ([]Sample, error) {
	args := append(launch[1:len(launch):len(launch)], "-n", strconv.Itoa(c.Ranks()), filepath.Join(c.Peers, program),
		"-op", c.Op, "-matrix", c.Matrix, "-row", strconv.Itoa(c.RowBytes()), "-values", strconv.Itoa(Hidden),
		"-tokens", strconv.Itoa(c.Tokens), "-iters", strconv.Itoa(c.Iters), "-warmup", strconv.Itoa(c.Warmup))
	// A folder of its own: runs that share one clear it away under each other.
	env := []string{"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "OMPI_MCA_orte_tmpdir_base=" + filepath.Dir(c.Matrix)}
	out, err := doc.Output(ctx, env, launch[0], args...)
	if err != nil {
		return nil, err
	}
	return parseA2AV(string(out), c.Iters)
}

// parseA2AV reads a2av's lines "iter total pack exchange finish span". What an MPI
// library prints between them is skipped.
func parseA2AV(out string, iters int) ([]Sample, error) {
	var samples []Sample
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) != 6 || fields[0] != strconv.Itoa(len(samples)) {
			continue
		}
		var v [5]float64
		for i := range v {
			var err error
			if v[i], err = strconv.ParseFloat(fields[i+1], 64); err != nil || v[i] < 0 {
				return nil, fmt.Errorf("a2av printed %q, want five times", strings.TrimSpace(line))
			}
		}
		if v[0] == 0 {
			return nil, fmt.Errorf("a2av printed %q: an iteration takes time", strings.TrimSpace(line))
		}
		samples = append(samples, Sample{Total: v[0], Pack: v[1], Exchange: v[2], Finish: v[3]})
	}
	if len(samples) != iters {
		return nil, fmt.Errorf("a2av printed %d iterations, want %d", len(samples), iters)
	}
	return samples, nil
}
