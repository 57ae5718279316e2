package exec

import "github.com/commbench/commbench/alltoall/plan"

// Rows is a view of equal rows in a rank's arena. It is valid until the group
// is closed, and must not be touched while an operation runs.
type Rows struct {
	Row    plan.Row
	mem    []byte
	region region
}

// Len is the number of rows that there is room for.
func (r Rows) Len() int { return r.region.rows }

// At is row i, without the padding behind it.
func (r Rows) At(i int) []byte {
	off := r.region.at(i)
	return r.mem[off : off+r.Row.Size() : off+r.Row.Size()]
}

// First is the memory of the first n rows, with the padding between them; a row
// starts every Stride bytes. Where there are fewer rows it is all of them.
func (r Rows) First(n int) []byte {
	n = min(n, r.region.rows)
	if n <= 0 {
		return nil
	}
	return r.mem[r.region.off : r.region.at(n-1)+r.Row.Size()]
}

// Stride is the bytes from one row to the next.
func (r Rows) Stride() int { return r.region.stride }

func (g *Group) view(i int, row plan.Row, at region) Rows {
	return Rows{Row: row, mem: g.ranks[i].mem, region: at}
}

// X are the tokens that local rank i dispatches, with all their ids and weights.
func (g *Group) X(i int) Rows {
	return g.view(i, plan.DispatchRow(g.cfg.DType, g.cfg.Hidden, g.cfg.TopK), g.arena.x)
}

// Recv are the rows that local rank i received.
func (g *Group) Recv(i int, alg plan.Algorithm) Rows {
	s := g.arena.by[alg]
	return g.view(i, s.row, s.recv)
}

// Expanded are the received rows of local rank i by expert.
func (g *Group) Expanded(i int, alg plan.Algorithm) Rows {
	s := g.arena.by[alg]
	return g.view(i, s.row, s.expanded)
}

// Y are the expert outputs of local rank i, row for row where Recv's rows were:
// the two share memory, so that writing one destroys the other.
func (g *Group) Y(i int, alg plan.Algorithm) Rows {
	s := g.arena.by[alg]
	return g.view(i, s.sum, s.y)
}

// Mirror are the outputs of other ranks of its node that local rank i adds up, where
// it cannot read them in place (Config.Mirrored): row k of in-node index j's outputs
// is row j x Y.Len() + k. Most rows belong to other ranks' sums and are never touched.
func (g *Group) Mirror(i int, alg plan.Algorithm) Rows {
	s := g.arena.by[alg]
	return g.view(i, s.sum, s.mirror)
}

// Between are the buffers of local rank i through which the rows of a dispatch,
// or of a combine, pass on their way: rings, pack and exchange buffers. Nothing
// in them is of any use between two operations.
func (g *Group) Between(i int, alg plan.Algorithm, combine bool) []Rows {
	s := g.arena.by[alg]
	if combine {
		return []Rows{g.view(i, s.sum, s.sumRing), g.view(i, s.sum, s.stage), g.view(i, s.sum, s.sumPack), g.view(i, s.sum, s.sumExchange), g.view(i, s.sum, s.backing)}
	}
	return []Rows{g.view(i, s.row, s.ring), g.view(i, s.row, s.pack), g.view(i, s.row, s.exchange), g.view(i, s.row, s.messages), g.view(i, s.row, s.passing)}
}

// Slot is where by low-latency the n-th message of a rank for an expert of local rank i lands
// or, in a combine, the n-th output that an expert returns to it. They are apart from Between
// because most are never touched.
func (g *Group) Slot(i int, combine bool, expert, from, n int) []byte {
	s, place := g.arena.by[plan.AlgLowLatency], &g.cfg.Place
	if combine {
		return g.view(i, s.sum, s.returns).At(expert*g.cfg.MaxTokens + n)
	}
	return g.view(i, s.row, s.landing).At((expert%place.PerRank()*place.Ranks()+from)*g.cfg.MaxTokens + n)
}

// Bias is the b-th addend of local rank i's combined tokens.
func (g *Group) Bias(i, b int) Rows {
	return g.view(i, plan.CombineRow(g.cfg.Hidden, g.cfg.TopK), g.arena.bias[b])
}

// Out are the combined tokens of local rank i, with the summed weights.
func (g *Group) Out(i int) Rows {
	return g.view(i, plan.CombineRow(g.cfg.Hidden, g.cfg.TopK), g.arena.out)
}

// Ranks is the number of local ranks, and Rank the rank of local index i.
func (g *Group) Ranks() int      { return len(g.ranks) }
func (g *Group) Rank(i int) int  { return g.ranks[i].id }
func (g *Group) Config() *Config { return &g.cfg }
