package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/scripts/internal/doc"
)

// The workload, but for its tokens: that of commbench's defaults.
const (
	hidden  = 7168
	experts = 256
	topK    = 8
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
	sides  []side
}

func (s *section) String() string { return s.op + " on " + s.cluster.String() }

// side is one of those that are compared.
type side struct {
	name   string
	run    func(context.Context) ([]sample, error)
	rounds [][]sample
}

// sample is one iteration, in microseconds. Of MPI its parts are known.
type sample struct {
	total                  float64
	pack, exchange, finish float64
}

// row is the row that the operation moves.
func (s *section) row() plan.Row {
	if s.op == record.Combine {
		return plan.CombineRow(hidden, topK)
	}
	return plan.DispatchRow(plan.FP8, hidden, topK)
}

// rowBytes is a row of the traffic matrix.
func (s *section) rowBytes() int { return (s.row().Size() + 15) &^ 15 }

func (s *section) workload() []string {
	return []string{"--nodes", strconv.Itoa(s.nodes), "--gpus-per-node", strconv.Itoa(s.gpus), "--experts", strconv.Itoa(experts),
		"--topk", strconv.Itoa(topK), "--tokens", strconv.Itoa(s.tokens), "--hidden", strconv.Itoa(hidden)}
}

// plan writes the traffic matrix of direct: the algorithm that sends least over
// all links together.
func (s *section) plan(ctx context.Context) error {
	args := append([]string{"plan", "--op", s.op, "--algorithm", "direct", "--traffic-matrix", "-o", s.matrix}, s.workload()...)
	if _, err := doc.Output(ctx, nil, s.commbench, args...); err != nil {
		return err
	}
	text, err := os.ReadFile(s.matrix)
	if err != nil {
		return err
	}
	s.rows, err = countRows(string(text), s.nodes*s.gpus, s.rowBytes())
	return err
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

// contenders are commbench's own two algorithms, the MPIs, and the C loops.
func (s *section) contenders() []side {
	// Ranks outnumber cores, so they give way when they wait. Nothing leaves the host.
	// MPICH has no such option: its ranks spin.
	openMPI := []string{"mpirun.openmpi", "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1",
		"--mca", "oob_tcp_if_include", "lo", "--mca", "btl_tcp_if_include", "lo", "--mca", "pml", "ob1", "--mca", "btl"}
	sides := []side{
		{name: "commbench two-hop", run: s.ours("two-hop")},
		{name: "commbench direct", run: s.ours("direct")},
		{name: "Open MPI, shared memory", run: s.mpi("a2av.openmpi", append(openMPI, "vader,self")...)},
		{name: "Open MPI, TCP", run: s.mpi("a2av.openmpi", append(openMPI, "tcp,self")...)},
		{name: "MPICH, shared memory", run: s.mpi("a2av.mpich", "mpirun.mpich", "-iface", "lo", "-genv", "UCX_TLS", "sm,self")},
	}
	// Over TCP its spinning ranks do not get through where they outnumber the cores.
	if s.nodes*s.gpus <= runtime.NumCPU() {
		sides = append(sides, side{name: "MPICH, TCP", run: s.mpi("a2av.mpich", "mpirun.mpich", "-iface", "lo", "-genv", "UCX_TLS", "tcp,self", "-genv", "UCX_NET_DEVICES", "lo")})
	}
	if s.op == record.Dispatch {
		return append(sides,
			side{name: "C memcpy", run: s.limit("memcpy")},
			side{name: "C AVX-512 copies, past the caches", run: s.limit("nt")})
	}
	return append(sides, side{name: "C AVX-512 sums", run: s.limit("reduce")})
}

func (s *section) ours(algorithm string) func(context.Context) ([]sample, error) {
	return func(ctx context.Context) ([]sample, error) {
		args := append([]string{s.op, "--algorithm", algorithm, "--baseline", "none", "--check", "none", "--format", "json",
			"--iters", strconv.Itoa(s.iters), "--warmup", strconv.Itoa(s.warmup)}, s.workload()...)
		out, err := doc.Output(ctx, nil, s.commbench, args...)
		if err != nil {
			return nil, err
		}
		recs, err := record.Read(bytes.NewReader(out), "commbench")
		if err != nil {
			return nil, err
		}
		if len(recs) != 1 || len(recs[0].SamplesUS) != s.iters {
			return nil, fmt.Errorf("commbench printed %d records, want 1 of %d samples", len(recs), s.iters)
		}
		var samples []sample
		for _, us := range recs[0].SamplesUS {
			samples = append(samples, sample{total: us})
		}
		return samples, nil
	}
}

func (s *section) mpi(program string, launch ...string) func(context.Context) ([]sample, error) {
	return func(ctx context.Context) ([]sample, error) {
		args := append(launch[1:len(launch):len(launch)], "-n", strconv.Itoa(s.nodes*s.gpus), filepath.Join(s.peers, program),
			"-op", s.op, "-matrix", s.matrix, "-row", strconv.Itoa(s.rowBytes()), "-values", strconv.Itoa(hidden),
			"-tokens", strconv.Itoa(s.tokens), "-iters", strconv.Itoa(s.iters), "-warmup", strconv.Itoa(s.warmup))
		// A folder of its own: runs that share one clear it away under each other.
		env := []string{"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "OMPI_MCA_orte_tmpdir_base=" + filepath.Dir(s.matrix)}
		out, err := doc.Output(ctx, env, launch[0], args...)
		if err != nil {
			return nil, err
		}
		return parseA2AV(string(out), s.iters)
	}
}

// parseA2AV reads a2av's lines "iter total pack exchange finish span". What an MPI
// library prints between them is skipped.
func parseA2AV(out string, iters int) ([]sample, error) {
	var samples []sample
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
		samples = append(samples, sample{total: v[0], pack: v[1], exchange: v[2], finish: v[3]})
	}
	if len(samples) != iters {
		return nil, fmt.Errorf("a2av printed %d iterations, want %d", len(samples), iters)
	}
	return samples, nil
}

// limit is the time that the rows of direct would take at the rate of the loop:
// each written once in a dispatch, each read once in a combine.
func (s *section) limit(kind string) func(context.Context) ([]sample, error) {
	return func(ctx context.Context) ([]sample, error) {
		moved := s.rows * int64(s.rowBytes())
		if s.op == record.Combine {
			moved = s.rows * int64(s.row().Payload)
		}
		tokens := int64(s.nodes * s.gpus * s.tokens)
		k := min(max((s.rows+tokens/2)/tokens, 1), 64)
		out, err := doc.Output(ctx, nil, filepath.Join(s.peers, "limit"), "-kind", kind, "-row", strconv.Itoa(s.rowBytes()),
			"-values", strconv.Itoa(hidden), "-k", strconv.FormatInt(k, 10), "-mib", strconv.Itoa(s.mib), "-samples", strconv.Itoa(s.iters))
		if err != nil {
			return nil, err
		}
		rates, err := parseLimit(string(out), s.iters)
		if err != nil {
			return nil, err
		}
		var samples []sample
		for _, gbps := range rates {
			samples = append(samples, sample{total: float64(moved) / gbps / 1e3})
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
