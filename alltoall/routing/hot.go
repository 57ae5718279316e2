package routing

import (
	"fmt"
	"math"

	"github.com/commbench/commbench/alltoall/counter"
	"github.com/commbench/commbench/alltoall/topo"
)

// maxHot is the largest ratio: one rank of topo.MaxRanks that receives all.
const maxHot = topo.MaxRanks

// hot is grouped routing in which one rank, chosen by the seed, receives ratio
// times the mean over all ranks, and no other receives more. What counts is
// rows: the tokens that reach a rank, each once, however many of its experts
// they chose.
//
// Tokens are visited in an order that the seed rules. A token is re-routed by
// giving its choices on one rank to the same in-rank places of another that it
// did not reach, so its experts stay distinct and its rows, and with them the
// mean, stay as many.
type hot struct {
	gate
	ratio float64
}

func (h hot) finish(spec Spec, tables []Table) error {
	m := newMover(spec.Placement, h.limit(spec), tables)
	if m.total == 0 {
		return nil // no token chose anything: all ranks receive the same
	}
	draw := spec.draws(streamHotRank)
	m.hot = int(draw.Below(uint64(len(m.rows))))

	ranks, total := float64(len(m.rows)), float64(m.total)
	target := math.Floor(h.ratio*total/ranks + 0.5)
	target = max(target, math.Ceil(total/ranks)) // less, and others would have to exceed it
	if target > float64(m.active) {
		most := math.Floor(float64(m.active)*ranks/total*1000) / 1000
		return fmt.Errorf("routing: %s: every token would reach the hot rank at %.3f times the mean: hot:%g or less, or a smaller top-k, would do",
			h.text, most, most)
	}
	order := m.order
	draw = spec.draws(streamHotOrder)
	counter.Shuffle(&draw, order)
	m.setHot(int(target))
	m.level()
	if worst := m.hottest(); worst > m.rows[m.hot] {
		return fmt.Errorf("routing: %s: too few tokens to keep the other ranks below the hot one: one of them gets %d, it gets %d; a larger R or more tokens would do",
			h.text, worst, m.rows[m.hot])
	}
	return nil
}

// place is a token of a rank.
type place struct{ rank, token int32 }

// mover re-routes tokens from rank to rank and keeps count of the rows.
type mover struct {
	p      topo.Placement
	limit  int // nodes that a token may reach, or 0
	tables []Table
	hot    int
	order  []place // all tokens that made a choice
	rows   []int   // tokens that each rank receives
	total  int     // the sum of rows: no move changes it
	active int     // tokens that made a choice
	next   int     // the rank at which the search for a free rank goes on

	row     []int32 // the token at hand
	reached []int   // its ranks
	onNode  []int   // how many of them are on each node
	nodes   int     // nodes that it reaches
}

func newMover(p topo.Placement, limit int, tables []Table) *mover {
	m := &mover{p: p, limit: limit, tables: tables, rows: make([]int, p.Ranks()), onNode: make([]int, p.Nodes)}
	for rank, t := range tables {
		for i := range t.Tokens {
			m.take(place{int32(rank), int32(i)})
			for _, r := range m.reached {
				m.rows[r]++
			}
			m.total += len(m.reached)
			if len(m.reached) > 0 {
				m.order = append(m.order, place{int32(rank), int32(i)})
			}
		}
	}
	m.active = len(m.order)
	return m
}

// take makes a token the one at hand.
func (m *mover) take(at place) {
	m.row, _ = m.tables[at.rank].Row(int(at.token))
	for _, r := range m.reached {
		m.onNode[m.p.Node(r)] = 0
	}
	m.reached, m.nodes = m.reached[:0], 0
	for _, e := range m.row {
		if e == Masked {
			continue
		}
		if r := m.p.RankOf(int(e)); !m.reaches(r) {
			m.reached = append(m.reached, r)
			if m.onNode[m.p.Node(r)]++; m.onNode[m.p.Node(r)] == 1 {
				m.nodes++
			}
		}
	}
}

func (m *mover) reaches(rank int) bool {
	for _, r := range m.reached {
		if r == rank {
			return true
		}
	}
	return false
}

// setHot brings the rows of the hot rank to the target.
func (m *mover) setHot(target int) {
	for _, at := range m.order {
		if m.rows[m.hot] == target {
			return
		}
		m.take(at)
		switch reaches := m.reaches(m.hot); {
		case !reaches && m.rows[m.hot] < target:
			m.moveToHot()
		case reaches && m.rows[m.hot] > target:
			m.moveOff(m.hot, math.MaxInt)
		}
	}
}

// level takes tokens off other ranks until none has more rows than the hot one,
// or no token can be moved any more. Each move lowers the sum of what is above,
// so it ends.
func (m *mover) level() {
	most := m.rows[m.hot]
	for moved := true; moved && m.hottest() > most; {
		moved = false
		for _, at := range m.order {
			m.take(at)
			for _, r := range m.reached {
				if m.rows[r] > most && m.moveOff(r, most) {
					moved = true
					m.take(at)
					break
				}
			}
		}
	}
}

func (m *mover) hottest() int {
	most := 0
	for _, n := range m.rows {
		most = max(most, n)
	}
	return most
}

// fits says whether the token keeps to the group limit if it reaches rank b in
// place of rank a.
func (m *mover) fits(a, b int) bool {
	return m.limit == 0 || m.nodes < m.limit || m.onNode[m.p.Node(b)] > 0 || m.onNode[m.p.Node(a)] == 1
}

// moveToHot re-routes the token at hand, which does not reach the hot rank, onto
// it: from the rank with the most rows that can be left.
func (m *mover) moveToHot() {
	from, any := -1, m.reached[0]
	for _, r := range m.reached {
		if m.rows[r] > m.rows[any] {
			any = r
		}
		if m.fits(r, m.hot) && (from < 0 || m.rows[r] > m.rows[from]) {
			from = r
		}
	}
	if from >= 0 {
		m.moveRank(from, m.hot)
		return
	}
	// Each of its nodes holds several of its ranks, and it may reach no further
	// node: a whole node is left for the hot one.
	shift := m.p.Index(m.hot) - m.p.Index(any) + m.p.GPUsPerNode
	m.moveNode(m.p.Node(any), m.p.Node(m.hot), shift)
}

// moveOff re-routes the token at hand from rank a to one with fewer than most
// rows, and says whether there is such a rank.
func (m *mover) moveOff(a, most int) bool {
	ranks := len(m.rows)
	for range ranks {
		b := m.next
		m.next = (m.next + 1) % ranks
		if m.rows[b] < most && !m.reaches(b) && m.fits(a, b) {
			m.moveRank(a, b)
			return true
		}
	}
	// As in moveToHot, a whole node is left; but not with the hot rank on it,
	// unless it is the one to be left.
	from := m.p.Node(a)
	if a != m.hot && from == m.p.Node(m.hot) && m.reaches(m.hot) {
		return false
	}
	for to := range m.onNode {
		for shift := range m.p.GPUsPerNode {
			if m.onNode[to] == 0 && m.haveRoom(from, to, shift, most) {
				m.moveNode(from, to, shift)
				return true
			}
		}
	}
	return false
}

// peer is the rank on another node whose in-node index is higher by shift,
// modulo the ranks of a node.
func (m *mover) peer(rank, node, shift int) int {
	return m.p.Rank(node, (m.p.Index(rank)+shift)%m.p.GPUsPerNode)
}

// haveRoom says whether the peers of the token's ranks on a node have fewer than
// most rows.
func (m *mover) haveRoom(from, to, shift, most int) bool {
	for _, r := range m.reached {
		if m.p.Node(r) == from && m.rows[m.peer(r, to, shift)] >= most {
			return false
		}
	}
	return true
}

// moveRank gives the token's choices on rank a to rank b.
func (m *mover) moveRank(a, b int) {
	m.rows[a]--
	m.rows[b]++
	for k, e := range m.row {
		if e != Masked && m.p.RankOf(int(e)) == a {
			m.row[k] = e + int32(m.p.FirstExpert(b)-m.p.FirstExpert(a))
		}
	}
}

// moveNode gives the token's choices on one node to the peers on another.
func (m *mover) moveNode(from, to, shift int) {
	for _, r := range m.reached {
		if m.p.Node(r) == from {
			m.rows[r]--
			m.rows[m.peer(r, to, shift)]++
		}
	}
	for k, e := range m.row {
		if e == Masked {
			continue
		}
		if r := m.p.RankOf(int(e)); m.p.Node(r) == from {
			m.row[k] = e + int32(m.p.FirstExpert(m.peer(r, to, shift))-m.p.FirstExpert(r))
		}
	}
}
