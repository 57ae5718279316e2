package main

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/scripts/internal/doc"
	"github.com/commbench/commbench/scripts/internal/side"
	"github.com/commbench/commbench/scripts/internal/turns"
)

// cluster is nodes x GPUs; "4x8".
type cluster struct{ nodes, gpus int }

func (c cluster) String() string { return fmt.Sprintf("%dx%d", c.nodes, c.gpus) }

var clusters = []cluster{{4, 8}, {2, 1}, {1, 2}}

// section is one comparison: an operation on a cluster.
type section struct {
	settings
	cluster
	op     string
	matrix string // file
	rows   int64  // of the matrix: what direct sends
	sides  []contender
}

func (s *section) String() string { return s.op + " on " + s.cluster.String() }

type sample = side.Sample

// A contender's turn is a few iterations.
type contender = turns.Contender[[]sample]

// workload is what all contenders run.
func (s *section) workload() *side.Case {
	return &side.Case{Op: s.op, Nodes: s.nodes, GPUs: s.gpus, Tokens: s.tokens, Iters: s.iters, Warmup: s.warmup,
		Commbench: s.commbench, Peers: s.peers, Matrix: s.matrix}
}

func (s *section) plan(ctx context.Context) (err error) {
	s.rows, err = s.workload().Plan(ctx)
	return err
}

// contenders are commbench's own two algorithms, the MPIs, and the C loops.
func (s *section) contenders() []contender {
	// MPICH cannot give way: its ranks spin.
	sides := []contender{
		{Name: "commbench two-hop", Run: s.ours("two-hop")},
		{Name: "commbench direct", Run: s.ours("direct")},
		{Name: "Open MPI, shared memory", Run: s.mpi("a2av.openmpi", side.OpenMPI("vader,self")...)},
		{Name: "Open MPI, TCP", Run: s.mpi("a2av.openmpi", side.OpenMPI("tcp,self")...)},
		{Name: "MPICH, shared memory", Run: s.mpi("a2av.mpich", "mpirun.mpich", "-iface", "lo", "-genv", "UCX_TLS", "sm,self")},
	}
	// Over TCP its spinning ranks do not get through where they outnumber the cores.
	if s.nodes*s.gpus <= runtime.NumCPU() {
		sides = append(sides, contender{Name: "MPICH, TCP", Run: s.mpi("a2av.mpich", "mpirun.mpich", "-iface", "lo", "-genv", "UCX_TLS", "tcp,self", "-genv", "UCX_NET_DEVICES", "lo")})
	}
	if s.op == record.Dispatch {
		return append(sides,
			contender{Name: "C memcpy", Run: s.limit("memcpy")},
			contender{Name: "C AVX-512 copies, past the caches", Run: s.limit("nt")})
	}
	return append(sides, contender{Name: "C AVX-512 sums", Run: s.limit("reduce")})
}

func (s *section) ours(algorithm string) func(context.Context) ([]sample, error) {
	return func(ctx context.Context) ([]sample, error) { return s.workload().Ours(ctx, algorithm) }
}

func (s *section) mpi(program string, launch ...string) func(context.Context) ([]sample, error) {
	return func(ctx context.Context) ([]sample, error) { return s.workload().MPI(ctx, program, launch...) }
}

// limit is the time that the rows of direct would take at the rate of the loop:
// each written once in a dispatch, each read once in a combine.
func (s *section) limit(kind string) func(context.Context) ([]sample, error) {
	return func(ctx context.Context) ([]sample, error) {
		w := s.workload()
		moved := s.rows * int64(w.RowBytes())
		if s.op == record.Combine {
			moved = s.rows * int64(w.Row().Payload)
		}
		tokens := int64(s.nodes * s.gpus * s.tokens)
		k := min(max((s.rows+tokens/2)/tokens, 1), 64)
		out, err := doc.Output(ctx, nil, filepath.Join(s.peers, "limit"), "-kind", kind, "-row", strconv.Itoa(w.RowBytes()),
			"-values", strconv.Itoa(side.Hidden), "-k", strconv.FormatInt(k, 10), "-mib", strconv.Itoa(s.mib), "-samples", strconv.Itoa(s.iters))
		if err != nil {
			return nil, err
		}
		rates, err := parseLimit(string(out), s.iters)
		if err != nil {
			return nil, err
		}
		var samples []sample
		for _, gbps := range rates {
			samples = append(samples, sample{Total: float64(moved) / gbps / 1e3})
		}
		return samples, nil
	}
}

// parseLimit reads limit's lines "GB/s how". Lines with # are not results.
func parseLimit(out string, samples int) ([]float64, error) {
	var rates []float64
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		rate, _, _ := strings.Cut(line, " ")
		v, err := strconv.ParseFloat(rate, 64)
		if err != nil || v <= 0 {
			return nil, fmt.Errorf("limit printed %q, want GB/s", strings.TrimSpace(line))
		}
		rates = append(rates, v)
	}
	if len(rates) != samples {
		return nil, fmt.Errorf("limit printed %d rates, want %d", len(rates), samples)
	}
	return rates, nil
}
