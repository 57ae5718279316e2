package routing

import (
	"math"

	"github.com/commbench/commbench/alltoall/topo"
)

// Stats says what a routing amounts to. Masked choices count nowhere but in
// Masked.
type Stats struct {
	Tokens  int // of all ranks
	Active  int // tokens with at least one choice
	Choices int
	Masked  int
	Rows    int // tokens times the distinct ranks that each reaches

	// Means over the active tokens, 0 where there is none: distinct nodes and
	// distinct ranks that a token reaches, its own among them.
	NodesPerToken float64
	RanksPerToken float64

	HotRank   Hottest // by rows: tokens received, each once for a rank
	HotExpert Hottest // by choices

	EmptyRanks           int // ranks that hold no token
	MinTokens, MaxTokens int // of a rank
}

// Hottest is the rank or the expert with the highest load; of several, the
// lowest. OverMean is its load over the mean, 0 where all loads are 0.
type Hottest struct {
	ID       int
	Load     int
	OverMean float64
}

// Measure measures the routing of all ranks. The tables must be valid for the
// placement's experts (Table.Validate).
func Measure(p topo.Placement, tables []Table) Stats {
	var s Stats
	rows, choices := make([]int, p.Ranks()), make([]int, p.Experts)
	ranks, nodes := 0, 0
	var rank, node distinct
	for i, t := range tables {
		s.Tokens += t.Tokens
		if t.Tokens == 0 {
			s.EmptyRanks++
		}
		if i == 0 || t.Tokens < s.MinTokens {
			s.MinTokens = t.Tokens
		}
		s.MaxTokens = max(s.MaxTokens, t.Tokens)
		for token := range t.Tokens {
			rank.next()
			node.next()
			active := false
			ids, _ := t.Row(token)
			for _, e := range ids {
				if e == Masked {
					s.Masked++
					continue
				}
				active = true
				s.Choices++
				choices[e]++
				if r := p.RankOf(int(e)); !rank.repeats(int32(r)) {
					rows[r]++
					ranks++
				}
				if !node.repeats(int32(p.NodeOf(int(e)))) {
					nodes++
				}
			}
			if active {
				s.Active++
			}
		}
	}
	s.Rows = ranks
	if s.Active > 0 {
		s.RanksPerToken = float64(ranks) / float64(s.Active)
		s.NodesPerToken = float64(nodes) / float64(s.Active)
	}
	s.HotRank, s.HotExpert = hottest(rows), hottest(choices)
	return s
}

func hottest(loads []int) Hottest {
	h, sum := Hottest{}, 0
	for id, load := range loads {
		sum += load
		if load > loads[h.ID] {
			h.ID = id
		}
	}
	if sum > 0 {
		h.Load = loads[h.ID]
		h.OverMean = float64(h.Load) * float64(len(loads)) / float64(sum)
	}
	return h
}

// Expected is the number of distinct groups that a token reaches on average
// under uniform routing, where groups hold equally many of the experts:
//
//	q(g) = g * (1 - C(E-E/g, K) / C(E, K))
//
// as a group is missed if all K of a token's experts are among the E-E/g others.
// Groups are nodes, ranks, or any other even division. It is NaN where experts
// do not divide by groups or there are fewer experts than choices.
func Expected(experts, topK, groups int) float64 {
	if experts < 1 || groups < 1 || experts%groups != 0 || topK < 0 || topK > experts {
		return math.NaN()
	}
	missed := 1.0
	for i := range topK {
		missed *= float64(max(0, experts-experts/groups-i)) / float64(experts-i)
	}
	return float64(groups) * (1 - missed)
}
