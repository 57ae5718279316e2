package routing

import (
	"fmt"

	"github.com/commbench/commbench/alltoall/counter"
	"github.com/commbench/commbench/alltoall/topo"
)

// Spec says how much routing to make, and for which cluster. Equal specs give
// equal tables.
type Spec struct {
	Placement topo.Placement
	Tokens    int // of each rank
	TopK      int // 0 where a trace rules
	Groups    int // nodes that a token may reach; 0 is no limit
	Seed      uint64

	Masked     float64 // the chance of each choice to be masked, 0 to 1
	Ragged     bool    // a rank holds 0 to Tokens tokens, each number alike
	EmptyRanks int     // that many ranks, chosen by the seed, hold no token
}

// Streams keep the random numbers of different purposes apart: that masks are
// drawn changes no choice.
const (
	streamGate = iota
	streamBalanced
	streamPopularity
	streamMask
	streamRagged
	streamEmpty
	streamHotRank
	streamHotOrder
	streamShape
)

// draws is the generator for one purpose, for all ranks and tokens.
func (s Spec) draws(stream uint64) counter.Source { return counter.New(s.Seed, 0, 0, stream) }

// drawsOf is the generator for one purpose and one token.
func (s Spec) drawsOf(rank, token int, stream uint64) counter.Source {
	return counter.New(s.Seed, uint64(rank), uint64(token), stream)
}

// limit is the group limit where it binds, and else 0.
func (s Spec) limit() int {
	if s.Groups > 0 && s.Groups < s.Placement.Nodes {
		return s.Groups
	}
	return 0
}

// check says what is wrong with the spec. The limit is the group limit that
// the pattern keeps to.
func (s Spec) check(limit int) error {
	p := s.Placement
	switch {
	case p.Experts < 1 || p.PerRank() < 1:
		return fmt.Errorf("routing: no experts are placed: want a placement from topo.Place")
	case p.Experts > MaxExperts:
		return fmt.Errorf("routing: %d experts: want at most %d", p.Experts, MaxExperts)
	case s.Tokens < 0:
		return fmt.Errorf("routing: %d tokens: want 0 or more", s.Tokens)
	case s.TopK < 1 || s.TopK > MaxTopK:
		return fmt.Errorf("routing: top-%d: want top-1 to top-%d", s.TopK, min(MaxTopK, p.Experts))
	case s.TopK > p.Experts:
		return fmt.Errorf("routing: top-%d of %d experts: a token's experts are distinct; top-%d or less would do", s.TopK, p.Experts, p.Experts)
	case s.Tokens > MaxChoices/s.TopK/p.Ranks():
		return fmt.Errorf("routing: %d tokens with top-%d on %d ranks: more than %d choices; at most %d tokens would do",
			s.Tokens, s.TopK, p.Ranks(), MaxChoices, MaxChoices/s.TopK/p.Ranks())
	case s.Groups < 0:
		return fmt.Errorf("routing: %d groups: want a number of nodes, or 0 for no limit", s.Groups)
	case limit > 0 && s.TopK > limit*p.PerNode():
		return fmt.Errorf("routing: top-%d does not fit into %d groups of %d experts: %d groups or more, or top-%d or less, would do",
			s.TopK, limit, p.PerNode(), (s.TopK+p.PerNode()-1)/p.PerNode(), limit*p.PerNode())
	case !(s.Masked >= 0 && s.Masked <= 1):
		return fmt.Errorf("routing: masked %v: want a fraction from 0 to 1", s.Masked)
	case s.EmptyRanks < 0 || s.EmptyRanks > p.Ranks():
		return fmt.Errorf("routing: %d empty ranks of %d: want 0 to %d", s.EmptyRanks, p.Ranks(), p.Ranks())
	}
	return nil
}

// tokens is the number of tokens of each rank.
func (s Spec) tokens() []int {
	tokens := make([]int, s.Placement.Ranks())
	for rank := range tokens {
		tokens[rank] = s.Tokens
		if s.Ragged {
			draw := s.drawsOf(rank, 0, streamRagged)
			tokens[rank] = int(draw.Below(uint64(s.Tokens) + 1))
		}
	}
	if s.EmptyRanks > 0 {
		order := make([]int, len(tokens))
		for i := range order {
			order[i] = i
		}
		draw := s.draws(streamEmpty)
		counter.Shuffle(&draw, order)
		for _, rank := range order[:s.EmptyRanks] {
			tokens[rank] = 0
		}
	}
	return tokens
}

// mask masks choices of a rank's table. Each token's masks are its own draws,
// so they do not depend on what was chosen.
func (s Spec) mask(rank int, t Table) {
	if s.Masked == 0 {
		return
	}
	for i := range t.Tokens {
		draw := s.drawsOf(rank, i, streamMask)
		ids, weights := t.Row(i)
		for k := range ids {
			if unit(draw.Uint64()) < s.Masked {
				ids[k], weights[k] = Masked, 0
			}
		}
	}
}
