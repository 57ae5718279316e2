package routing

import (
	"fmt"
	"math"

	"github.com/commbench/commbench/alltoall/counter"
)

// mostDraws bounds the affinities that are drawn for a routing whose experts are all
// alike. Beyond it, tokens share shapes: EP2048 with 4,096 tokens a rank would take 17e9.
const mostDraws = 1 << 31

// shapesShared is how many shapes are drawn then.
const shapesShared = 1 << 14

// alike makes fillers for a gate whose experts are all alike. It chooses what a
// chooser does, bit for bit, and looks at few experts; beyond mostDraws it has
// tokens share shapes.
func alike(spec Spec, limit int, perP []float64) func() filler {
	if !sharesShapes(spec) {
		return func() filler { return newScreen(spec, limit, perP).fill }
	}
	shapes := newTable(shapesShared, spec.TopK)
	newScreen(spec, limit, perP).fill(0, shapes)
	return func() filler { return relabel(spec, shapes) }
}

// sharesShapes says whether the experts of all tokens would be too many to draw.
func sharesShapes(spec Spec) bool {
	tokens := float64(spec.Placement.Ranks()) * float64(spec.Tokens)
	return tokens > 4*shapesShared && float64(tokens*float64(spec.Placement.Experts)) > mostDraws
}

// relabel gives each token one of the shapes, with nodes, and experts within nodes, turned
// by chance. As all experts are alike, so are all turns: each token is
// drawn from the gate's own distribution, and only two tokens of one shape have more
// in common than chance would.
func relabel(spec Spec, shapes Table) filler {
	nodes, per := spec.Placement.Nodes, int32(spec.Placement.PerNode())
	return func(rank int, t Table) {
		for i := range t.Tokens {
			draw := spec.drawsOf(rank, i, streamShape)
			from, weights := shapes.Row(int(draw.Below(uint64(shapes.Tokens))))
			node, expert := int32(draw.Below(uint64(nodes))), int32(draw.Below(uint64(per)))
			ids, w := t.Row(i)
			copy(w, weights)
			for k, e := range from {
				n := e/per + node
				if n >= int32(nodes) {
					n -= int32(nodes)
				}
				x := e%per + expert
				if x >= per {
					x -= per
				}
				ids[k] = n*per + x
			}
		}
	}
}

// shapesNote is what a user should know of it, in sentences.
func shapesNote(text string) string {
	return fmt.Sprintf("%s: tokens share %d shapes, relabelled by chance, as all of their affinities would be more than 2^31", text, shapesShared)
}

// screen is a chooser of experts that are all alike. Cost falls as the number that
// is drawn rises, so few of the experts need a cost: those whose number
// is above a floor. What is chosen is right if it depends on no other; else the
// token is chosen anew from all. Where the floor lies decides the time and nothing else.
type screen struct {
	*chooser
	known  []candidate // the experts above the floor
	starts []int       // [nodes+1] known[starts[n]:starts[n+1]] are on node n
	share  float64     // of the experts that are above the floor
	floor  uint64
	least  float64 // no expert below the floor costs less
}

func newScreen(spec Spec, limit int, perP []float64) *screen {
	s := &screen{chooser: newChooser(spec, limit, perP)}
	s.known = make([]candidate, len(perP)+1)
	s.starts = make([]int, spec.Placement.Nodes+1)
	s.aim(4 * float64(spec.TopK) / float64(len(perP)))
	return s
}

// aim sets the floor so that a share of the experts is above it.
func (s *screen) aim(share float64) {
	s.share = min(share, 1)
	s.floor = 0
	if s.share < 1 {
		s.floor = uint64((1 - s.share) * 0x1p64)
		s.least = -ln(unit(s.floor - 1))
	}
}

func (s *screen) fill(rank int, t Table) {
	for i := range t.Tokens {
		draw := s.spec.drawsOf(rank, i, streamGate)
		for !s.choose(draw, t.TopK) {
			s.aim(1.5 * s.share)
		}
		s.write(t, i)
		if s.floor > 0 { // one token in 400 or so is chosen again
			s.aim(0.999 * s.share)
		}
	}
}

// choose chooses a token's experts and says whether they are known to be right.
func (s *screen) choose(draw counter.Source, topK int) bool {
	per := s.spec.Placement.PerNode()
	n := 0
	for node := range s.spec.Placement.Nodes {
		for e := node * per; e < (node+1)*per; e++ {
			x := draw.Uint64()
			s.known[n].id = int32(e)
			s.known[n].cost = math.Float64frombits(x) // as it is, until below
			if x >= s.floor {
				n++
			}
		}
		s.starts[node+1] = n
	}
	for i := range s.known[:n] {
		s.known[i].cost = -ln(unit(math.Float64bits(s.known[i].cost)))
	}
	if s.limit == 0 {
		s.top = cheapestOf(s.top[:0], topK, s.known[:n])
		return s.sure(s.top, topK)
	}
	return s.chooseInGroups(topK)
}

// sure says whether k candidates were found that no unknown one can come before.
func (s *screen) sure(top []candidate, k int) bool {
	return s.floor == 0 || len(top) == k && top[k-1].cost < s.least
}

// chooseInGroups chooses the nodes by their scores, an unknown expert counting as the
// best that it can be. If none of those counts for a node that is chosen, the choice is right.
func (s *screen) chooseInGroups(topK int) bool {
	for n := range s.penalty {
		s.bestOf = cheapestOf(s.bestOf[:0], s.scored(), s.known[s.starts[n]:s.starts[n+1]])
		score := 0.0
		for _, x := range s.bestOf {
			score += affinity(x.cost)
		}
		s.chosen[n] = s.sure(s.bestOf, s.scored())
		if !s.chosen[n] {
			score += float64(float64(s.scored()-len(s.bestOf)) * affinity(s.least))
		}
		s.penalty[n] = -score
	}
	s.nodes = cheapest(s.nodes[:0], s.limit, s.penalty, 0)
	for _, n := range s.nodes {
		if !s.chosen[n.id] {
			return false
		}
	}
	clear(s.chosen)
	for _, n := range s.nodes {
		s.chosen[n.id] = true
	}
	s.top = s.top[:0]
	for n, chosen := range s.chosen {
		if chosen {
			s.top = cheapestOf(s.top, topK, s.known[s.starts[n]:s.starts[n+1]])
		}
	}
	return s.sure(s.top, topK)
}
