package routing

// balanced gives every expert the same number of choices, exactly: a token
// takes the experts that its rank has chosen least so far, ties broken by the
// seed. Where no group limit binds, the counts of any two experts differ by at
// most one after every token. Where one does, a token takes the nodes with the
// fewest choices so far and shares its choices among them as evenly as it can,
// and the same holds within each node; docs/routing.md has the guarantee.
//
// With equal counts, "least chosen first" deals out one random order of the
// experts after another, and a token that needs the end of one and the start of
// the next never repeats an expert.
type balanced struct{}

func (balanced) String() string      { return "balanced" }
func (balanced) limit(spec Spec) int { return spec.limit() }
func (balanced) notes(Spec) []string { return nil }

func (balanced) prepare(spec Spec) (func() filler, error) {
	return func() filler { return newDealer(spec).fill }, nil
}

// dealer is balanced at work on one rank after another. Without a binding limit
// all experts are one group, of which each token takes its only share.
type dealer struct {
	spec   Spec
	shares int       // groups of a token
	per    int       // experts of a group
	used   []int     // choices of each expert so far
	usedOf []int     // choices of each group so far
	cost   []float64 // used, with ties broken
	groups []candidate
	top    []candidate
}

func newDealer(spec Spec) *dealer {
	d := &dealer{spec: spec, shares: 1, per: spec.Placement.Experts}
	if limit := spec.limit(); limit > 0 {
		d.shares = min(limit, spec.TopK) // a token cannot use more groups than it has choices
		d.per = spec.Placement.PerNode()
	}
	groups := spec.Placement.Experts / d.per
	d.used = make([]int, spec.Placement.Experts)
	d.usedOf = make([]int, groups)
	d.cost = make([]float64, max(d.per, groups))
	d.groups = make([]candidate, 0, d.shares)
	d.top = make([]candidate, 0, spec.TopK)
	return d
}

func (d *dealer) fill(rank int, t Table) {
	clear(d.used)
	clear(d.usedOf)
	weight := float32(1 / float64(t.TopK))
	for i := range t.Tokens {
		draw := d.spec.drawsOf(rank, i, streamBalanced)
		// leastUsed appends the n of used that are lowest, counted from first.
		leastUsed := func(top []candidate, n int, used []int, first int) []candidate {
			cost := d.cost[:len(used)]
			for j, u := range used {
				// 24 random bits below the point; both terms and their sum are
				// exact, as no rank makes 2^29 choices.
				cost[j] = float64(u) + float64(float64(draw.Uint64()>>40)*0x1p-24)
			}
			return cheapest(top, n, cost, first)
		}
		ids, weights := t.Row(i)
		ids = ids[:0]
		d.groups = leastUsed(d.groups[:0], d.shares, d.usedOf, 0)
		for j, g := range d.groups {
			// What does not divide goes to the groups used least.
			share := t.TopK / d.shares
			if j < t.TopK%d.shares {
				share++
			}
			first := int(g.id) * d.per
			d.top = leastUsed(d.top[:0], share, d.used[first:first+d.per], first)
			for _, x := range d.top {
				ids = append(ids, x.id)
				d.used[x.id]++
			}
			d.usedOf[g.id] += share
		}
		for k := range weights {
			weights[k] = weight
		}
	}
}
