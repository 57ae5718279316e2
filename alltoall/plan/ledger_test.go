package plan_test

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/ref"
	"github.com/commbench/commbench/alltoall/routing"
)

// row is a row whose sizes cannot be taken for each other.
var row = plan.Row{Payload: 1000, Scales: 32, Meta: 8, Choices: 1}

// predicted are the ledgers of all ranks, and their sum over ranks and links.
func predicted(c plan.Config, plans []plan.Plan, charge func(plan.Plan, *plan.Ledger)) (ranks []*plan.Ledger, all plan.Ledger, out, up plan.Link) {
	sum := plan.NewLedger(c)
	for _, p := range plans {
		l := plan.NewLedger(c)
		charge(p, l)
		ranks = append(ranks, l)
		sum.Add(l)
	}
	for _, k := range sum.ScaleOut {
		out = plus(out, k)
	}
	for _, k := range sum.ScaleUp {
		up = plus(up, k)
	}
	return ranks, *sum, out, up
}

func plus(a, b plan.Link) plan.Link {
	return plan.Link{Tokens: a.Tokens + b.Tokens, Bytes: a.Bytes + b.Bytes, Meta: a.Meta + b.Meta, Signals: a.Signals + b.Signals}
}

func total(counts []int64) (n int64) {
	for _, v := range counts {
		n += v
	}
	return n
}

// checkLedgers checks what the plans predict against counts that the routing
// alone gives in closed form.
func checkLedgers(t *testing.T, alg plan.Algorithm, c plan.Config, tables []routing.Table, plans []plan.Plan) {
	t.Helper()
	n := ref.Count(c.Place, tables)
	tokens, rows, copies, wire := int64(0), total(n.Rows), total(n.Copies), n.NodesWire
	for i := range tables {
		tokens += int64(tables[i].Tokens)
	}
	switch alg {
	case plan.AlgDirect, plan.AlgPXN:
		wire = n.RanksRemote
	case plan.AlgAllToAll, plan.AlgLowLatency:
		wire, rows = n.CopiesWire, copies
	}
	// A dispatch: two-hop puts what crosses the scale-out domain, and then every
	// row within a node; the others put every row once. alltoall packs and unpacks
	// it as well.
	want := books{out: total(wire), up: rows - total(wire), written: rows}
	switch alg {
	case plan.AlgTwoHop:
		want.up, want.written = rows, rows+total(wire)
	case plan.AlgAllToAll:
		want.packed, want.unpacked, want.written = copies, copies, 3*copies
	case plan.AlgLowLatency: // a message is made once for each token that makes a choice
		active := int64(routing.Measure(c.Place, tables).Active)
		want.packed, want.unpacked, want.written = active, copies, active+2*copies
	}
	passed := int64(0) // rows that somebody passes on
	for src := range plans {
		for to, rows := range layoutOf(plans[src]).PerRank {
			if alg == plan.AlgPXN && c.Place.Node(to) != c.Place.Node(src) && c.Place.Index(to) != c.Place.Index(src) {
				passed += int64(rows)
			}
		}
	}
	want.up, want.written = want.up+passed, want.written+passed
	ranks := check(t, "dispatch", c, plans, plan.Plan.Dispatch, want)
	for r, l := range ranks {
		if out, _ := l.Wire(c.Place.Index(r)); out.Tokens != wire[r] && alg != plan.AlgPXN {
			t.Fatalf("dispatch: rank %d puts %d tokens over the scale-out domain, want %d", r, out.Tokens, wire[r])
		}
	}
	// A combine: the same tokens backwards. What is loaded within the node is not
	// written; every token is written once at home, and every partial sum of two-hop
	// once before it is put.
	want = books{out: total(wire), up: rows - total(wire), written: total(wire) + tokens, reduced: rows}
	switch alg {
	case plan.AlgTwoHop:
		want.up, want.written, want.reduced = rows, 2*total(wire)+tokens, rows+total(wire)
	case plan.AlgAllToAll:
		want.packed, want.written = copies, 2*copies+tokens
	case plan.AlgLowLatency: // all outputs are put, those of the node too
		want.written = copies + tokens
	}
	want.up, want.written = want.up+passed, want.written+passed
	check(t, "combine", c, plans, plan.Plan.Combine, want)
	// Without mapped memory the same rows go over the same hops, but each that is
	// added up by another rank of the node is written to it first.
	for _, p := range plans {
		mirrored(p, true)
		defer mirrored(p, false)
	}
	in := make([]int64, len(plans)) // by who adds them up
	for src := range plans {
		for to, rows := range layoutOf(plans[src]).PerRank {
			adds := c.Place.Rank(c.Place.Node(to), c.Place.Index(src))
			if adds != to && (alg == plan.AlgTwoHop || (alg == plan.AlgDirect || alg == plan.AlgPXN) && adds == src) {
				in[adds] += int64(rows)
			}
		}
	}
	want.written += total(in)
	ranks = check(t, "mirrored combine", c, plans, plan.Plan.Combine, want)
	for to := range plans {
		put := int64(0)
		for index := range c.Place.GPUsPerNode {
			if peer := c.Place.Rank(c.Place.Node(to), index); peer != to {
				put += ranks[peer].ScaleUp[c.Place.Index(to)].Tokens
			}
		}
		if !alg.ByExpert() && alg != plan.AlgPXN && put != in[to] {
			t.Fatalf("mirrored combine: %d rows are put to rank %d, which adds %d up", put, to, in[to])
		}
	}
}

// mirrored says of a plan whether memory is not mapped, which changes nothing else
// of it.
func mirrored(p plan.Plan, yes bool) {
	switch p := p.(type) {
	case *plan.TwoHop:
		p.Mirrored = yes
	case *plan.Direct:
		p.Mirrored = yes
	case *plan.AllToAll:
		p.Mirrored = yes
	case *plan.LowLatency:
		p.Mirrored = yes
	case *plan.PXN:
		p.Mirrored = yes
	}
}

// books are the rows that all ranks should have moved.
type books struct{ out, up, packed, unpacked, reduced, written int64 }

func check(t *testing.T, op string, c plan.Config, plans []plan.Plan, charge func(plan.Plan, *plan.Ledger, plan.Row), want books) []*plan.Ledger {
	t.Helper()
	ranks, all, out, up := predicted(c, plans, func(p plan.Plan, l *plan.Ledger) { charge(p, l, row) })
	got := books{out.Tokens, up.Tokens, all.Packed, all.Unpacked, all.Reduced, all.Copied / int64(row.Bytes())}
	if got != want {
		t.Fatalf("%s: rows are %+v, want %+v", op, got, want)
	}
	if all.Copied%int64(row.Bytes()) != 0 {
		t.Fatalf("%s: %d bytes copied are no number of rows", op, all.Copied)
	}
	for what, k := range map[string]plan.Link{"scale-out": out, "scale-up": up} {
		if k.Bytes != k.Tokens*int64(row.Bytes()) || k.Meta != k.Tokens*int64(row.Meta) {
			t.Fatalf("%s: %s link has %+v for rows of %+v", op, what, k, row)
		}
	}
	return ranks
}

// With a channel and a chunk of one token there is a tail and a credit for every
// token that crosses, and a completion for every pair of ranks with rows.
func TestSignalsOfTheSmallestChunk(t *testing.T) {
	for _, s := range shapes {
		l := load{"", "zipf:1", 20, 0.2, false, false}
		tables := generate(t, s, l)
		c := config(t, s, l, splits[0])
		n := ref.Count(c.Place, tables)
		for _, alg := range []plan.Algorithm{plan.AlgTwoHop, plan.AlgDirect} {
			plans := build(t, alg, c, tables)
			wire, perFlow, ready := total(n.NodesWire), int64(2), int64(c.Place.Ranks()*c.Place.GPUsPerNode)
			var completions, outDispatch int64
			for r := range plans {
				for to, rows := range layoutOf(plans[r]).PerRank {
					if rows == 0 {
						continue
					}
					completions++ // from the source, or from the one that forwards for it
					if c.Place.Node(r) != c.Place.Node(to) {
						outDispatch++
					}
				}
			}
			want := [4]int64{perFlow * wire, completions, perFlow * wire, ready}
			if alg == plan.AlgDirect {
				wire = total(n.RanksRemote)
				want = [4]int64{outDispatch, completions - outDispatch, perFlow * wire, ready}
			}
			_, _, out, up := predicted(c, plans, func(p plan.Plan, l *plan.Ledger) { p.Dispatch(l, row) })
			_, _, outBack, upBack := predicted(c, plans, func(p plan.Plan, l *plan.Ledger) { p.Combine(l, row) })
			if got := [4]int64{out.Signals, up.Signals, outBack.Signals, upBack.Signals}; got != want {
				t.Errorf("%s, %+v: signals of dispatch (out, up) and combine (out, up) are %v, want %v", alg, s, got, want)
			}
		}
	}
}

func TestStreamsSignalOnceAChunk(t *testing.T) {
	c := plan.Config{Chunk: 8}
	c.Place.GPUsPerNode = 3 // a chunk of a direct combine is 2
	for n, want := range map[int][2]int64{0: {0, 0}, 1: {1, 1}, 8: {1, 4}, 9: {2, 5}, 80: {10, 40}} {
		if got := [2]int64{c.Signals(n), c.FlatSignals(n)}; got != want {
			t.Errorf("%d tokens: %v signals, want %v", n, got, want)
		}
	}
	c.Place.GPUsPerNode = 100
	if got := c.FlatChunk(); got != 1 {
		t.Errorf("the flat chunk of a large node is %d", got)
	}
}

func TestLedgerArithmetic(t *testing.T) {
	c := plan.Config{}
	c.Place.Nodes, c.Place.GPUsPerNode = 2, 2
	l := plan.NewLedger(c)
	l.Put(&l.ScaleOut[2], 3, &row)
	l.Put(&l.ScaleUp[0], 1, &row)
	l.Load(&l.ScaleUp[1], 2, &row)
	l.Pack(4, &row)
	l.Unpack(5, &row)
	l.Reduce(6)
	l.Write(7, &row)
	l.ScaleOut[2].Signals = 9
	want := &plan.Ledger{
		ScaleOut: []plan.Link{{}, {}, {Tokens: 3, Bytes: 3096, Meta: 24, Signals: 9}, {}},
		ScaleUp:  []plan.Link{{Tokens: 1, Bytes: 1032, Meta: 8}, {Tokens: 2, Bytes: 2064, Meta: 16}},
		Packed:   4, Unpacked: 5, Reduced: 8, Copied: (3 + 1 + 4 + 5 + 7) * 1032,
	}
	if diff := gocmp.Diff(want, l); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// In-node index 0 is the rank itself, so its link leaves nothing.
	out, up := l.Wire(0)
	if out.Tokens != 3 || up.Tokens != 2 {
		t.Errorf("on the wire: %+v and %+v", out, up)
	}
	twice := plan.NewLedger(c)
	twice.Add(l)
	twice.Add(l)
	if twice.ScaleOut[2].Signals != 18 || twice.ScaleUp[1].Meta != 32 || twice.Copied != 2*l.Copied || twice.Packed != 8 || twice.Unpacked != 10 || twice.Reduced != 16 {
		t.Errorf("twice the ledger is %+v", twice)
	}
	l.Reset()
	if diff := gocmp.Diff(plan.NewLedger(c), l); diff != "" {
		t.Errorf("after Reset (-want +got):\n%s", diff)
	}
}

func TestRows(t *testing.T) {
	// The published row of DeepSeek-V3's dispatch is 7168 + 224 bytes.
	for _, c := range []struct {
		name string
		got  plan.Row
		want plan.Row
		stride,
		weightsAt int
	}{
		{"fp8", plan.DispatchRow(plan.FP8, 7168, 8), plan.Row{Payload: 7168, Scales: 224, Meta: 64, Choices: 8}, 7488, 7424},
		{"bf16", plan.DispatchRow(plan.BF16, 7168, 8), plan.Row{Payload: 14336, Meta: 64, Choices: 8}, 14400, 14368},
		{"combine", plan.CombineRow(7168, 8), plan.Row{Payload: 14336, Meta: 32, Choices: 8}, 14400, 14336},
		{"part of a scale block", plan.DispatchRow(plan.FP8, 131, 1), plan.Row{Payload: 131, Scales: 8, Meta: 8, Choices: 1}, 192, 143},
		{"a whole line", plan.DispatchRow(plan.FP8, 116, 1), plan.Row{Payload: 116, Scales: 4, Meta: 8, Choices: 1}, 128, 124},
	} {
		if c.got != c.want || c.got.Stride() != c.stride || c.got.WeightsAt() != c.weightsAt {
			t.Errorf("%s: %+v, stride %d, weights at %d; want %+v, %d, %d", c.name, c.got, c.got.Stride(), c.got.WeightsAt(), c.want, c.stride, c.weightsAt)
		}
		if c.got.Size() != c.got.Bytes()+c.got.Meta {
			t.Errorf("%s: size %d", c.name, c.got.Size())
		}
	}
	if r := plan.DispatchRow(plan.FP8, 7168, 8); r.Bytes() != 7392 {
		t.Errorf("%d bytes a token", r.Bytes())
	}
	for _, d := range []plan.DType{plan.FP8, plan.BF16} {
		if got, err := plan.ParseDType(d.String()); got != d || err != nil {
			t.Errorf("ParseDType(%q) = %v, %v", d, got, err)
		}
	}
	if _, err := plan.ParseDType("fp16"); err == nil {
		t.Error("fp16 was read as a type")
	}
}
