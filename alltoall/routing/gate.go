package routing

// gate draws experts in proportion to their popularity p. An expert's affinity
// to a token is s = p/(p+E) with E ~ Exp(1), which is sigmoid(ln p + Gumbel
// noise): the k largest are k distinct experts drawn one after the other, each
// in proportion to p among those left (Efraimidis and Spirakis 2006). On top of
// it sits the gate of DeepSeek-V3: groups are nodes, a node's score is the sum
// of its best affinities, and weights are the chosen affinities over their sum.
//
// In place of s the gate computes the cost c = E/p, as s = 1/(1+c): the lower
// the cost, the higher the affinity.
type gate struct {
	text    string
	grouped bool                               // keeps to the group limit
	weigh   func(spec Spec) ([]float64, error) // popularity of each expert; nil if all are alike
}

func (g gate) String() string { return g.text }

func (g gate) limit(spec Spec) int {
	if !g.grouped {
		return 0
	}
	return spec.limit()
}

func (g gate) notes(spec Spec) (notes []string) {
	switch {
	case !g.grouped && spec.limit() > 0:
		notes = append(notes, g.text+": the group limit does not apply; grouped is uniform with it")
	case g.text == "grouped" && spec.limit() == 0:
		notes = append(notes, "grouped: no group limit binds, so this is the same as uniform")
	}
	if g.weigh == nil && sharesShapes(spec) {
		notes = append(notes, shapesNote(g.text))
	}
	return notes
}

func (g gate) prepare(spec Spec) (func() filler, error) {
	perP := make([]float64, spec.Placement.Experts) // 1/p, +Inf where p is 0
	for e := range perP {
		perP[e] = 1
	}
	if g.weigh != nil {
		p, err := g.weigh(spec)
		if err != nil {
			return nil, err
		}
		toMeanOne(p)
		for e := range perP {
			perP[e] = 1 / p[e]
		}
	}
	if g.weigh == nil {
		return alike(spec, g.limit(spec), perP), nil
	}
	return func() filler { return newChooser(spec, g.limit(spec), perP).fill }, nil
}

// chooser is a gate at work on one rank after another.
type chooser struct {
	spec    Spec
	limit   int // nodes of a token, or 0
	perP    []float64
	cost    []float64   // of each expert for the token at hand
	top     []candidate // the token's experts
	bestOf  []candidate // a node's best experts
	penalty []float64   // of each node: its score, negated
	nodes   []candidate // the token's nodes
	chosen  []bool      // of each node: it is among the token's
}

func newChooser(spec Spec, limit int, perP []float64) *chooser {
	c := &chooser{spec: spec, limit: limit, perP: perP}
	c.cost = make([]float64, len(perP))
	c.top = make([]candidate, 0, spec.TopK)
	if limit > 0 {
		c.bestOf = make([]candidate, 0, c.scored())
		c.penalty = make([]float64, spec.Placement.Nodes)
		c.nodes = make([]candidate, 0, limit)
		c.chosen = make([]bool, spec.Placement.Nodes)
	}
	return c
}

// scored is the number of affinities that a node's score sums up: its share of
// the choices if the token's nodes share them evenly, and at least one.
func (c *chooser) scored() int { return max(1, c.spec.TopK/c.limit) }

func (c *chooser) fill(rank int, t Table) {
	for i := range t.Tokens {
		draw := c.spec.drawsOf(rank, i, streamGate)
		for e, perP := range c.perP {
			c.cost[e] = float64(-ln(unit(draw.Uint64())) * perP)
		}
		if c.limit == 0 {
			c.top = cheapest(c.top[:0], t.TopK, c.cost, 0)
		} else {
			c.chooseInGroups(t.TopK)
		}
		c.write(t, i)
	}
}

// write notes a token's experts and their weights.
func (c *chooser) write(t Table, token int) {
	ids, weights := t.Row(token)
	sum := 0.0
	for _, x := range c.top {
		sum += affinity(x.cost)
	}
	for k, x := range c.top {
		ids[k], weights[k] = x.id, float32(affinity(x.cost)/sum)
	}
}

// chooseInGroups chooses the nodes by their scores, and then the experts within
// them.
func (c *chooser) chooseInGroups(topK int) {
	per := c.spec.Placement.PerNode()
	for n := range c.penalty {
		c.bestOf = cheapest(c.bestOf[:0], c.scored(), c.cost[n*per:(n+1)*per], 0)
		score := 0.0
		for _, x := range c.bestOf {
			score += affinity(x.cost)
		}
		c.penalty[n] = -score
	}
	clear(c.chosen)
	c.nodes = cheapest(c.nodes[:0], c.limit, c.penalty, 0)
	for _, n := range c.nodes {
		c.chosen[n.id] = true
	}
	c.top = c.top[:0]
	for n, chosen := range c.chosen {
		if chosen {
			c.top = cheapest(c.top, topK, c.cost[n*per:(n+1)*per], n*per)
		}
	}
}

// affinity is p/(p+E) of a cost E/p, between 0 (of an infinite cost) and 1.
func affinity(cost float64) float64 { return 1 / (1 + cost) }

// unit maps 64 random bits to the middle of one of 2^52 equal parts of (0, 1).
// Neither end can come up, and every step of it is exact.
func unit(x uint64) float64 { return float64((float64(x>>12) + 0.5) * 0x1p-52) }

// candidate is an expert or a node at its cost.
type candidate struct {
	cost float64
	id   int32
}

// cheapest adds candidates first, first+1, ... of the given costs to top, which
// holds the k cheapest so far in rising order. Of two at one cost the earlier
// stays in front, so ids that come in rising order tie to the lower one.
//
// Most candidates fail the one comparison with the last of the k, which makes
// this faster than a heap or a sort for the few of many that a gate chooses.
func cheapest(top []candidate, k int, costs []float64, first int) []candidate {
	for i, cost := range costs {
		if len(top) < k || cost < top[k-1].cost {
			top = insert(top, k, candidate{cost, int32(first + i)})
		}
	}
	return top
}

// cheapestOf is cheapest for candidates that are not next to each other.
func cheapestOf(top []candidate, k int, from []candidate) []candidate {
	for _, x := range from {
		if len(top) < k || x.cost < top[k-1].cost {
			top = insert(top, k, x)
		}
	}
	return top
}

// insert puts a candidate that is among the k cheapest in its place.
func insert(top []candidate, k int, x candidate) []candidate {
	if len(top) == k {
		top = top[:k-1]
	}
	at := len(top)
	top = append(top, x)
	for ; at > 0 && x.cost < top[at-1].cost; at-- {
		top[at] = top[at-1]
	}
	top[at] = x
	return top
}
