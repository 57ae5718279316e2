package plan_test

import (
	"fmt"
	"testing"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/routing"
)

// ranks are the plans of all ranks, to be made again and again.
type ranks struct {
	plans []plan.Plan
	peers [][plan.NoteRounds][]int
	note  []byte
}

func newRanks(t testing.TB, alg plan.Algorithm, c plan.Config) *ranks {
	t.Helper()
	all := &ranks{}
	most := 0
	for r := range c.Place.Ranks() {
		p, err := plan.New(alg, c, r)
		if err != nil {
			t.Fatal(err)
		}
		var peers [plan.NoteRounds][]int
		for round := range peers {
			peers[round] = p.Peers(round)
			most = max(most, p.MaxNote(round))
		}
		all.plans, all.peers = append(all.plans, p), append(all.peers, peers)
	}
	all.note = make([]byte, 0, most)
	return all
}

// make makes all plans for the routing, as Build does but without new memory.
func (all *ranks) make(tables []routing.Table) error {
	for r, p := range all.plans {
		p.Route(&tables[r])
	}
	for round := range plan.NoteRounds {
		for r, p := range all.plans {
			for _, peer := range all.peers[r][round] {
				note := p.AppendNote(round, peer, all.note)
				if err := all.plans[peer].TakeNote(round, r, note); err != nil {
					return err
				}
			}
		}
		for _, p := range all.plans {
			if err := p.Seal(round); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	s, l := shape{3, 5, 45, 3, 2}, load{routing: "zipf:1", tokens: 50, masked: 0.1, ragged: true}
	tables := generate(t, s, l)
	for _, alg := range plan.Algorithms {
		all := newRanks(t, alg, config(t, s, l, splits[1]))
		if n := testing.AllocsPerRun(5, func() {
			if err := all.make(tables); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations to make %d plans again", alg, n, len(all.plans))
		}
	}
}

// A plan that held another routing before is the plan of the new one.
func TestReusedPlansForgetEverything(t *testing.T) {
	s := shape{3, 5, 45, 3, 2}
	large := load{routing: "uniform", tokens: 60}
	c := config(t, s, large, splits[1])
	for _, alg := range plan.Algorithms {
		all := newRanks(t, alg, c)
		for _, l := range append([]load{large}, loads...) {
			tables := generate(t, s, l)
			if err := all.make(tables); err != nil {
				t.Fatal(err)
			}
			checkSlots(t, alg, c, tables, all.plans)
			checkLayouts(t, c, tables, all.plans)
			checkBooks(t, c, all.plans)
			checkLedgers(t, alg, c, tables, all.plans)
		}
	}
}

// BenchmarkPlan is what one iteration spends before a token moves: the layouts
// and notes of all 32 ranks, on one core.
func BenchmarkPlan(b *testing.B) {
	s, l := shape{4, 8, 256, 8, 4}, load{routing: "uniform", tokens: 4096}
	tables := generate(b, s, l)
	for _, alg := range plan.Algorithms {
		b.Run(fmt.Sprintf("algorithm=%s", alg), func(b *testing.B) {
			all := newRanks(b, alg, config(b, s, l, split{10, 8, 1, 1}))
			if err := all.make(tables); err != nil { // the first one takes memory
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := all.make(tables); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(tables)*l.tokens*b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}
