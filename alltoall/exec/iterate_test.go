package exec_test

import (
	"fmt"
	"testing"

	"github.com/commbench/commbench/alltoall/exec"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/ref"
	"github.com/commbench/commbench/alltoall/routing"
)

func TestNothingIsAllocated(t *testing.T) {
	s := shape{2, 3, 12, 4, 0}
	tables := generate(t, s, load{routing: "zipf:1", tokens: 40, masked: 0.1}, 1)
	for _, alg := range plan.Algorithms {
		for name, newDriver := range drivers {
			for _, workers := range []int{1, 3} {
				t.Run(fmt.Sprintf("%s/%s/%d workers", alg, name, workers), func(t *testing.T) {
					d := newDriver()
					c := config(t, alg, s, tables)
					c.ScaleUp, c.ScaleOut, c.Workers = d, d, workers
					cl := open(t, c, tables)
					for _, phase := range phases(alg) {
						// The first run grows the handle's slices. Workers that sleep get a timer
						// from the runtime, once each, and a place to park; in 100 runs that is nothing.
						cl.must(phase, phase, phase)
						if n := testing.AllocsPerRun(100, func() { cl.must(phase) }); n != 0 {
							t.Errorf("%s: %v allocations", phase, n)
						}
					}
				})
			}
		}
	}
}

// The bytes of a run depend on the routing alone: not on how many workers there
// are, nor on how the work is cut up, nor on whether memory is mapped.
func TestOutputIsTheSameHoweverItIsMoved(t *testing.T) {
	s := shape{3, 2, 12, 4, 0}
	tables := generate(t, s, load{routing: "zipf:1", tokens: 45, masked: 0.2, ragged: true}, 4)
	for _, alg := range plan.Algorithms {
		var want []string
		for _, workers := range []int{1, 2, 5} {
			for _, channels := range []int{1, 3, 10} {
				for _, chunk := range []int{1, 8} {
					c := config(t, alg, s, tables)
					c.Workers, c.Channels, c.Chunk = workers, channels, chunk
					c.StreamAbove = chunk - 1 // 0 is the default, which is more than these tokens take
					if channels == 3 {
						c.ScaleUp = newUnmapped()
					}
					got := open(t, c, tables).hashes()
					if want == nil {
						want = got
					}
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("%s: %d workers, %d channels, chunk %d: received and combined rows are %v, want %v", alg, workers, channels, chunk, got, want)
					}
				}
			}
		}
	}
}

// Where memory is not mapped outputs are put to who adds them up: a bounded run of
// rows in a step, but at least one. What comes of them is the same.
func TestMirror(t *testing.T) {
	const step = 256 << 10
	for _, s := range []shape{{1, 2, 4, 2, 0}, {3, 2, 12, 4, 0}, {2, 5, 10, 2, 0}} {
		for _, hidden := range []int{24, 20_000, 140_000} {
			if s.nodes > 1 && hidden > 20_000 {
				continue // for the sake of time
			}
			tables := generate(t, s, load{routing: "zipf:1", tokens: 12, ragged: true, masked: 0.1}, 4)
			for _, alg := range []plan.Algorithm{plan.AlgTwoHop, plan.AlgDirect} {
				c := config(t, alg, s, tables)
				c.ScaleUp, c.Hidden, c.Dispatch, c.Expand = newUnmapped(), hidden, false, false
				cl := open(t, c, tables)
				cl.must("notify")
				cl.answer(tables)
				before := cl.moved()
				cl.must("combine")
				cl.checkCombined(tables)
				after, row := cl.moved(), cl.g.Y(0, alg).Row
				want := make([]int64, len(tables)) // puts to each rank's mirror
				most := max(1, step/row.Stride())
				for to, rows := range cl.rows(tables) {
					from := map[int]int{} // rows by source
					for _, r := range rows {
						from[r.Rank]++
					}
					for src, n := range from {
						adds := c.Place.Rank(c.Place.Node(to), c.Place.Index(src))
						if adds != to && (alg == plan.AlgTwoHop || adds == src) {
							want[adds] += int64((n + most - 1) / most)
						}
					}
				}
				got := make([]int64, len(tables))
				for i := range after {
					for index := range after[i].up {
						got[c.Place.Rank(c.Place.Node(i), index)] += after[i].up[index].Puts - before[i].up[index].Puts
					}
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s, %+v, hidden %d: %v puts to the ranks' mirrors, want %v", alg, s, hidden, got, want)
				}
			}
		}
	}
}

// hashes runs an iteration and returns digests of what every rank received, laid
// out by expert and combined.
func (c *cluster) hashes() (digests []string) {
	c.t.Helper()
	c.must("notify", "dispatch")
	if !c.alg.ByExpert() {
		c.must("expand")
	}
	for i := range c.g.Ranks() {
		if c.alg.ByExpert() {
			// Padding between experts is left as it was.
			c.checkReceived(c.tables)
			continue
		}
		digests = append(digests, hash(c.g.Recv(i, c.alg), c.h.Plans[i].RecvRows()))
		counts := c.h.Plans[i].Received()
		base := make([]int32, len(counts)+1)
		plan.ExpertRows(base, counts, c.g.Config().Alignment)
		digests = append(digests, hash(c.g.Expanded(i, c.alg), int(base[len(counts)])))
	}
	c.answer(c.tables)
	c.must("combine")
	for i := range c.g.Ranks() {
		digests = append(digests, hash(c.g.Out(i), c.tables[i].Tokens))
	}
	c.checkCombined(c.tables)
	return digests
}

// One iteration after another, over all kinds of routing, on one group.
func TestHandleForManyRoutings(t *testing.T) {
	s := shape{3, 5, 45, 3, 2}
	for _, alg := range plan.Algorithms {
		c := config(t, alg, s, nil)
		c.MaxTokens = 40
		c.Limits = map[plan.Algorithm]exec.Limits{alg: {RecvRows: 15 * 40 * 3, ExpandedRows: 15*40*3 + 9, PackRows: 40 * 3, ExchangeRows: 15 * 40 * 3}}
		cl := open(t, c, nil)
		for seed := range uint64(3) {
			for _, l := range loads {
				cl.tables = generate(t, s, l, seed)
				cl.fill(cl.tables)
				cl.iterate()
			}
		}
	}
}

// A handle that has a plan moves whatever the tokens are now.
func TestCachedDispatch(t *testing.T) {
	s := shape{2, 2, 8, 3, 0}
	tables := generate(t, s, loads[0], 1)
	for _, alg := range plan.Algorithms {
		c := open(t, config(t, alg, s, tables), tables)
		c.must("notify")
		for seed := range uint64(4) {
			c.payload.Seed = seed
			c.fill(tables)
			c.must("dispatch")
			c.checkReceived(tables)
			c.answer(tables)
			c.must("combine", "combine")
			c.checkCombined(tables)
		}
	}
}

// Two plans of one group take turns, each with its own routing.
func TestTwoHandles(t *testing.T) {
	s := shape{2, 2, 8, 3, 0}
	for _, alg := range plan.Algorithms {
		tables := [2][]routing.Table{generate(t, s, loads[0], 1), generate(t, s, load{routing: "zipf:1.5", tokens: 21, ragged: true}, 2)}
		c := config(t, alg, s, tables[0])
		c.Limits = map[plan.Algorithm]exec.Limits{alg: {RecvRows: 400, ExpandedRows: 400, PackRows: 100, ExchangeRows: 400}}
		cl := open(t, c, tables[0])
		var handles [2]*exec.Handle
		for i := range handles {
			h, err := cl.g.NewHandle(alg)
			if err != nil {
				t.Fatal(err)
			}
			handles[i] = h
			if _, _, err := cl.g.Notify(ctx, h, tables[i]); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 6 {
			cl.h, cl.tables = handles[i%2], tables[i%2]
			cl.payload.Seed = uint64(i)
			cl.fill(cl.tables)
			cl.must("dispatch")
			cl.checkReceived(cl.tables)
			cl.answer(cl.tables)
			cl.must("combine")
			cl.checkCombined(cl.tables)
		}
	}
}

// Algorithms of one group share memory and take turns.
func TestTwoAlgorithmsTakeTurns(t *testing.T) {
	s := shape{2, 2, 8, 3, 0}
	tables := generate(t, s, loads[0], 1)
	c := config(t, plan.AlgTwoHop, s, tables)
	c.Algorithms = plan.Algorithms
	cl := open(t, c, tables)
	for i := range 2 * len(plan.Algorithms) {
		cl.alg = plan.Algorithms[i%len(plan.Algorithms)]
		h, err := cl.g.NewHandle(cl.alg)
		if err != nil {
			t.Fatal(err)
		}
		cl.h = h
		cl.iterate()
	}
}

// Expanded layouts have zeros between one expert's rows and the next's.
func TestExpandedPaddingIsZero(t *testing.T) {
	s := shape{1, 2, 8, 3, 0}
	tables := generate(t, s, load{routing: "uniform", tokens: 7}, 1)
	c := config(t, plan.AlgDirect, s, tables)
	c.Alignment = 16
	cl := open(t, c, tables)
	for i := range cl.g.Ranks() {
		rows := cl.g.Expanded(i, cl.alg)
		for k := range rows.Len() {
			for j := range rows.At(k) {
				rows.At(k)[j] = 0xff
			}
		}
	}
	cl.must("notify", "dispatch", "expand")
	token := make([]byte, plan.DispatchRow(plan.FP8, c.Hidden, s.topK).Size())
	cl.alg = plan.AlgAllToAll // whose rows lie as expanded ones do
	for to, rows := range cl.rows(tables) {
		got := cl.g.Expanded(to, plan.AlgDirect)
		for k, row := range rows {
			clear(token)
			if row.Token >= 0 {
				experts, weights := tables[row.Rank].Row(row.Token)
				cl.payload.Token(token, row.Rank, row.Token, experts, weights)
			}
			if string(got.At(k)) != string(token) {
				t.Fatalf("rank %d: expanded row %d is not %+v", to, k, row)
			}
		}
	}
}

// One worker steps the roles of 64 ranks, none of which can go on alone.
func TestOneWorkerForManyRanks(t *testing.T) {
	s := shape{8, 8, 64, 8, 4}
	tables := generate(t, s, load{routing: "grouped", tokens: 24}, 1)
	for _, alg := range plan.Algorithms {
		c := config(t, alg, s, tables)
		c.Workers, c.Hidden, c.Chunk = 1, 8, 1
		open(t, c, tables).iterate()
	}
}

// Every rank takes its time, the slowest one the longest.
func TestPhases(t *testing.T) {
	s := shape{2, 2, 8, 3, 0}
	tables := generate(t, s, loads[0], 1)
	c := open(t, config(t, plan.AlgTwoHop, s, tables), tables)
	layout, notify, err := c.g.Notify(ctx, c.h, tables)
	if err != nil {
		t.Fatal(err)
	}
	dispatch, err := c.g.Dispatch(ctx, c.h)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]exec.Phase{"layout": layout, "notify": notify, "dispatch": dispatch} {
		if len(p.Ranks) != 4 || p.Fastest() <= 0 || p.Fastest() > p.Slowest() {
			t.Errorf("%s: ranks took %v, from %v to %v", name, p.Ranks, p.Fastest(), p.Slowest())
		}
		for _, d := range p.Ranks {
			if d < p.Fastest() || d > p.Slowest() {
				t.Errorf("%s: ranks took %v, from %v to %v", name, p.Ranks, p.Fastest(), p.Slowest())
			}
		}
	}
}

// A rank's bias rows are added last.
func TestBias(t *testing.T) {
	s := shape{2, 1, 4, 1, 0}
	tables := generate(t, s, load{routing: "uniform", tokens: 9, masked: 1}, 1)
	for _, alg := range plan.Algorithms {
		c := config(t, alg, s, tables)
		c.Bias, c.Hidden = 2, 16
		cl := open(t, c, tables)
		for r := range tables {
			for b := range c.Bias {
				for i := range tables[r].Tokens {
					cl.payload.Bias(cl.g.Bias(r, b).At(i), r, i, b)
				}
			}
		}
		cl.must("notify", "combine")
		for r := range tables {
			for i := range tables[r].Tokens {
				var rows [2][]uint16
				for b := range rows {
					row := make([]byte, 2*c.Hidden)
					cl.payload.Bias(row, r, i, b)
					rows[b] = values(row)
				}
				got := values(cl.g.Out(r).At(i)[:2*c.Hidden])
				for j, v := range got {
					if want := ref.ToBF16(ref.FromBF16(rows[0][j]) + ref.FromBF16(rows[1][j])); v != want {
						t.Fatalf("%s: rank %d, token %d: value %d is %#04x, want %#04x", alg, r, i, j, v, want)
					}
				}
			}
		}
	}
}
