package plan

import (
	"math/bits"

	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/alltoall/topo"
)

// Span is the i-th of parts contiguous, nearly equal pieces of n things: the
// tokens of a channel, as DeepEP's channels own contiguous blocks of tokens.
func Span(n, parts, i int) (lo, hi int) {
	return n * i / parts, n * (i + 1) / parts
}

// Layout is what a rank learns from its own routing alone.
type Layout struct {
	Tokens    int
	PerRank   []int32  // [ranks] distinct tokens that go to each rank
	PerNode   []int32  // [nodes] distinct tokens that go to each node
	PerExpert []int32  // [experts] choices of each expert
	InRank    []uint64 // [Tokens][Words] bit d of a token's row: it goes to rank d
	Words     int      // 64-bit words of a bitmap row: ranks/64 rounded up

	place  topo.Placement
	hits   []uint64 // [Tokens] bit w: word w of a token's row is not 0; empty where rows have one word, or more than 64
	rankOf []int32  // [experts], so that the inner loop has no division
	nodeOf []int32  // [ranks]
}

func newLayout(p topo.Placement) Layout {
	l := Layout{
		PerRank:   make([]int32, p.Ranks()),
		PerNode:   make([]int32, p.Nodes),
		PerExpert: make([]int32, p.Experts),
		Words:     (p.Ranks() + 63) / 64,
		place:     p,
		rankOf:    make([]int32, p.Experts),
		nodeOf:    make([]int32, p.Ranks()),
	}
	for e := range l.rankOf {
		l.rankOf[e] = int32(p.RankOf(e))
	}
	for r := range l.nodeOf {
		l.nodeOf[r] = int32(p.Node(r))
	}
	return l
}

func (l *Layout) layout() *Layout { return l }

// NewLayout returns an empty layout for ranks and experts placed as p says.
func NewLayout(p topo.Placement) *Layout {
	l := newLayout(p)
	return &l
}

// Route counts the table, which must be valid for the placement's experts.
func (l *Layout) Route(t *routing.Table) {
	l.mark(t)
	for i := range t.Tokens {
		last := int32(-1)
		row := l.InRank[i*l.Words : (i+1)*l.Words]
		for w := l.next(i, 0); w < len(row); w = l.next(i, w+1) {
			for word := row[w]; word != 0; word &= word - 1 {
				r := w<<6 + bits.TrailingZeros64(word)
				l.PerRank[r]++
				if n := l.nodeOf[r]; n != last { // ranks ascend, so nodes do
					l.PerNode[n]++
					last = n
				}
			}
		}
	}
}

// mark is the part of Route that makes bitmaps and counts choices. Ranks and
// nodes are zero, for whoever goes through the bitmaps next to count.
func (l *Layout) mark(t *routing.Table) {
	clear(l.PerRank)
	clear(l.PerNode)
	clear(l.PerExpert)
	l.Tokens = t.Tokens
	l.InRank = resize(l.InRank, t.Tokens*l.Words)
	l.hits = l.hits[:0]
	if l.Words == 1 { // at most 64 ranks: a bitmap is one register
		for i := range t.Tokens {
			word := uint64(0)
			for _, e := range t.Experts[i*t.TopK : (i+1)*t.TopK] {
				if e >= 0 {
					l.PerExpert[e]++
					word |= 1 << (l.rankOf[e] & 63)
				}
			}
			l.InRank[i] = word
		}
		return
	}
	clear(l.InRank)
	if l.Words <= 64 {
		l.hits = resize(l.hits, t.Tokens)
		clear(l.hits)
	}
	for i := 0; i < t.Tokens; i++ {
		row := l.InRank[i*l.Words : (i+1)*l.Words]
		for _, e := range t.Experts[i*t.TopK : (i+1)*t.TopK] {
			if e < 0 {
				continue
			}
			l.PerExpert[e]++
			r := l.rankOf[e]
			row[r>>6] |= 1 << (r & 63)
			if len(l.hits) > 0 {
				l.hits[i] |= 1 << (r >> 6)
			}
		}
	}
}

// next is the first word of a token's row from w on that may have ranks in it; Words if there
// is none. A row of thousands of ranks has few.
func (l *Layout) next(token, w int) int {
	if w >= l.Words || len(l.hits) == 0 {
		return w
	}
	rest := l.hits[token] >> w
	if rest == 0 {
		return l.Words
	}
	return w + bits.TrailingZeros64(rest)
}

// Ranks calls f with the target ranks of a token, ascending.
func (l *Layout) Ranks(token int, f func(rank int)) {
	row := l.InRank[token*l.Words : (token+1)*l.Words]
	for w := l.next(token, 0); w < len(row); w = l.next(token, w+1) {
		for word := row[w]; word != 0; word &= word - 1 {
			f(w<<6 + bits.TrailingZeros64(word))
		}
	}
}

// resize returns s with length n, keeping its memory where that is enough. The
// contents are not defined.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
