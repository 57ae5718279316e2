package bench

import (
	"slices"
	"testing"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/transport/drivertest"
	"github.com/commbench/commbench/transport/mem"
)

func TestSchedule(t *testing.T) {
	for _, c := range []struct {
		name          string
		op            string
		baseline      plan.Algorithm
		warmup, iters int
		want          []batch
	}{
		{"dispatches alternate one by one", record.Dispatch, plan.AlgDirect, 2, 3, []batch{{1, 0}, {1, 0}, {0, 1}, {0, 1}, {0, 1}}},
		{"no warm-up", record.Dispatch, "", 0, 2, []batch{{0, 1}, {0, 1}}},
		{"combines alone in one block", record.Combine, "", 3, 10, []batch{{3, 10}}},
		{"combines in two blocks", record.Combine, plan.AlgDirect, 1, 10, []batch{{1, 5}, {1, 5}}},
		{"the first block is the longer one", record.Roundtrip, plan.AlgDirect, 2, 5, []batch{{1, 3}, {1, 2}}},
		{"each block warms up", record.Roundtrip, plan.AlgDirect, 3, 4, []batch{{2, 2}, {2, 2}}},
		{"no warm-up of blocks", record.Combine, plan.AlgDirect, 0, 2, []batch{{0, 1}, {0, 1}}},
		{"one combine cannot be two blocks", record.Combine, plan.AlgDirect, 2, 1, []batch{{2, 1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := Config{Op: c.op, Algorithm: plan.AlgTwoHop, Baseline: c.baseline, Warmup: c.warmup, Iterations: c.iters}
			got := config.schedule()
			if !slices.Equal(got, c.want) {
				t.Errorf("batches %v, want %v", got, c.want)
			}
			timed := 0
			for _, b := range got {
				timed += b.timed
			}
			if timed != c.iters {
				t.Errorf("%d timed iterations, want %d", timed, c.iters)
			}
		})
	}
}

// After spoil nothing that an iteration has written passes for right.
func TestSpoil(t *testing.T) {
	for _, op := range []string{record.Dispatch, record.Combine} {
		for _, alg := range plan.Algorithms {
			d := mem.New()
			c := Config{Op: op, Algorithm: alg, Nodes: 2, GPUsPerNode: 2, Experts: 8, TopK: 3, Tokens: 20, Hidden: 64, Routing: "uniform",
				Expand: op == record.Dispatch, Iterations: 1, ScaleUp: d, ScaleOut: d}.defaults()
			s, err := prepare(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			h, err := s.group.NewHandle(alg)
			if err != nil {
				t.Fatal(err)
			}
			r := &runner{setting: s}
			one := &side{alg: alg, handle: h, ops: map[string]*series{}}
			if err := r.turn(t.Context(), one, batch{0, 1}, true); err != nil {
				t.Fatal(err)
			}
			check, all := func() *verdict { return s.checkCombine(alg) }, int64(4*20)
			if op == record.Dispatch {
				check, all = func() *verdict { return s.checkDispatch(one) }, 0
				for i, p := range h.Plans {
					all += int64(p.RecvRows())
					if !alg.ByExpert() { // and the expanded ones, which have no padding here
						for _, n := range h.Plans[i].Received() {
							all += int64(n)
						}
					}
				}
			}
			if v := check(); v.rows != 0 {
				t.Errorf("%s by %s: %d rows differ: %v", op, alg, v.rows, v.first)
			}
			s.spoil(alg, op == record.Combine)
			if v := check(); v.rows != all || v.wrong() != 4*20 {
				t.Errorf("%s by %s: %d rows and %d tokens differ after all %d and %d were overwritten", op, alg, v.rows, v.wrong(), all, 4*20)
			}
			if err := s.group.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestDefaults(t *testing.T) {
	c := Config{Op: record.Dispatch, Baseline: plan.AlgTwoHop}.defaults()
	if c.Algorithm != plan.AlgTwoHop || c.Baseline != "" {
		t.Errorf("algorithm %q against %q: one is no baseline of itself", c.Algorithm, c.Baseline)
	}
	if c.Channels != 10 || c.Chunk != 2 || c.Workers < 1 || c.Alignment != 1 || c.Check != CheckLast || c.Timeout != DefaultTimeout || c.ExchangeBytes != DefaultExchangeBytes {
		t.Errorf("%+v", c)
	}
	if c.Warmup != 0 || c.Iterations != 0 {
		t.Errorf("%d and %d iterations: 0 is a number, not a default", c.Warmup, c.Iterations)
	}
}

// The flat all-to-all goes in as few rounds as its buffers allow, and never in
// blocks of less than a token.
func TestRounds(t *testing.T) {
	row := int64(plan.DispatchRow(plan.FP8, 7168, 1).Stride())
	const ranks, tokens, topK = 32, 4096, 8
	all := ranks * tokens * topK * row
	for _, c := range []struct {
		exchange int64
		channels int
		want     int
	}{
		{all + 1, 10, 1}, {all, 10, 2}, {all / 2, 10, 3}, {all / 16, 10, 17}, {1, 10, tokens / 10}, {1, 5000, 1}, {-1, 10, 1},
	} {
		config := Config{Op: record.Dispatch, DType: plan.FP8, Hidden: 7168, Tokens: tokens, TopK: topK, Channels: c.channels, ExchangeBytes: c.exchange}
		if got := config.rounds(ranks); got != c.want {
			t.Errorf("%d bytes, %d channels: %d rounds, want %d", c.exchange, c.channels, got, c.want)
		}
	}
}

// What is said to be needed is at least what the arenas of a small run have in
// them: the bound is there to refuse, not to guess.
func TestNeedIsWhatIsTouched(t *testing.T) {
	for _, op := range []string{record.Dispatch, record.Combine, record.Roundtrip} {
		for _, alg := range plan.Algorithms {
			d := mem.New()
			c := Config{Op: op, Algorithm: alg, Nodes: 2, GPUsPerNode: 2, Experts: 8, TopK: 3, Tokens: 40, Hidden: 1024, Routing: "balanced",
				Bias: 1, Expand: op == record.Dispatch, Iterations: 1, ScaleUp: d, ScaleOut: d}.defaults()
			s, err := prepare(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			e := *s.group.Config()
			plans, err := e.Size(s.tables)
			if err != nil {
				t.Fatal(err)
			}
			size, err := e.ArenaSize()
			if err != nil {
				t.Fatal(err)
			}
			// Every rank receives about as much in this routing, and all rows are used. Notes
			// and pages are left out.
			arena, needed := int64(size*s.group.Ranks()), need(&s.c, &e, plans)-s.c.control(s.place)
			if alg == plan.AlgLowLatency { // of its slots those are used that messages and outputs come to
				slots := 0
				if s.c.dispatches() {
					slots += (8*40*4 - 40*3*4) * alg.DispatchRow(plan.FP8, 1024, 3).Stride()
				}
				if s.c.combines() {
					slots += (8*40*4 - 40*3*4) * alg.CombineRow(1024, 3).Stride()
				}
				arena -= int64(slots)
			}
			if float64(needed) < 0.9*float64(arena) {
				t.Errorf("%s by %s: %d bytes are needed, the arenas have %d", op, alg, needed, arena)
			}
			if err := s.group.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// Without mapped memory a combine needs as much more as it writes to mirrors, most
// rows of which are never touched.
func TestNeedOfMirrors(t *testing.T) {
	for _, alg := range plan.Algorithms {
		d := mem.New()
		c := Config{Op: record.Combine, Algorithm: alg, Nodes: 2, GPUsPerNode: 3, Experts: 12, TopK: 3, Tokens: 20, Hidden: 64, Routing: "zipf:1",
			Iterations: 1, ScaleUp: drivertest.Bare(d), ScaleOut: d}.defaults()
		s, err := prepare(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		h, err := s.group.NewHandle(alg)
		if err != nil {
			t.Fatal(err)
		}
		r := &runner{setting: s}
		if err := r.turn(t.Context(), &side{alg: alg, handle: h, ops: map[string]*series{}}, batch{0, 1}, true); err != nil {
			t.Fatal(err)
		}
		touched := int64(0)
		for i := range s.group.Ranks() {
			mirror := s.group.Mirror(i, alg)
			for k := range mirror.Len() {
				if slices.ContainsFunc(mirror.At(k), func(b byte) bool { return b != 0 }) {
					touched += int64(mirror.Stride())
				}
			}
		}
		if (touched == 0) != alg.ByExpert() {
			t.Errorf("%s: %d bytes of mirrors were touched", alg, touched)
		}
		without, with := *s.group.Config(), *s.group.Config()
		without.ScaleUp = d
		plans, err := with.Size(s.tables)
		if err != nil {
			t.Fatal(err)
		}
		if more := need(&s.c, &with, plans) - need(&s.c, &without, plans); more != touched {
			t.Errorf("%s: %d bytes more are needed, of mirrors %d were touched", alg, more, touched)
		}
		if err := s.group.Close(); err != nil {
			t.Error(err)
		}
	}
}
