package plan_test

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/routing"
)

// tiny is two nodes of two ranks with an expert each, so that an expert is a
// rank, and tokens that go
//
//	rank 0: token 0 to 1, 3; token 1 to 2, 3; token 2 to 0 (its second choice is masked)
//	rank 1: token 0 to 0, 2
//	rank 2: no token
//	rank 3: token 0 to 1, 0; token 1 to 3, 1
func tiny(t testing.TB) (plan.Config, []routing.Table) {
	table := func(experts ...int32) routing.Table {
		return routing.Table{Tokens: len(experts) / 2, TopK: 2, Experts: experts, Weights: make([]float32, len(experts))}
	}
	c := plan.Config{Place: place(t, shape{2, 2, 4, 2, 0}), TopK: 2, MaxTokens: 3, Channels: 1, Chunk: 2, Rounds: 1}
	return c, []routing.Table{table(1, 3, 2, 3, 0, -1), table(0, 2), table(), table(1, 0, 3, 1)}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestTinyLayout(t *testing.T) {
	c, tables := tiny(t)
	l := plan.NewLayout(c.Place)
	l.Route(&tables[0])
	same(t, "per rank", l.PerRank, []int32{1, 1, 1, 2})
	same(t, "per node", l.PerNode, []int32{2, 2})
	same(t, "per expert", l.PerExpert, []int32{1, 1, 1, 2})
	same(t, "bitmap", l.InRank, []uint64{0b1010, 0b1100, 0b0001})
}

func TestTinyTwoHop(t *testing.T) {
	c, tables := tiny(t)
	plans := build(t, plan.AlgTwoHop, c, tables)
	p := func(r int) *plan.TwoHop { return plans[r].(*plan.TwoHop) }

	same(t, "rank 0 keeps", p(0).Send[0].Tokens, []int32{0, 2})
	same(t, "rank 0 sends", p(0).Send[1].Tokens, []int32{0, 1})
	// Rank 2 forwards them: token 0 to rank 3, token 1 to itself and to rank 3.
	same(t, "rank 2 forwards", p(2).Fans[0], plan.Fan{
		Start: []int32{0, 2}, First: []int32{0, 1, 3}, Index: []int32{1, 0, 1}, Slot: []int32{0, 0, 1}, Rows: []int32{1, 2},
	})
	// Rank 1 forwards rank 3's: token 0 to ranks 0 and 1, token 1 to itself.
	same(t, "rank 1 forwards", p(1).Fans[1], plan.Fan{
		Start: []int32{0, 2}, First: []int32{0, 2, 3}, Index: []int32{0, 1, 1}, Slot: []int32{2, 1, 2}, Rows: []int32{1, 2},
	})
	for r, want := range [][]int32{{0, 1, 2, 2, 3}, {0, 1, 1, 1, 3}, {0, 1, 2, 2, 2}, {0, 2, 2, 2, 3}} {
		same(t, "where sources begin", p(r).From, want)
	}
	// Rank 0 forwards token 2 to itself, rank 1 its token 0 and rank 3's.
	same(t, "who forwards to rank 0", p(0).RailRows, []int32{1, 2})
	same(t, "who forwards to rank 3", p(3).RailRows, []int32{2, 1})
	same(t, "rank 1 receives", p(1).Received(), []int32{3})

	// Over the rail: two tokens in one chunk from rank 0 to rank 2, whose credit
	// comes back. Within the node: its own tokens 0 and 2.
	l := plan.NewLedger(c)
	p(0).Dispatch(l, row)
	same(t, "dispatch of rank 0", l, &plan.Ledger{
		ScaleOut: []plan.Link{{}, {}, {Tokens: 2, Bytes: 2064, Meta: 16, Signals: 1}, {}},
		ScaleUp:  []plan.Link{{Tokens: 1, Bytes: 1032, Meta: 8, Signals: 1}, {Tokens: 1, Bytes: 1032, Meta: 8, Signals: 1}},
		Copied:   4 * 1032,
	})
	l = plan.NewLedger(c)
	p(2).Dispatch(l, row)
	same(t, "dispatch of rank 2", l, &plan.Ledger{
		ScaleOut: []plan.Link{{Signals: 1}, {}, {}, {}},
		ScaleUp:  []plan.Link{{Tokens: 1, Bytes: 1032, Meta: 8, Signals: 1}, {Tokens: 2, Bytes: 2064, Meta: 16, Signals: 1}},
		Copied:   3 * 1032,
	})
	// Rank 0 loads the outputs for its tokens 0 and 2 from its node, reads rank 2's
	// two partial sums, gives their credit, and writes three tokens.
	l = plan.NewLedger(c)
	p(0).Combine(l, row)
	same(t, "combine of rank 0", l, &plan.Ledger{
		ScaleOut: []plan.Link{{}, {}, {Signals: 1}, {}},
		ScaleUp:  []plan.Link{{Tokens: 1, Bytes: 1032, Meta: 8, Signals: 1}, {Tokens: 1, Bytes: 1032, Meta: 8, Signals: 1}},
		Reduced:  4, Copied: 3 * 1032,
	})
	// Rank 2 loads three outputs, writes two sums, and puts them.
	l = plan.NewLedger(c)
	p(2).Combine(l, row)
	same(t, "combine of rank 2", l, &plan.Ledger{
		ScaleOut: []plan.Link{{Tokens: 2, Bytes: 2064, Meta: 16, Signals: 1}, {}, {}, {}},
		ScaleUp:  []plan.Link{{Tokens: 1, Bytes: 1032, Meta: 8, Signals: 1}, {Tokens: 2, Bytes: 2064, Meta: 16, Signals: 1}},
		Reduced:  3, Copied: 4 * 1032,
	})
	// Where memory is not mapped rank 0 puts the outputs for token 0 of rank 1 and of
	// rank 3 to rank 1, which adds them up, and loads but its own for its token 2. Rank
	// 1's for its token 0 is put here, and read as the partial sums are.
	p(0).Mirrored = true
	l = plan.NewLedger(c)
	p(0).Combine(l, row)
	same(t, "mirrored combine of rank 0", l, &plan.Ledger{
		ScaleOut: []plan.Link{{}, {}, {Signals: 1}, {}},
		ScaleUp:  []plan.Link{{Tokens: 1, Bytes: 1032, Meta: 8, Signals: 1}, {Tokens: 2, Bytes: 2064, Meta: 16, Signals: 1}},
		Reduced:  4, Copied: (3 + 2) * 1032,
	})
}

func TestTinyDirect(t *testing.T) {
	c, tables := tiny(t)
	plans := build(t, plan.AlgDirect, c, tables)
	p := func(r int) *plan.Direct { return plans[r].(*plan.Direct) }

	same(t, "targets of a token of rank 0", p(0).First, []int32{0, 2, 4, 5})
	same(t, "targets of rank 0", p(0).To, []int32{1, 3, 2, 3, 0})
	same(t, "rows of rank 0", p(0).Slot, []int32{0, 0, 0, 1, 0})
	same(t, "targets of rank 3", p(3).To, []int32{0, 1, 1, 3})
	same(t, "rows of rank 3", p(3).Slot, []int32{2, 1, 2, 2})
	same(t, "rows by channel and rank", p(0).Rows, []int32{1, 1, 1, 2})
	same(t, "where sources begin", p(3).From, []int32{0, 2, 2, 2, 3})
	same(t, "where channels begin", p(3).FromChannel, []int32{0, 2, 2, 2, 2, 2, 2, 3})

	l := plan.NewLedger(c)
	p(0).Dispatch(l, row)
	same(t, "dispatch of rank 0", l, &plan.Ledger{
		ScaleOut: []plan.Link{{}, {}, {Tokens: 1, Bytes: 1032, Meta: 8, Signals: 1}, {Tokens: 2, Bytes: 2064, Meta: 16, Signals: 1}},
		ScaleUp:  []plan.Link{{Tokens: 1, Bytes: 1032, Meta: 8, Signals: 1}, {Tokens: 1, Bytes: 1032, Meta: 8, Signals: 1}},
		Copied:   5 * 1032,
	})
	// Chunks of a direct combine are 1 here: rank 3 puts rank 0's two rows home one
	// by one, and loads its own.
	l = plan.NewLedger(c)
	p(3).Combine(l, row)
	same(t, "combine of rank 3", l, &plan.Ledger{
		ScaleOut: []plan.Link{{Tokens: 2, Bytes: 2064, Meta: 16, Signals: 2 + 1}, {Signals: 2}, {}, {}},
		ScaleUp:  []plan.Link{{Signals: 1}, {Tokens: 1, Bytes: 1032, Meta: 8, Signals: 1}},
		Reduced:  1 + 3, Copied: (2 + 2) * 1032,
	})
	// Where memory is not mapped rank 1 puts the output for rank 0's token 0 there, and
	// reads that for its own token 0 where rank 0 has put it.
	p(1).Mirrored = true
	l = plan.NewLedger(c)
	p(1).Combine(l, row)
	same(t, "mirrored combine of rank 1", l, &plan.Ledger{
		ScaleOut: []plan.Link{{}, {}, {Signals: 1}, {Tokens: 2, Bytes: 2064, Meta: 16, Signals: 2}},
		ScaleUp:  []plan.Link{{Tokens: 1, Bytes: 1032, Meta: 8, Signals: 1}, {Signals: 1}},
		Reduced:  2, Copied: (1 + 2 + 1) * 1032,
	})
}

func TestTinyAllToAll(t *testing.T) {
	c, tables := tiny(t)
	plans := build(t, plan.AlgAllToAll, c, tables)
	p := func(r int) *plan.AllToAll { return plans[r].(*plan.AllToAll) }

	same(t, "packing of rank 0", p(0).Pos, []int32{1, 3, 2, 4, 0, -1})
	same(t, "destinations of rank 0", p(0).SendOff, []int32{0, 1, 2, 3, 5})
	same(t, "sources of rank 3", p(3).RecvOff, []int32{0, 2, 2, 2, 3})
	same(t, "where rank 3 puts", p(3).PeerOff, []int32{2, 1, 2, 2})
	same(t, "where sources packed for rank 1", p(1).HomeOff, []int32{1, 1, 0, 1})
	same(t, "counts of rank 1", p(1).Count, []int32{1, 0, 0, 2})
	same(t, "rows of rank 1", p(1).Slot, []int32{0, 1, 1, 1})
	same(t, "experts of rank 1", p(1).ExpertBase, []int32{0, 3})

	l := plan.NewLedger(c)
	p(0).Dispatch(l, row)
	same(t, "dispatch of rank 0", l, &plan.Ledger{
		ScaleOut: []plan.Link{{}, {}, {Tokens: 1, Bytes: 1032, Meta: 8, Signals: 1}, {Tokens: 2, Bytes: 2064, Meta: 16, Signals: 1}},
		ScaleUp:  []plan.Link{{Tokens: 1, Bytes: 1032, Meta: 8, Signals: 1}, {Tokens: 1, Bytes: 1032, Meta: 8, Signals: 1}},
		Packed:   5, Unpacked: 3, Copied: (5 + 5 + 3) * 1032,
	})
}

// With two rounds a rank's blocks are credited to all peers in between.
func TestTinyAllToAllRounds(t *testing.T) {
	c, tables := tiny(t)
	c.Rounds = 2
	p := build(t, plan.AlgAllToAll, c, tables)[0].(*plan.AllToAll)
	same(t, "packing", p.Pos, []int32{0, 1, 1, 2, 0, -1}) // token 0 alone is the first block
	same(t, "destinations", p.SendOff, []int32{0, 0, 1, 1, 2, 0, 1, 1, 2, 3})
	l := plan.NewLedger(c)
	p.Dispatch(l, row)
	var signals []int64
	for _, k := range append(l.ScaleUp, l.ScaleOut[2:]...) {
		signals = append(signals, k.Signals)
	}
	// A credit to everyone, and a signal for each block with rows.
	same(t, "signals to ranks", signals, []int64{1 + 1, 1 + 1, 1 + 1, 1 + 2})
}

func TestExpertRows(t *testing.T) {
	for _, c := range []struct {
		alignment int
		want      []int32
	}{{0, []int32{0, 3, 3, 11}}, {1, []int32{0, 3, 3, 11}}, {4, []int32{0, 4, 4, 12}}, {8, []int32{0, 8, 8, 16}}} {
		base := make([]int32, 4)
		plan.ExpertRows(base, []int32{3, 0, 8}, c.alignment)
		same(t, "rows", base, c.want)
	}
}

func TestBuildRefuses(t *testing.T) {
	good, tables := tiny(t)
	for name, c := range map[string]struct {
		alg    plan.Algorithm
		change func(*plan.Config)
		tables []routing.Table
	}{
		"no such algorithm":       {"ring", func(*plan.Config) {}, tables},
		"no channel":              {plan.AlgTwoHop, func(c *plan.Config) { c.Channels = 0 }, tables},
		"no chunk":                {plan.AlgTwoHop, func(c *plan.Config) { c.Chunk = 0 }, tables},
		"no round":                {plan.AlgAllToAll, func(c *plan.Config) { c.Rounds = 0 }, tables},
		"no choice":               {plan.AlgDirect, func(c *plan.Config) { c.TopK = 0 }, tables},
		"negative tokens":         {plan.AlgDirect, func(c *plan.Config) { c.MaxTokens = -1 }, tables},
		"more tokens than agreed": {plan.AlgTwoHop, func(c *plan.Config) { c.MaxTokens = 2 }, tables},
		"a table too few":         {plan.AlgTwoHop, func(*plan.Config) {}, tables[:3]},
		"rows beyond 32 bits":     {plan.AlgDirect, func(c *plan.Config) { c.MaxTokens = 1 << 28 }, tables},
		"padding beyond 32 bits":  {plan.AlgAllToAll, func(c *plan.Config) { c.Alignment = 1 << 32 }, tables},
	} {
		t.Run(name, func(t *testing.T) {
			config := good
			c.change(&config)
			if plans, err := plan.Build(c.alg, config, c.tables); err == nil {
				t.Errorf("%d plans were built", len(plans))
			}
		})
	}
}
