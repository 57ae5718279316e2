package routing

import (
	"math"
	"strings"
	"testing"

	"github.com/commbench/commbench/alltoall/topo"
)

func TestMeasure(t *testing.T) {
	p := placed(t, 2, 2, 8) // two experts a rank
	tables := []Table{
		{Tokens: 3, TopK: 3, Experts: []int32{
			0, 1, 2, // ranks 0 and 1 of node 0
			0, -1, 7, // ranks 0 and 3, nodes 0 and 1
			-1, -1, -1, // no choice
		}, Weights: make([]float32, 9)},
		{Tokens: 0, TopK: 3},
		{Tokens: 1, TopK: 3, Experts: []int32{0, 4, 6}, Weights: make([]float32, 3)},  // ranks 0, 2 and 3, both nodes
		{Tokens: 1, TopK: 3, Experts: []int32{2, -1, 3}, Weights: make([]float32, 3)}, // rank 1
	}
	want := Stats{
		Tokens: 5, Active: 4, Choices: 10, Masked: 5, Rows: 8,
		NodesPerToken: 6.0 / 4, RanksPerToken: 8.0 / 4,
		HotRank:    Hottest{ID: 0, Load: 3, OverMean: 3 * 4 / 8.0},
		HotExpert:  Hottest{ID: 0, Load: 3, OverMean: 3 * 8 / 10.0},
		EmptyRanks: 1, MinTokens: 0, MaxTokens: 3,
	}
	if got := Measure(p, tables); got != want {
		t.Errorf("%+v, want\n%+v", got, want)
	}
}

func TestMeasureOfNothing(t *testing.T) {
	p := placed(t, 1, 2, 4)
	if got, want := Measure(p, []Table{{TopK: 2}, {TopK: 2}}), (Stats{EmptyRanks: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := Measure(topo.Placement{}, nil); got != (Stats{}) {
		t.Errorf("%+v, want zeros", got)
	}
}

func TestExpected(t *testing.T) {
	for groups, want := range map[int]float64{1: 1, 2: 1.993, 4: 3.614, 8: 5.295, 16: 6.523, 32: 7.267, 256: 8} {
		if got := Expected(256, 8, groups); math.Abs(got-want) > 0.0005 {
			t.Errorf("q(%d) = %.4f, want %.3f", groups, got, want)
		}
	}
	if got := Expected(8, 8, 4); got != 4 {
		t.Errorf("all experts chosen reach %v of 4 groups", got)
	}
	for _, bad := range [][3]int{{0, 1, 1}, {8, 9, 2}, {8, 2, 0}, {8, 2, 3}, {8, -1, 2}} {
		if got := Expected(bad[0], bad[1], bad[2]); !math.IsNaN(got) {
			t.Errorf("Expected(%v) = %v", bad, got)
		}
	}
}

func TestValidate(t *testing.T) {
	good := func() Table {
		return Table{Tokens: 2, TopK: 2, Experts: []int32{0, 3, -1, -1}, Weights: []float32{0.5, 0.5, 0, 0}}
	}
	if err := good().Validate(4); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		change func(*Table)
		want   string
	}{
		{func(t *Table) { t.Experts = t.Experts[:3] }, "holds 3 experts and 4 weights: want 4 of each"},
		{func(t *Table) { t.Weights = nil }, "holds 4 experts and 0 weights: want 4 of each"},
		{func(t *Table) { t.Tokens = -1 }, "table of -1 tokens"},
		{func(t *Table) { t.TopK = 0 }, "with top-0"},
		{func(t *Table) { t.Tokens, t.TopK = math.MaxInt, 1024 }, "at most 268435456 choices"},
		{func(t *Table) { t.Experts[3] = 4 }, "token 1, choice 1: expert 4: want 0 to 3, or -1 for none"},
		{func(t *Table) { t.Experts[2] = -2 }, "token 1, choice 0: expert -2"},
		{func(t *Table) { t.Experts[1] = 0 }, "token 0, choice 1: expert 0 is chosen already"},
		{func(t *Table) { t.Weights[0] = float32(math.NaN()) }, "token 0, choice 0: weight NaN"},
		{func(t *Table) { t.Weights[1] = float32(math.Inf(-1)) }, "token 0, choice 1: weight -Inf"},
		{func(t *Table) { t.Weights[2] = 0.1 }, "token 1, choice 0: weight 0.1 of a masked choice: want 0"},
	} {
		table := good()
		c.change(&table)
		if err := table.Validate(4); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want an error that says %q", err, c.want)
		}
	}
	for _, experts := range []int{0, -1, MaxExperts + 1} {
		if err := good().Validate(experts); err == nil {
			t.Errorf("valid for %d experts", experts)
		}
	}
}
