package ref

import (
	"slices"

	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/alltoall/topo"
)

// Copy is a row of a receive buffer: a copy of a token of a source rank.
type Copy struct {
	Rank   int // source rank; -1 for a row of padding
	Token  int // the source rank's token
	Choice int // which of the token's choices this copy is for, -1: all those on the receiving rank
}

// Padding is a row that no token fills.
var Padding = Copy{Rank: -1, Token: -1, Choice: -1}

// Received lists the rows of every rank's receive buffer after a dispatch by
// two-hop or direct: one for each token that chose an expert of the rank, in the
// order of source rank, then token.
func Received(p topo.Placement, tables []routing.Table) [][]Copy {
	rows := make([][]Copy, p.Ranks())
	for src := range tables {
		for token := 0; token < tables[src].Tokens; token++ {
			for _, to := range Targets(p, choices(&tables[src], token)) {
				rows[to] = append(rows[to], Copy{src, token, -1})
			}
		}
	}
	return rows
}

// ByExpert lists the rows of every rank's buffer when they lie by expert, as
// after alltoall and in the expanded layout: one for each (token, expert), in
// the order of expert, source rank, token; each expert's rows start at a
// multiple of alignment, and the gap before the next is padding.
func ByExpert(p topo.Placement, tables []routing.Table, alignment int) [][]Copy {
	byExpert := make([][]Copy, p.Experts)
	for src := range tables {
		for token := 0; token < tables[src].Tokens; token++ {
			for j, e := range choices(&tables[src], token) {
				if e >= 0 {
					byExpert[e] = append(byExpert[e], Copy{src, token, j})
				}
			}
		}
	}
	rows := make([][]Copy, p.Ranks())
	for e, copies := range byExpert {
		to := p.RankOf(e)
		rows[to] = append(rows[to], copies...)
		for alignment > 1 && len(rows[to])%alignment != 0 {
			rows[to] = append(rows[to], Padding)
		}
	}
	return rows
}

// Targets are the distinct ranks of a token's choices, ascending.
func Targets(p topo.Placement, experts []int32) []int {
	var ranks []int
	for _, e := range experts {
		if e >= 0 && !slices.Contains(ranks, p.RankOf(int(e))) {
			ranks = append(ranks, p.RankOf(int(e)))
		}
	}
	slices.Sort(ranks)
	return ranks
}

func choices(t *routing.Table, token int) []int32 {
	return t.Experts[token*t.TopK : (token+1)*t.TopK]
}

// Counts are the token copies that an operation needs, from the routing alone,
// by rank. Combine needs the same ones backwards.
type Counts struct {
	Nodes       []int64 // distinct target nodes over the rank's tokens, its own included: logical scale-out
	NodesWire   []int64 // the same without its own: what two-hop puts over the scale-out domain
	Rows        []int64 // distinct (token, rank) copies that the rank receives: logical scale-up
	RanksRemote []int64 // distinct target ranks on other nodes: what direct puts over the scale-out domain
	Copies      []int64 // (token, expert) copies that the rank sends
	CopiesWire  []int64 // those to other nodes: what alltoall puts over the scale-out domain
}

// Count counts the routing of all ranks.
func Count(p topo.Placement, tables []routing.Table) Counts {
	n := p.Ranks()
	c := Counts{make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)}
	// The last token that reached each rank and node, counted from 1: what it reaches again
	// is not distinct.
	ranks, nodes, stamp := make([]int, n), make([]int, p.Nodes), 0
	for src := range tables {
		home := p.Node(src)
		for token := 0; token < tables[src].Tokens; token++ {
			stamp++
			for _, e := range choices(&tables[src], token) {
				if e < 0 {
					continue
				}
				to, node := p.RankOf(int(e)), p.NodeOf(int(e))
				away := int64(0)
				if node != home {
					away = 1
				}
				c.Copies[src]++
				c.CopiesWire[src] += away
				if ranks[to] != stamp {
					ranks[to] = stamp
					c.Rows[to]++
					c.RanksRemote[src] += away
				}
				if nodes[node] != stamp {
					nodes[node] = stamp
					c.Nodes[src]++
					c.NodesWire[src] += away
				}
			}
		}
	}
	return c
}
