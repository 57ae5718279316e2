package routing

import (
	"math"
	"slices"
	"testing"
)

// Where tokens share shapes, each of them is still what the gate draws: distinct experts
// within the limit, with its weights, and as many nodes and ranks reached, and every
// expert as often.
func TestSharedShapes(t *testing.T) {
	for _, text := range []string{"uniform", "grouped"} {
		spec := Spec{Placement: placed(t, 16, 8, 256), Tokens: 500, TopK: 8, Groups: 4, Seed: 3}
		if sharesShapes(spec) {
			t.Fatal("so few tokens share shapes")
		}
		limit := mustOpen(t, text).pattern.limit(spec)
		own := Measure(spec.Placement, mustGenerate(t, text, spec))

		shapes := newTable(shapesShared, spec.TopK)
		newScreen(spec, limit, slices.Repeat([]float64{1}, 256)).fill(0, shapes)
		fill := relabel(spec, shapes)
		tables := make([]Table, spec.Placement.Ranks())
		counts := make([]float64, 256)
		for rank := range tables {
			tables[rank] = newTable(spec.Tokens, spec.TopK)
			fill(rank, tables[rank])
			if err := tables[rank].Validate(256); err != nil {
				t.Fatal(err)
			}
			for _, e := range tables[rank].Experts {
				counts[e]++
			}
		}
		shared := Measure(spec.Placement, tables)
		if math.Abs(shared.NodesPerToken/own.NodesPerToken-1) > 0.005 || math.Abs(shared.RanksPerToken/own.RanksPerToken-1) > 0.005 {
			t.Errorf("%s: %v nodes and %v ranks a token, else %v and %v", text, shared.NodesPerToken, shared.RanksPerToken, own.NodesPerToken, own.RanksPerToken)
		}
		want := float64(shared.Choices) / 256
		chi2 := 0.0
		for _, got := range counts {
			chi2 += (got - want) * (got - want) / want
		}
		if chi2 > 255+5*math.Sqrt(2*255) {
			t.Errorf("%s: chi-squared %.1f with 255 degrees of freedom", text, chi2)
		}
		// Two tokens of a rank differ, and a second time all is the same.
		again := newTable(spec.Tokens, spec.TopK)
		fill(5, again)
		if !slices.Equal(again.Experts, tables[5].Experts) || slices.Equal(again.Experts[:8], again.Experts[8:16]) {
			t.Errorf("%s: %v", text, again.Experts[:16])
		}
	}
	spec := Spec{Placement: placed(t, 256, 8, 2048), Tokens: 4096, TopK: 8, Groups: 4, Seed: 3}
	if notes := mustOpen(t, "grouped").Notes(spec); len(notes) != 1 || notes[0] != shapesNote("grouped") {
		t.Errorf("notes %q", notes)
	}
	if notes := mustOpen(t, "zipf:1").Notes(spec); len(notes) != 0 {
		t.Errorf("notes %q", notes)
	}
}
