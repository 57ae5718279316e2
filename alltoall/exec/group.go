package exec

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/transport/isa"
)

// Group is the ranks of a cluster that live in this process, connected to all others
// and ready. Its methods are for one goroutine at a time.
type Group struct {
	cfg     Config
	plan    *plan.Config
	arena   *arena
	ranks   []*rank
	engines map[plan.Algorithm]*engine
	pool    *pool
	tables  []routing.Table // of the local ranks, during Notify
	broken  error           // the first failure; nothing runs after it
	unbound error           // why memory is not where it should be
	upRings bool            // the scale-up worlds ring the bell of the others

	wordsOut, wordsUp int
}

// Handle is a plan for all local ranks, made by Notify. It is good for any
// number of dispatches and combines: that is cached dispatch.
type Handle struct {
	Algorithm plan.Algorithm
	Plans     []plan.Plan // [local ranks]
	sealed    bool
}

// Phase says how long one phase of one operation took, from the common start to
// each rank's own completion, for all ranks of the cluster. Ranks of a process have
// its clock: the start is when the process leaves the barrier before the phase.
type Phase struct {
	Ranks []time.Duration // valid until the next run of the same phase
}

// Slowest is the time of the rank that finished last: the operation's time.
func (p Phase) Slowest() time.Duration {
	var t time.Duration
	for _, d := range p.Ranks {
		t = max(t, d)
	}
	return t
}

// Fastest is the time of the rank that finished first.
func (p Phase) Fastest() time.Duration {
	t := p.Slowest()
	for _, d := range p.Ranks {
		t = min(t, d)
	}
	return t
}

// Open sets up this process's ranks, and connects them to all others. Where there are
// other processes, all of them open the group at the same time.
func Open(ctx context.Context, cfg Config) (*Group, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := isa.Check(); err != nil { // kernels that were asked for and cannot run
		return nil, err
	}
	a, err := layOut(&cfg)
	if err != nil {
		return nil, err
	}
	g := &Group{cfg: cfg, plan: cfg.planConfig(), arena: a, engines: map[plan.Algorithm]*engine{}}
	reserved := map[plan.Algorithm]*engineWords{}
	for _, alg := range cfg.Algorithms {
		reserved[alg] = g.reserve(alg)
		g.engines[alg] = &engine{areas: a.by[alg]}
	}
	if err := g.open(ctx); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	for _, alg := range cfg.Algorithms {
		h, err := g.NewHandle(alg)
		if err != nil {
			return nil, errors.Join(err, g.Close())
		}
		g.build(alg, reserved[alg], h.Plans)
	}
	if g.pool, err = newPool(cfg.Workers, cfg.Timeout, cfg.slots()); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	g.pool.news = g.news()
	return g, nil
}

// ErrClosed: the group was closed.
var ErrClosed = errors.New("exec: group is closed")

// Workers is the number of workers that step the ranks' roles.
func (g *Group) Workers() int {
	if g.pool == nil {
		return 0
	}
	return g.pool.active
}

// Use has only the first n workers take part from now on, 1 <= n <= those that the
// group was opened with: what one group costs with fewer can be measured without
// opening another.
func (g *Group) Use(n int) error {
	if g.pool == nil {
		return g.broken
	}
	if n < 1 || n > len(g.pool.tasks) {
		return fmt.Errorf("exec: %d workers of %d", n, len(g.pool.tasks))
	}
	g.pool.active = n
	return nil
}

// Run calls f on every worker at once and returns when all calls have: to fill or
// read buffers, or to measure, with the very threads that move the tokens. No
// operation may run, and f must not use the group's operations. On a closed group
// it does nothing.
func (g *Group) Run(f func(worker int)) {
	if g.pool != nil {
		g.pool.each(f)
	}
}

// Close stops the workers, leaves both domains and frees the arenas. A second
// call is a no-op.
func (g *Group) Close() error {
	if g.pool != nil {
		g.pool.close()
		g.pool = nil
	}
	var errs []error
	// Who rings another driver's bell must have closed before that one does.
	for _, up := range []bool{g.upRings, !g.upRings} {
		for _, r := range g.ranks {
			w := r.out
			if up {
				w = r.up
			}
			if w != nil {
				errs = append(errs, w.Close())
			}
		}
	}
	for _, r := range g.ranks { // only when no peer maps them any more
		if r.memory != nil {
			errs = append(errs, r.memory.Free())
		}
	}
	g.ranks, g.broken = nil, ErrClosed
	return errors.Join(errs...)
}

// NewHandle makes an empty handle, for Notify.
func (g *Group) NewHandle(alg plan.Algorithm) (*Handle, error) {
	if g.engines[alg] == nil {
		return nil, fmt.Errorf("exec: the group was not opened for %s", alg)
	}
	h := &Handle{Algorithm: alg}
	for _, r := range g.ranks {
		p, err := plan.New(alg, *g.plan, r.id)
		if err != nil {
			return nil, err
		}
		h.Plans = append(h.Plans, p)
	}
	return h, nil
}

// Notify makes the handle's plan for the routing: each local rank lays out its
// own tables[i], then exchanges notes with its peers. The tables must be valid
// for the placement's experts (routing.Table.Validate). A handle may be used again
// for another routing.
func (g *Group) Notify(ctx context.Context, h *Handle, tables []routing.Table) (layout, notify Phase, err error) {
	if g.broken != nil {
		return layout, notify, fmt.Errorf("exec: notify after an earlier failure: %w", g.broken)
	}
	if len(tables) != len(g.ranks) {
		return layout, notify, fmt.Errorf("exec: %d routing tables for %d ranks", len(tables), len(g.ranks))
	}
	for i := range tables {
		if tables[i].Tokens > g.cfg.MaxTokens || tables[i].TopK != g.cfg.TopK {
			return layout, notify, fmt.Errorf("exec: rank %d: %d tokens with top-%d; the group was opened for at most %d with top-%d",
				g.ranks[i].id, tables[i].Tokens, tables[i].TopK, g.cfg.MaxTokens, g.cfg.TopK)
		}
		if want := tables[i].Tokens * tables[i].TopK; len(tables[i].Experts) != want {
			return layout, notify, fmt.Errorf("exec: rank %d: %d choices for %d tokens with top-%d", g.ranks[i].id, len(tables[i].Experts), tables[i].Tokens, tables[i].TopK)
		}
	}
	h.sealed = false
	e := g.engines[h.Algorithm]
	g.tables = tables
	defer func() { g.tables = nil }()
	if layout, err = g.run(ctx, e.layout, h); err != nil {
		return layout, notify, err
	}
	if notify, err = g.run(ctx, e.notify, h); err != nil {
		return layout, notify, err
	}
	for i, p := range h.Plans {
		if err := g.fits(h.Algorithm, p); err != nil {
			return layout, notify, fmt.Errorf("exec: rank %d: %w", g.ranks[i].id, err)
		}
	}
	h.sealed = true
	return layout, notify, nil
}

// fits says which of a rank's buffers its plan would write beyond.
func (g *Group) fits(alg plan.Algorithm, p plan.Plan) error {
	var need Limits
	need.include(p, g.cfg.Alignment)
	have := g.cfg.Limits[alg]
	for _, b := range [...]struct {
		name       string
		need, have int
		used       bool
	}{
		{"receive", need.RecvRows, have.RecvRows, true},
		{"expanded", need.ExpandedRows, have.ExpandedRows, g.cfg.expands(alg)},
		{"pack", need.PackRows, have.PackRows, true},
		{"exchange", need.ExchangeRows, have.ExchangeRows, true},
	} {
		if b.used && b.need > b.have {
			return fmt.Errorf("its %s buffer would need %d rows and has %d: open the group with larger limits", b.name, b.need, b.have)
		}
	}
	return nil
}

func (g *Group) run(ctx context.Context, j *job, h *Handle) (Phase, error) {
	if g.broken != nil {
		return Phase{}, fmt.Errorf("exec: %s after an earlier failure: %w", j.op, g.broken)
	}
	g.cfg.Peers.Phase(j.op)
	err := g.barrier(ctx, j.op)
	if err == nil {
		err = g.pool.run(ctx, j, h.Plans)
	}
	elapsed := j.elapsed
	if err == nil {
		elapsed, err = g.share(ctx, j.op, j.elapsed)
	}
	if err != nil {
		g.broken = err
		return Phase{}, err
	}
	return Phase{elapsed}, nil
}

var errNoPlan = errors.New("exec: the handle holds no plan: Notify must come first")

// Dispatch moves every local rank's tokens (X) to the receive buffers of their
// target ranks (Recv).
func (g *Group) Dispatch(ctx context.Context, h *Handle) (Phase, error) {
	return g.transfer(ctx, h, g.engines[h.Algorithm].dispatch, "dispatch", true)
}

// Expand lays what a dispatch received out by expert (Expanded).
func (g *Group) Expand(ctx context.Context, h *Handle) (Phase, error) {
	return g.transfer(ctx, h, g.engines[h.Algorithm].expand, "expanded layouts", false)
}

// Combine brings the expert outputs (Y) back to the tokens' homes and adds them
// up (Out).
func (g *Group) Combine(ctx context.Context, h *Handle) (Phase, error) {
	return g.transfer(ctx, h, g.engines[h.Algorithm].combine, "combine", true)
}

// DispatchSend is the first half of a Dispatch by low-latency: messages are put, and nobody waits
// for any. DispatchReceive is the second: it waits for those of all ranks, and packs them.
// What ranks do in between is not part of either, so that no worker is held meanwhile.
// A handle's halves take turns, beginning with DispatchSend; on another algorithm they are an error.
func (g *Group) DispatchSend(ctx context.Context, h *Handle) (Phase, error) {
	return g.transfer(ctx, h, g.engines[h.Algorithm].dispatchSend, "halves of a dispatch, which low-latency has", true)
}

// DispatchReceive ends what DispatchSend has begun, and adds to its ledger.
func (g *Group) DispatchReceive(ctx context.Context, h *Handle) (Phase, error) {
	return g.transfer(ctx, h, g.engines[h.Algorithm].dispatchReceive, "halves of a dispatch, which low-latency has", false)
}

// CombineSend and CombineReceive are the halves of a Combine in the same way.
func (g *Group) CombineSend(ctx context.Context, h *Handle) (Phase, error) {
	return g.transfer(ctx, h, g.engines[h.Algorithm].combineSend, "halves of a combine, which low-latency has", true)
}

// CombineReceive ends what CombineSend has begun, and adds to its ledger.
func (g *Group) CombineReceive(ctx context.Context, h *Handle) (Phase, error) {
	return g.transfer(ctx, h, g.engines[h.Algorithm].combineReceive, "halves of a combine, which low-latency has", false)
}

// transfer runs a job that moves tokens. Expand, and the second half of an operation, add to the
// ledger of what they end; the others begin a new one.
func (g *Group) transfer(ctx context.Context, h *Handle, j *job, what string, fresh bool) (Phase, error) {
	if j == nil {
		return Phase{}, fmt.Errorf("exec: the group was not opened for %s", what)
	}
	if !h.sealed {
		return Phase{}, errNoPlan
	}
	if fresh {
		for _, r := range g.ranks {
			for _, l := range r.lanes {
				l.ledger.Reset()
			}
		}
	}
	return g.run(ctx, j, h)
}

// NewLedger makes an empty ledger of the group's cluster, for what a plan predicts.
func (g *Group) NewLedger() *plan.Ledger { return plan.NewLedger(*g.plan) }

// Ledgers are what the local ranks moved in the last operation.
func (g *Group) Ledgers() []*plan.Ledger {
	all := make([]*plan.Ledger, len(g.ranks))
	for i, r := range g.ranks {
		all[i] = plan.NewLedger(*g.plan)
		for _, l := range r.lanes {
			all[i].Add(l.ledger)
		}
	}
	return all
}
