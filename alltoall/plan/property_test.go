package plan_test

import (
	"cmp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/ref"
	"github.com/commbench/commbench/alltoall/routing"
)

// placed is a row of a receive buffer and what the plans put there. expert is
// -1 where a row is for all of a token's choices on the rank.
type placed struct{ slot, expert, rank, token int }

// slots follows every copy through the plans of all the ranks that handle it,
// as exec would, to its row in the target rank's receive buffer.
func slots(t *testing.T, plans []plan.Plan, tables []routing.Table) [][]placed {
	t.Helper()
	rows := make([][]placed, len(plans))
	for src := range plans {
		switch p := plans[src].(type) {
		case *plan.TwoHop:
			for n, s := range p.Send {
				// The entries of the stream are forwarded in the same order.
				fan := &plans[p.Place.RailPeer(src, n)].(*plan.TwoHop).Fans[p.Place.Node(src)]
				if !slices.Equal(s.Start, fan.Start) {
					t.Fatalf("rank %d sends node %d channels %v, its rail peer expects %v", src, n, s.Start, fan.Start)
				}
				for i, token := range s.Tokens {
					for k := fan.First[i]; k < fan.First[i+1]; k++ {
						to := p.Place.Rank(n, int(fan.Index[k]))
						rows[to] = append(rows[to], placed{int(fan.Slot[k]), -1, src, int(token)})
					}
				}
			}
		case *plan.Direct:
			for token := range p.Tokens {
				for k := p.First[token]; k < p.First[token+1]; k++ {
					rows[p.To[k]] = append(rows[p.To[k]], placed{int(p.Slot[k]), -1, src, token})
				}
			}
		case *plan.PXN:
			for c := range p.Channels {
				lo, hi := plan.Span(p.Tokens, p.Channels, c)
				next := make([]int, p.Place.Ranks())
				for token := lo; token < hi; token++ {
					for k := p.First[token]; k < p.First[token+1]; k++ {
						to := int(p.To[k])
						slot := int(p.Slot[k])
						if via := p.Through(to); p.Place.Node(to) != p.Place.Node(src) && via != src { // who passes it on puts it there
							first, rows := plans[via].(*plan.PXN).ViaRows(p.Place.Node(to), p.Place.Index(src), c)
							if next[to] == rows || first+next[to] != slot {
								t.Fatalf("rank %d puts row %d of %d from rank %d, channel %d to row %d of rank %d, which is for row %d", via, next[to], rows, src, c, first+next[to], to, slot)
							}
							next[to]++
						}
						rows[to] = append(rows[to], placed{slot, -1, src, token})
					}
				}
			}
		case *plan.LowLatency:
			for i, e := range p.Experts {
				if e < 0 {
					continue
				}
				to := p.Place.RankOf(int(e))
				q := plans[to].(*plan.LowLatency)
				base := q.Slot[(int(e)-p.Place.FirstExpert(to))*p.Place.Ranks()+src]
				rows[to] = append(rows[to], placed{int(base + p.Number[i]), int(e), src, i / p.TopK})
			}
		case *plan.AllToAll:
			for b := range p.Blocks() {
				lo, hi := p.Block(p.Tokens, b)
				for token := lo; token < hi; token++ {
					ids, _ := tables[src].Row(token)
					for j, e := range ids {
						if pos := p.Pos[token*p.TopK+j]; pos >= 0 {
							to := p.Place.RankOf(int(e))
							rows[to] = append(rows[to], unpacked(t, p, plans[to].(*plan.AllToAll), b, pos, int(e), token))
						} else if e != routing.Masked {
							t.Fatalf("rank %d, token %d: choice %d is not packed", src, token, j)
						}
					}
				}
			}
		}
	}
	return rows
}

// unpacked follows a row of a block from its source's pack buffer through the
// exchange buffer of its target.
func unpacked(t *testing.T, src, to *plan.AllToAll, b int, pos int32, expert, token int) placed {
	t.Helper()
	ranks, experts := src.Place.Ranks(), src.Place.PerRank()
	in := pos - src.SendOff[b*(ranks+1)+to.Rank] + src.PeerOff[b*ranks+to.Rank] - to.RecvOff[b*(ranks+1)+src.Rank]
	at := (b*ranks + src.Rank) * experts
	for e := range experts {
		if in < to.Count[at+e] {
			if to.Place.FirstExpert(to.Rank)+e != expert {
				t.Fatalf("rank %d takes a row for expert %d as one for %d", to.Rank, expert, to.Place.FirstExpert(to.Rank)+e)
			}
			return placed{int(to.Slot[at+e] + in), expert, src.Rank, token}
		}
		in -= to.Count[at+e]
	}
	t.Fatalf("rank %d, block %d: a row from rank %d lies behind those that are counted", to.Rank, b, src.Rank)
	return placed{}
}

func TestPlans(t *testing.T) {
	product(t, func(t *testing.T, alg plan.Algorithm, c plan.Config, tables []routing.Table) {
		plans := build(t, alg, c, tables)
		checkSlots(t, alg, c, tables, plans)
		checkLayouts(t, c, tables, plans)
		checkBooks(t, c, plans)
		checkLedgers(t, alg, c, tables, plans)
	})
}

// checkSlots checks that every copy has one row, every row one copy, and that
// where a row lies depends on its source, token and expert alone.
func checkSlots(t *testing.T, alg plan.Algorithm, c plan.Config, tables []routing.Table, plans []plan.Plan) {
	t.Helper()
	var want [][]ref.Copy
	if alg.ByExpert() {
		want = ref.ByExpert(c.Place, tables, c.Alignment)
	} else {
		want = ref.Received(c.Place, tables)
	}
	for r, rows := range slots(t, plans, tables) {
		if got := plans[r].RecvRows(); got != len(want[r]) {
			t.Errorf("rank %d receives %d rows, want %d", r, got, len(want[r]))
		}
		checkOrder(t, r, rows, alg, c)
		got := slices.Repeat([]ref.Copy{ref.Padding}, len(want[r]))
		for _, row := range rows {
			choice := -1
			if row.expert >= 0 {
				ids, _ := tables[row.rank].Row(row.token)
				choice = slices.Index(ids, int32(row.expert))
			}
			if got[row.slot] != ref.Padding {
				t.Fatalf("rank %d: row %d is for %v and for %v", r, row.slot, got[row.slot], row)
			}
			got[row.slot] = ref.Copy{Rank: row.rank, Token: row.token, Choice: choice}
		}
		if !slices.Equal(want[r], got) {
			t.Fatalf("rank %d: rows (-want +got):\n%s", r, gocmp.Diff(want[r], got))
		}
	}
}

// checkOrder checks that slots rise with (expert, rank, token), without a gap
// but for the alignment of an expert's first row.
func checkOrder(t *testing.T, r int, rows []placed, alg plan.Algorithm, c plan.Config) {
	t.Helper()
	slices.SortFunc(rows, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.expert, b.expert), cmp.Compare(a.rank, b.rank), cmp.Compare(a.token, b.token))
	})
	next, last := 0, -1
	for _, row := range rows {
		if row.expert != last && alg.ByExpert() {
			align := max(c.Alignment, 1)
			next, last = (next+align-1)/align*align, row.expert
		}
		if row.slot != next {
			t.Fatalf("rank %d: expert %d, rank %d, token %d lies in row %d, want %d", r, row.expert, row.rank, row.token, row.slot, next)
		}
		next++
	}
}

// layoutOf is the layout of a plan.
func layoutOf(p plan.Plan) *plan.Layout {
	switch p := p.(type) {
	case *plan.TwoHop:
		return &p.Layout
	case *plan.Direct:
		return &p.Layout
	case *plan.AllToAll:
		return &p.Layout
	case *plan.PXN:
		return &p.Layout
	}
	return &p.(*plan.LowLatency).Layout
}

// checkLayouts checks that tokens are counted once for each distinct target.
func checkLayouts(t *testing.T, c plan.Config, tables []routing.Table, plans []plan.Plan) {
	t.Helper()
	p := c.Place
	perExpert := make([]int32, p.Experts)
	for r := range tables {
		l := layoutOf(plans[r])
		alone := plan.NewLayout(p) // Build keeps no bitmaps
		alone.Route(&tables[r])
		perRank, perNode, experts := make([]int32, p.Ranks()), make([]int32, p.Nodes), make([]int32, p.Experts)
		each(tables[r:r+1], func(_, _, _, e int) { experts[e]++; perExpert[e]++ })
		for token := range tables[r].Tokens {
			ids, _ := tables[r].Row(token)
			targets, nodes := ref.Targets(p, ids), map[int]bool{}
			for _, to := range targets {
				perRank[to]++
				nodes[p.Node(to)] = true
			}
			for n := range nodes {
				perNode[n]++
			}
			var got []int
			alone.Ranks(token, func(to int) { got = append(got, to) })
			if !slices.Equal(got, targets) {
				t.Fatalf("rank %d, token %d: the bitmap has ranks %v, want %v", r, token, got, targets)
			}
		}
		if l.Tokens != tables[r].Tokens || len(alone.InRank) != l.Tokens*l.Words || l.InRank != nil && !slices.Equal(l.InRank, alone.InRank) {
			t.Fatalf("rank %d: %d tokens, a bitmap of %d and %d words", r, l.Tokens, len(l.InRank), len(alone.InRank))
		}
		if !slices.Equal(alone.PerRank, perRank) || !slices.Equal(alone.PerNode, perNode) {
			t.Fatalf("rank %d: its layout alone has %v and %v", r, alone.PerRank, alone.PerNode)
		}
		if !slices.Equal(l.PerRank, perRank) || !slices.Equal(l.PerNode, perNode) || !slices.Equal(l.PerExpert, experts) {
			t.Fatalf("rank %d: tokens by rank, node and expert are %v, %v, %v; want %v, %v, %v", r, l.PerRank, l.PerNode, l.PerExpert, perRank, perNode, experts)
		}
	}
	for r := range plans {
		if want := perExpert[p.FirstExpert(r) : p.FirstExpert(r)+p.PerRank()]; !slices.Equal(plans[r].Received(), want) {
			t.Fatalf("rank %d receives %v choices by expert, want %v", r, plans[r].Received(), want)
		}
	}
}

// A layout alone, for more ranks than a word of its bitmap has bits.
func TestLayoutOfManyRanks(t *testing.T) {
	s := shape{9, 8, 72, 5, 0}
	tables := generate(t, s, load{routing: "uniform", tokens: 50})
	l, p := plan.NewLayout(place(t, s)), place(t, s)
	l.Route(&tables[70])
	if l.Words != 2 {
		t.Errorf("%d words for %d ranks", l.Words, p.Ranks())
	}
	for token := range l.Tokens {
		ids, _ := tables[70].Row(token)
		var got []int
		l.Ranks(token, func(r int) { got = append(got, r) })
		if want := ref.Targets(p, ids); !slices.Equal(got, want) {
			t.Fatalf("token %d: ranks %v, want %v", token, got, want)
		}
	}
}

// checkBooks checks that what one rank sends, another expects.
func checkBooks(t *testing.T, c plan.Config, plans []plan.Plan) {
	t.Helper()
	for src := range plans {
		for to := range plans {
			sent := layoutOf(plans[src]).PerRank[to]
			switch p := plans[src].(type) {
			case *plan.TwoHop:
				q := plans[to].(*plan.TwoHop)
				if got := q.From[src+1] - q.From[src]; got != sent {
					t.Fatalf("rank %d sends rank %d %d rows, which expects %d", src, to, sent, got)
				}
			case *plan.Direct:
				agreeDirect(t, p, plans[to].(*plan.Direct), sent)
			case *plan.AllToAll:
				agreeAllToAll(t, p, plans[to].(*plan.AllToAll))
			case *plan.PXN:
				agreeDirect(t, &p.Direct, &plans[to].(*plan.PXN).Direct, sent)
				agreePXN(t, p, plans[to].(*plan.PXN))
			case *plan.LowLatency:
				agreeLowLatency(t, p, plans[to].(*plan.LowLatency))
			}
		}
	}
	if _, ok := plans[0].(*plan.TwoHop); ok {
		agreeRails(t, c, plans)
	}
}

func agreeDirect(t *testing.T, src, to *plan.Direct, sent int32) {
	t.Helper()
	if got := to.From[src.Rank+1] - to.From[src.Rank]; got != sent {
		t.Fatalf("rank %d sends rank %d %d rows, which expects %d", src.Rank, to.Rank, sent, got)
	}
	starts := to.FromChannel[src.Rank*(to.Channels+1) : (src.Rank+1)*(to.Channels+1)]
	if starts[0] != to.From[src.Rank] || starts[to.Channels] != to.From[src.Rank+1] {
		t.Fatalf("rank %d: the channels of rank %d are rows %v, all its rows %d to %d", to.Rank, src.Rank, starts, to.From[src.Rank], to.From[src.Rank+1])
	}
	for ch := range to.Channels {
		if got, want := starts[ch+1]-starts[ch], src.Rows[ch*src.Place.Ranks()+to.Rank]; got != want {
			t.Fatalf("rank %d sends rank %d %d rows on channel %d, which expects %d", src.Rank, to.Rank, want, ch, got)
		}
	}
}

func agreeAllToAll(t *testing.T, src, to *plan.AllToAll) {
	t.Helper()
	ranks := src.Place.Ranks()
	for b := range src.Blocks() {
		out, in := b*(ranks+1)+to.Rank, b*(ranks+1)+src.Rank
		if got, want := to.RecvOff[in+1]-to.RecvOff[in], src.SendOff[out+1]-src.SendOff[out]; got != want {
			t.Fatalf("block %d: rank %d sends rank %d %d rows, which expects %d", b, src.Rank, to.Rank, want, got)
		}
		if got, want := src.PeerOff[b*ranks+to.Rank], to.RecvOff[in]; got != want {
			t.Fatalf("block %d: rank %d puts to row %d of rank %d, which wants it at %d", b, src.Rank, got, to.Rank, want)
		}
		if got, want := to.HomeOff[b*ranks+src.Rank], src.SendOff[out]; got != want {
			t.Fatalf("block %d: rank %d returns to row %d of rank %d, which packed it at %d", b, to.Rank, got, src.Rank, want)
		}
	}
}

// agreePXN checks that a rank passes on what its node's ranks get from a rail peer, and so
// return to it.
func agreePXN(t *testing.T, home, via *plan.PXN) {
	t.Helper()
	place := home.Place
	if place.Index(home.Rank) != place.Index(via.Rank) {
		return
	}
	for i := range place.GPUsPerNode {
		to := place.Rank(place.Node(via.Rank), i)
		for c := range home.Channels {
			if got, want := via.BackRows(place.Node(home.Rank), i, c), int(home.Rows[c*place.Ranks()+to]); got != want {
				t.Fatalf("rank %d passes %d outputs of rank %d back to rank %d on channel %d, which expects %d", via.Rank, got, to, home.Rank, c, want)
			}
		}
	}
}

func agreeLowLatency(t *testing.T, src, to *plan.LowLatency) {
	t.Helper()
	for c := range src.Channels {
		all, before := 0, 0
		for e := range to.Place.PerRank() {
			expert := to.Place.FirstExpert(to.Rank) + e
			n, at := to.Arriving(e, src.Rank, c)
			if want := src.Messages(c, expert); n != want || at != int(src.Sent[c*src.Place.Experts+expert]) {
				t.Fatalf("rank %d sends expert %d %d messages on channel %d behind %d, which expects %d behind %d",
					src.Rank, expert, want, c, src.Sent[c*src.Place.Experts+expert], n, at)
			}
			all, before = all+n, before+at
		}
		if got := src.Of(c, to.Rank); got != all {
			t.Fatalf("rank %d sends rank %d %d messages on channel %d, which expects %d", src.Rank, to.Rank, got, c, all)
		}
	}
}

// agreeRails checks that what comes over a rail is what leaves for the node.
func agreeRails(t *testing.T, c plan.Config, plans []plan.Plan) {
	t.Helper()
	rails := make([][]int32, len(plans)) // rows by target rank and forwarding index
	for r := range rails {
		rails[r] = make([]int32, c.Place.GPUsPerNode)
	}
	for r := range plans {
		p := plans[r].(*plan.TwoHop)
		for n := range p.Fans {
			f, src := &p.Fans[n], c.Place.RailPeer(r, n)
			if entries, want := len(f.First)-1, layoutOf(plans[src]).PerNode[c.Place.Node(r)]; int32(entries) != want {
				t.Fatalf("rank %d forwards %d tokens of rank %d, which sends %d", r, entries, src, want)
			}
			for ch := range c.Channels {
				for i, rows := range f.Rows[ch*c.Place.GPUsPerNode : (ch+1)*c.Place.GPUsPerNode] {
					rails[c.Place.Rank(c.Place.Node(r), i)][c.Place.Index(r)] += rows
				}
			}
		}
	}
	for r := range plans {
		if got := plans[r].(*plan.TwoHop).RailRows; !slices.Equal(got, rails[r]) {
			t.Fatalf("rank %d expects %v rows from its node, which forwards %v", r, got, rails[r])
		}
	}
}

func TestSpanCoversEverythingOnce(t *testing.T) {
	for _, n := range []int{0, 1, 2, 7, 64, 1000} {
		for _, parts := range []int{1, 2, 3, 7, 10, 1001} {
			next := 0
			for i := range parts {
				lo, hi := plan.Span(n, parts, i)
				if lo != next || hi < lo || hi-lo > (n+parts-1)/parts {
					t.Fatalf("Span(%d, %d, %d) = %d, %d after %d", n, parts, i, lo, hi, next)
				}
				next = hi
			}
			if next != n {
				t.Fatalf("Span(%d, %d) ends at %d", n, parts, next)
			}
		}
	}
}

func TestBlocksCoverAllTokensOnce(t *testing.T) {
	c := plan.Config{Channels: 3, Rounds: 4}
	for _, tokens := range []int{0, 1, 11, 12, 13, 100} {
		next := 0
		for b := range c.Blocks() {
			lo, hi := c.Block(tokens, b)
			if lo != next || hi < lo {
				t.Fatalf("block %d of %d tokens is %d to %d, after %d", b, tokens, lo, hi, next)
			}
			next = hi
		}
		if next != tokens {
			t.Fatalf("the blocks of %d tokens end at %d", tokens, next)
		}
	}
}
