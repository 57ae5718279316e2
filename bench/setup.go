package bench

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/commbench/commbench/alltoall/exec"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/ref"
	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/alltoall/topo"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/bench/workload"
	"github.com/commbench/commbench/transport/numa"
)

// setting is a benchmark that is ready to run.
type setting struct {
	c       Config
	ctx     context.Context // of the run; ends parallel early
	place   topo.Placement
	source  *routing.Source
	spec    routing.Spec
	tables  []routing.Table
	skew    routing.Stats
	counts  ref.Counts
	payload workload.Payload
	group   *exec.Group
	notes   []string
	network *record.Network // nil if no hop crosses one
	// crossing is what of a run crosses a network; nil if nothing does.
	crossing *crossing

	expected map[plan.Algorithm][][]ref.Copy // rows of every rank's receive buffer
}

// prepare makes the workload and sets the ranks up. The caller closes the
// group.
func prepare(ctx context.Context, c Config) (*setting, error) {
	s := &setting{c: c, ctx: ctx, expected: map[plan.Algorithm][][]ref.Copy{}}
	c.Peers.Phase("set-up")
	s.progress("making the workload", 0, 0)
	if err := s.route((*Config).least); err != nil {
		return nil, err
	}
	if err := s.agree(ctx); err != nil {
		return nil, err
	}
	c = s.c
	e := s.execConfig()
	if c.Pin {
		topology, err := numa.Read("")
		if err != nil {
			return nil, err
		}
		e.Pin = &topology
	}
	plans, err := e.Size(s.tables)
	if err != nil {
		return nil, inputf("%w: take fewer --tokens, or a smaller --topk or --expert-alignment", err)
	}
	if err := c.checkMemory(&e, plans); err != nil {
		return nil, err
	}
	s.payload = workload.Payload{Seed: c.Seed, DType: c.DType, Hidden: c.Hidden, TopK: c.TopK}
	s.progress("setting up "+s.place.String(), 0, 0)
	if s.group, err = exec.Open(ctx, e); err != nil {
		return nil, err
	}
	s.network = c.network()
	if s.crossing, err = s.findCrossing(ctx); err != nil {
		return nil, errors.Join(err, s.group.Close())
	}
	s.progress("filling buffers", 0, 0)
	s.fill()
	s.touch(plans)
	if err := context.Cause(ctx); err != nil {
		return nil, errors.Join(err, s.group.Close())
	}
	return s, nil
}

// execConfig is what the ranks agree on, once the routing is made.
func (s *setting) execConfig() exec.Config {
	c := &s.c
	return exec.Config{
		Place: s.place, Algorithms: c.algorithms(), Dispatch: c.dispatches(), Combine: c.combines(),
		Expand: c.Expand, Alignment: c.Alignment,
		TopK: c.TopK, MaxTokens: maxTokensOf(s.tables), Hidden: c.Hidden, DType: c.DType, Bias: c.Bias,
		Channels: c.Channels, Chunk: c.Chunk, Rounds: c.rounds(s.place.Ranks()),
		ScaleUp: c.ScaleUp, ScaleOut: c.ScaleOut, Workers: c.Workers, Timeout: c.Timeout, Peers: c.Peers,
	}
}

// route makes the routing tables of all ranks and what is known of them. least
// is what the run takes at the very least, in bytes.
func (s *setting) route(least func(*Config, topo.Placement) int64) error {
	c := &s.c
	cluster, err := topo.New(c.Nodes, c.GPUsPerNode)
	if err != nil {
		return &InputError{err}
	}
	if c.Routing == "" {
		c.Routing = "uniform"
		if c.TopKGroups > 0 && c.TopKGroups < c.Nodes {
			c.Routing = "grouped"
		}
	}
	if s.source, err = routing.Open(c.Routing); err != nil {
		return &InputError{err}
	}
	if n := s.source.Experts(); n > 0 {
		c.Experts = n
	}
	if k := s.source.TopK(); k > 0 {
		c.TopK = k
	}
	if c.Tokens == -1 {
		c.Tokens = DefaultTokens
		if n := s.source.Tokens(); n > 0 {
			c.Tokens = (n + cluster.Ranks() - 1) / cluster.Ranks()
		}
	}
	if err := c.check(); err != nil {
		return err
	}
	if s.place, err = topo.Place(cluster, c.Experts); err != nil {
		return &InputError{err}
	}
	// What tokens and connections alone take, before anything is made for them.
	if least, free := c.share(least(c, s.place)), c.free(); free > 0 && least > free {
		return inputf("%d ranks x %d tokens take at least %s of memory, more than the %s that may be used: take fewer --tokens or --nodes, or a smaller --hidden",
			cluster.Ranks(), c.Tokens, unit.Bytes(least), unit.Bytes(free))
	}
	s.spec = routing.Spec{Placement: s.place, Tokens: c.Tokens, TopK: c.TopK, Groups: c.TopKGroups, Seed: c.Seed,
		Masked: c.Masked, Ragged: c.Ragged, EmptyRanks: c.EmptyRanks}
	if s.tables, err = s.source.Generate(s.spec); err != nil {
		return &InputError{err}
	}
	s.notes = s.source.Notes(s.spec)
	s.skew = routing.Measure(s.place, s.tables)
	s.counts = ref.Count(s.place, s.tables)
	return nil
}

func maxTokensOf(tables []routing.Table) int {
	n := 0
	for i := range tables {
		n = max(n, tables[i].Tokens)
	}
	return n
}

// fill writes the tokens and the bias rows of all ranks.
func (s *setting) fill() {
	s.owners(func(i int) {
		rank := s.group.Rank(i)
		t := &s.tables[rank]
		for token := range t.Tokens {
			if s.c.dispatches() {
				experts, weights := t.Row(token)
				s.payload.Token(s.group.X(i).At(token), rank, token, experts, weights)
			}
			if !s.c.combines() { // there are no bias rows
				continue
			}
			for b := range s.c.Bias {
				s.payload.Bias(s.group.Bias(i, b).At(token), rank, token, b)
			}
		}
	})
}

// touch makes the pages of what ranks will receive, and of the flat all-to-all's
// buffers, all together before the first iteration: that is quicker than one by
// one during it. What it cannot make is made then.
func (s *setting) touch(plans map[plan.Algorithm][]plan.Plan) {
	s.owners(func(i int) {
		for alg, ranks := range plans {
			if s.c.dispatches() {
				_ = numa.Populate(s.group.Recv(i, alg).First(ranks[s.group.Rank(i)].RecvRows()))
			}
			if alg != plan.AlgAllToAll {
				continue // rings are small, and seldom filled
			}
			for _, rows := range s.group.Between(i, alg, !s.c.dispatches()) {
				_ = numa.Populate(rows.First(rows.Len()))
			}
		}
	})
}

// owners calls f for every rank, where it may touch memory for the first time: on
// the ranks' own workers if those have places.
func (s *setting) owners(f func(i int)) {
	if !s.c.Pin {
		s.parallel(s.group.Ranks(), f)
		return
	}
	s.group.EachRank(func(i int) {
		if s.ctx.Err() == nil {
			f(i)
		}
	})
}

// parallel calls f(0) to f(n-1) from as many goroutines as there are cores. When
// the run is interrupted it leaves the rest out.
func (s *setting) parallel(n int, f func(i int)) {
	var (
		wg   sync.WaitGroup
		next atomic.Int64
	)
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && s.ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
}

func (s *setting) progress(stage string, done, all int) {
	if s.c.Progress != nil {
		s.c.Progress(Progress{stage, done, all})
	}
}
