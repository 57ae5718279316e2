package alltoall

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/commbench/commbench/alltoall/exec"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/alltoall/topo"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/mem"
)

// Config is the shape of a layer. All ranks of a cluster agree on it.
type Config struct {
	Place     topo.Placement
	TopK      int        // experts that a token chooses
	MaxTokens int        // most tokens of a rank
	Hidden    int        // values of a token
	DType     plan.DType // what dispatch carries, default FP8; combine carries BF16
}

// Options of Open. Nil, or a zero field, stands for the default.
type Options struct {
	Algorithm plan.Algorithm // default two-hop
	ScaleUp   driver.Driver  // within nodes, default mem
	ScaleOut  driver.Driver  // between nodes, default mem
	Channels  int            // default 10, as DeepSeek-V3's 20 SMs have
	Chunk     int            // tokens between two signals, default 8
	Workers   int            // default GOMAXPROCS
	Timeout   time.Duration  // without any progress, default 30 s
	Bias      int            // bias rows that Combine adds, default 0, at most 2
	// MaxReceived bounds the rows that a rank receives. The default is the worst
	// case: every token of every rank. Unused rows cost address space, not memory.
	MaxReceived int
}

// Group is the ranks of a cluster in this process.
type Group struct {
	exec *exec.Group
	alg  plan.Algorithm
}

// Open connects all ranks of the cluster. The caller closes the group.
func Open(c Config, o *Options) (*Group, error) {
	if o == nil {
		o = &Options{}
	}
	e := exec.Config{
		Place: c.Place, Dispatch: true, Combine: true, TopK: c.TopK, MaxTokens: c.MaxTokens,
		Hidden: c.Hidden, DType: c.DType, Bias: o.Bias, Channels: or(o.Channels, 10), Chunk: or(o.Chunk, 8), Rounds: 1,
		ScaleUp: o.ScaleUp, ScaleOut: o.ScaleOut, Workers: or(o.Workers, runtime.GOMAXPROCS(0)), Timeout: or(o.Timeout, 30*time.Second),
	}
	alg := or(o.Algorithm, plan.AlgTwoHop)
	e.Algorithms = []plan.Algorithm{alg}
	shared := driver.Driver(mem.New())
	if e.ScaleUp == nil {
		e.ScaleUp = shared
	}
	if e.ScaleOut == nil {
		e.ScaleOut = shared
	}
	if c.Place.Experts < 1 {
		return nil, fmt.Errorf("alltoall: no experts are placed; use topo.Place")
	}
	e.Limits = map[plan.Algorithm]exec.Limits{alg: worst(c, alg, e.Channels, o.MaxReceived)}
	g, err := exec.Open(context.Background(), e)
	if err != nil {
		return nil, err
	}
	return &Group{g, alg}, nil
}

// worst is the most rows that any routing can need.
func worst(c Config, alg plan.Algorithm, channels, received int) exec.Limits {
	l := exec.Limits{RecvRows: c.MaxTokens * c.Place.Ranks()}
	if alg.ByExpert() {
		copies := min(c.TopK, c.Place.PerRank()) // of a token to one rank
		block := (c.MaxTokens + channels - 1) / channels
		l.RecvRows *= copies
		l.PackRows = block * c.TopK
		l.ExchangeRows = block * copies * c.Place.Ranks()
	}
	if received > 0 {
		l.RecvRows = received
	}
	return l
}

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// Close gives everything back. A second call is a no-op.
func (g *Group) Close() error { return g.exec.Close() }

// Token is the row of a rank's i-th token, to be filled before Dispatch: values,
// scales, then TopK int32 expert ids and TopK float32 weights (plan.DispatchRow).
func (g *Group) Token(rank, i int) []byte { return g.exec.X(rank).At(i) }

// Bias is the row that Combine adds to a rank's i-th token, for b below
// Options.Bias.
func (g *Group) Bias(rank, i, b int) []byte { return g.exec.Bias(rank, b).At(i) }

// Combined is the row of a rank's i-th token after Combine: Hidden BF16 values,
// then the sums of its outputs' weights (plan.CombineRow).
func (g *Group) Combined(rank, i int) []byte { return g.exec.Out(rank).At(i) }

// Handle is a plan that dispatches and combines can share.
type Handle struct {
	g *Group
	h *exec.Handle
}

// Dispatch plans the routing of all ranks and moves their tokens. An error names
// rank, channel, role, and what was awaited; the group can then only be closed.
func (g *Group) Dispatch(ctx context.Context, tables []routing.Table) (*Handle, error) {
	for r := range tables {
		if err := tables[r].Validate(g.exec.Config().Place.Experts); err != nil {
			return nil, fmt.Errorf("alltoall: rank %d: %w", r, err)
		}
	}
	h, err := g.exec.NewHandle(g.alg)
	if err != nil {
		return nil, err
	}
	if _, _, err := g.exec.Notify(ctx, h, tables); err != nil {
		return nil, err
	}
	handle := &Handle{g, h}
	return handle, handle.Dispatch(ctx)
}

// Dispatch moves the tokens that the ranks hold now along the handle's plan.
func (h *Handle) Dispatch(ctx context.Context) error {
	_, err := h.g.exec.Dispatch(ctx, h.h)
	return err
}

// Rows is the number of rows that a rank received.
func (h *Handle) Rows(rank int) int { return h.h.Plans[rank].RecvRows() }

// Received is a row that a rank received. Rows are in the order of source rank,
// then token (two-hop, direct), or of expert, source rank, token (alltoall).
func (h *Handle) Received(rank, row int) []byte { return h.g.exec.Recv(rank, h.g.alg).At(row) }

// Output is where a rank puts what its experts made of a row that it received:
// Hidden BF16 values, then weights (plan.CombineRow). Outputs and received rows
// share memory, so the caller must have read a row, and those its output
// overlaps, before: last row first, since outputs are the wider ones for FP8.
func (h *Handle) Output(rank, row int) []byte { return h.g.exec.Y(rank, h.g.alg).At(row) }

// Combine brings the outputs of all ranks back to their tokens' homes.
func (h *Handle) Combine(ctx context.Context) error {
	_, err := h.g.exec.Combine(ctx, h.h)
	return err
}
