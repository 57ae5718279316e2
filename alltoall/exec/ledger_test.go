package exec_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/alltoall/exec"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/transport"
)

var shapes = []shape{
	{1, 1, 4, 2, 0},
	{1, 8, 32, 6, 0},
	{2, 1, 4, 2, 0},
	{2, 10, 40, 8, 1},
	{3, 5, 45, 3, 2},
}

var loads = []load{
	{"uniform", "uniform", 33, 0, false, 0},
	{"zipf-masked", "zipf:1.2", 20, 0.4, false, 0},
	{"ragged-empty", "lognormal:1", 40, 0, true, 1},
	{"all-masked", "uniform", 5, 1, false, 0},
	{"no-token", "uniform", 0, 0, false, 0},
}

// splits are channels, chunk and rounds.
var splits = [][3]int{{1, 1, 1}, {3, 4, 3}, {10, 8, 1}, {35, 2, 2}}

// What the ranks have moved is what their plans predict, link by link, and what
// went through their transport channels.
func TestLedgersAreWhatThePlansPredict(t *testing.T) {
	for _, alg := range plan.Algorithms {
		for _, s := range shapes {
			for _, l := range loads {
				for i, sp := range splits {
					if i != 1 && (testing.Short() || s.nodes*s.gpus > 8) {
						continue // for the sake of time
					}
					t.Run(fmt.Sprintf("%s/%dx%d/%s/%v", alg, s.nodes, s.gpus, l.name, sp), func(t *testing.T) {
						tables := generate(t, s, l, 2)
						c := config(t, alg, s, tables)
						c.Hidden, c.Channels, c.Chunk, c.Rounds = 8, sp[0], sp[1], sp[2]
						checkLedgers(t, open(t, c, tables))
						c.ScaleUp, c.Limits = newUnmapped(), nil
						checkLedgers(t, open(t, c, tables))
					})
				}
			}
		}
	}
}

func checkLedgers(t *testing.T, c *cluster) {
	t.Helper()
	for range 2 { // the second iteration must not add to the first one's counts
		c.must("notify")
		before := c.moved()
		c.must("dispatch")
		c.checkLedgers("dispatch", before, c.g.Recv(0, c.alg).Row, plan.Plan.Dispatch)
		if !c.alg.ByExpert() {
			c.must("expand")
			row := c.g.Recv(0, c.alg).Row
			c.checkLedgers("expanded dispatch", before, row, func(p plan.Plan, l *plan.Ledger, row plan.Row) {
				p.Dispatch(l, row)
				for _, n := range p.Received() {
					l.Unpack(int(n), &row)
				}
			})
		}
		c.answer(c.tables)
		before = c.moved()
		c.must("combine")
		c.checkLedgers("combine", before, c.g.Y(0, c.alg).Row, plan.Plan.Combine)
	}
}

// counters are a rank's transport counters, by peer and by in-node index.
type counters struct{ out, up []transport.Counters }

func (c *cluster) moved() []counters {
	all := make([]counters, c.g.Ranks())
	for i := range all {
		all[i].out, all[i].up = c.g.Moved(i)
	}
	return all
}

func (c *cluster) checkLedgers(op string, before []counters, row plan.Row, predict func(plan.Plan, *plan.Ledger, plan.Row)) {
	c.t.Helper()
	after := c.moved()
	cfg := c.g.Config()
	for i, got := range c.g.Ledgers() {
		want := &plan.Ledger{ScaleOut: make([]plan.Link, cfg.Place.Ranks()), ScaleUp: make([]plan.Link, cfg.Place.GPUsPerNode)}
		predict(c.h.Plans[i], want, row)
		if !reflect.DeepEqual(want, got) {
			c.t.Fatalf("%s: ledger of rank %d (-predicted +moved):\n%s", op, i, cmp.Diff(want, got))
		}
		for peer, k := range got.ScaleOut {
			if err := c.checkLink(k, before[i].out[peer], after[i].out[peer], row, false, c.alg == plan.AlgAllToAll); err != nil {
				c.t.Fatalf("%s: rank %d to rank %d: %v", op, i, peer, err)
			}
		}
		for index, k := range got.ScaleUp {
			reads := op == "combine" && !c.alg.ByExpert()
			if c.alg == plan.AlgPXN && op == "combine" {
				// Some are loaded, or put as runs, and some are put to who passes them on.
				moved := after[i].up[index].Puts - before[i].up[index].Puts
				if signals := after[i].up[index].Signals - before[i].up[index].Signals; signals != k.Signals || moved > k.Tokens {
					c.t.Fatalf("%s: rank %d to in-node index %d: %d puts and %d signals, the ledger has %+v", op, i, index, moved, signals, k)
				}
				continue
			}
			mirrors := reads && cfg.Mirrored() && index != cfg.Place.Index(i)
			if err := c.checkLink(k, before[i].up[index], after[i].up[index], row, reads && !mirrors, c.alg == plan.AlgAllToAll || mirrors); err != nil {
				c.t.Fatalf("%s: rank %d to in-node index %d: %v", op, i, index, err)
			}
		}
	}
}

// checkLink compares what was charged with what the transport has counted. Loads
// are reads of memory and no verbs. Where a put may be a run of rows, the gaps
// between them go along.
func (c *cluster) checkLink(k plan.Link, before, after transport.Counters, row plan.Row, loads, runs bool) error {
	want := transport.Counters{Puts: k.Tokens, Bytes: k.Bytes + k.Meta, Signals: k.Signals}
	if loads {
		want.Puts, want.Bytes = 0, 0
	}
	got := transport.Counters{Puts: after.Puts - before.Puts, Bytes: after.Bytes - before.Bytes, Signals: after.Signals - before.Signals}
	if runs && k.Tokens > 0 {
		gaps := (k.Tokens - got.Puts) * int64(row.Stride()-row.Size())
		if got.Puts < 1 || got.Puts > k.Tokens {
			return fmt.Errorf("%d puts for %d rows", got.Puts, k.Tokens)
		}
		want.Puts, want.Bytes = got.Puts, want.Bytes+gaps
	}
	if got != want {
		return fmt.Errorf("the transport has moved %+v, the ledger says %+v", got, want)
	}
	return nil
}

// The shape of a row is the algorithm's: all choices travel with a token, or the
// one that a copy is for.
func TestRowsOfAlgorithms(t *testing.T) {
	s := shape{1, 2, 8, 3, 0}
	tables := generate(t, s, loads[0], 1)
	for _, alg := range plan.Algorithms {
		c := open(t, config(t, alg, s, tables), tables)
		for what, got := range map[string]exec.Rows{"recv": c.g.Recv(1, alg), "y": c.g.Y(1, alg)} {
			want := alg.DispatchRow(plan.FP8, 40, 3)
			if what == "y" {
				want = alg.CombineRow(40, 3)
			}
			if got.Row != want || len(got.At(0)) != want.Size() || cap(got.At(0)) != want.Size() {
				t.Errorf("%s: %s has rows %+v, want %+v", alg, what, got.Row, want)
			}
			if got.Len() < c.h.Plans[1].RecvRows() {
				t.Errorf("%s: %s has room for %d rows", alg, what, got.Len())
			}
		}
		if x := c.g.X(1); x.Row != plan.DispatchRow(plan.FP8, 40, 3) || x.Len() != 33 {
			t.Errorf("%s: tokens %+v", alg, x.Row)
		}
		if out := c.g.Out(1); out.Row != plan.CombineRow(40, 3) || out.Len() != 33 {
			t.Errorf("%s: combined tokens %+v", alg, out.Row)
		}
		if c.g.Ranks() != 2 || c.g.Rank(1) != 1 {
			t.Errorf("%s: %d ranks", alg, c.g.Ranks())
		}
	}
}

func TestArenaSizeGrowsWithLimits(t *testing.T) {
	s := shape{2, 2, 8, 3, 0}
	tables := generate(t, s, loads[0], 1)
	for _, alg := range plan.Algorithms {
		c := config(t, alg, s, tables)
		if _, err := c.Size(tables); err != nil {
			t.Fatal(err)
		}
		before, err := c.ArenaSize()
		if err != nil {
			t.Fatal(err)
		}
		l := c.Limits[alg]
		l.RecvRows += 1000
		c.Limits[alg] = l
		if after, err := c.ArenaSize(); err != nil || after < before+1000*c.Hidden {
			t.Errorf("%s: %d bytes, and %d for 1000 rows more (%v)", alg, before, after, err)
		}
	}
}
