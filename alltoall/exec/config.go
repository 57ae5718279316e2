package exec

import (
	"fmt"
	"time"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/alltoall/topo"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/numa"
)

// Config is what the ranks of a cluster agree on.
type Config struct {
	Place      topo.Placement
	Algorithms []plan.Algorithm
	Dispatch   bool // set up for dispatch
	Combine    bool // set up for combine
	Expand     bool // dispatch lays received tokens out by expert as well
	Alignment  int  // of an expert's rows in layouts by expert; 0 and 1 are none

	TopK      int
	MaxTokens int // most tokens of a rank
	Hidden    int
	DType     plan.DType // of dispatch; combine is BF16
	Bias      int        // addends of a combine, 0 to 2

	Channels int
	Chunk    int
	Rounds   int // alltoall: blocks of a channel
	Limits   map[plan.Algorithm]Limits

	ScaleUp, ScaleOut driver.Driver
	Workers           int // of this process
	Timeout           time.Duration

	// Peers are the other processes that have ranks of the cluster; nil if this one has
	// all of them.
	Peers Peers

	// StreamAbove is the size in bytes, of all ranks' receive buffers together,
	// above which rows are written past the caches. 0 is what was measured.
	StreamAbove int

	// Pin, if set, ties each worker to a core of this topology. Where it has more
	// than one memory node, the memory of each rail's ranks is on one of them, and
	// workers of that node move its rows as long as there are any.
	Pin *numa.Topology
}

func (c *Config) planConfig() *plan.Config {
	return &plan.Config{Place: c.Place, TopK: c.TopK, MaxTokens: c.MaxTokens, Channels: c.Channels,
		Chunk: c.Chunk, Rounds: c.Rounds, Alignment: c.Alignment, Mirrored: c.Mirrored()}
}

// Mirrored says whether a combine by two-hop or direct puts a node's outputs to the
// ranks that add them up, because the scale-up transport does not let these read them
// where they lie.
func (c *Config) Mirrored() bool {
	return c.Combine && c.Place.GPUsPerNode > 1 && c.ScaleUp != nil && !c.ScaleUp.Caps().Mapped
}

// expands says whether a dispatch by the algorithm has an epilogue. alltoall
// and low-latency lay their rows out by expert anyway.
func (c *Config) expands(alg plan.Algorithm) bool {
	return c.Dispatch && c.Expand && !alg.ByExpert()
}

func (c *Config) check() error {
	switch {
	case len(c.Algorithms) == 0:
		return fmt.Errorf("exec: no algorithm")
	case !c.Dispatch && !c.Combine:
		return fmt.Errorf("exec: neither dispatch nor combine")
	case c.Hidden < 1 || c.TopK < 1 || c.MaxTokens < 0:
		return fmt.Errorf("exec: hidden %d, top-%d, %d tokens: out of range", c.Hidden, c.TopK, c.MaxTokens)
	case c.Channels < 1 || c.Chunk < 1 || c.Rounds < 1 || c.Workers < 1:
		return fmt.Errorf("exec: %d channels, chunk %d, %d rounds, %d workers: each must be at least 1", c.Channels, c.Chunk, c.Rounds, c.Workers)
	case c.Bias < 0 || c.Bias > 2:
		return fmt.Errorf("exec: %d bias tensors; 0 to 2 can be added", c.Bias)
	case c.ScaleUp == nil || c.ScaleOut == nil:
		return fmt.Errorf("exec: no transport")
	}
	return c.checkPeers()
}

// Limits are the buffer sizes of an algorithm, in rows, the same on all ranks.
// They bound address space, not memory: rows that are never used are never
// touched.
type Limits struct {
	RecvRows     int // most rows that a rank receives
	ExpandedRows int // most rows of a rank's expanded layout
	PackRows     int // most rows of a block in a rank's pack buffer
	ExchangeRows int // most rows of a block in a rank's exchange buffer
}

// LimitsOf is what the plans of all ranks need.
func LimitsOf(plans []plan.Plan, alignment int) Limits {
	var l Limits
	for _, p := range plans {
		l.include(p, alignment)
	}
	return l
}

// include raises the limits to what the plan of one rank needs.
func (l *Limits) include(p plan.Plan, alignment int) {
	l.RecvRows = max(l.RecvRows, p.RecvRows())
	expanded, align := 0, max(alignment, 1)
	for _, n := range p.Received() {
		expanded += (int(n) + align - 1) / align * align
	}
	l.ExpandedRows = max(l.ExpandedRows, expanded)
	if a, ok := p.(*plan.AllToAll); ok {
		ranks := a.Place.Ranks()
		for b := range a.Blocks() {
			l.PackRows = max(l.PackRows, int(a.SendOff[b*(ranks+1)+ranks]))
			l.ExchangeRows = max(l.ExchangeRows, int(a.RecvOff[b*(ranks+1)+ranks]))
		}
	}
}

// Size fills Limits from the routing of all ranks, and returns the plans that it
// made for that. A process that knows only its own ranks' routing must be told
// the limits.
func (c *Config) Size(tables []routing.Table) (map[plan.Algorithm][]plan.Plan, error) {
	c.Limits = map[plan.Algorithm]Limits{}
	all := map[plan.Algorithm][]plan.Plan{}
	for _, alg := range c.Algorithms {
		plans, err := plan.Build(alg, *c.planConfig(), tables)
		if err != nil {
			return nil, err
		}
		all[alg] = plans
		c.Limits[alg] = LimitsOf(plans, c.Alignment)
	}
	return all, nil
}

// ArenaSize is the bytes of address space that each rank registers.
func (c *Config) ArenaSize() (int, error) {
	a, err := layOut(c)
	if err != nil {
		return 0, err
	}
	return a.size, nil
}
