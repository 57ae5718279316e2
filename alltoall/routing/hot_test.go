package routing

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
)

func TestHotRankGetsItsRatio(t *testing.T) {
	for _, shape := range shapes {
		for _, ratio := range []float64{1, 1.01, 1.1, 1.3, 2, 3.7} {
			for _, vary := range []func(*Spec){
				func(*Spec) {},
				func(s *Spec) { s.Masked = 0.3 },
				func(s *Spec) { s.Ragged, s.EmptyRanks = true, s.Placement.Ranks()/3 },
			} {
				spec := Spec{
					Placement: placed(t, shape.nodes, shape.gpus, shape.experts),
					Tokens:    200, TopK: shape.topK, Groups: shape.groups, Seed: 11,
				}
				vary(&spec)
				text := fmt.Sprintf("hot:%g", ratio)
				before := Measure(spec.Placement, mustGenerate(t, "grouped", spec))
				tables, err := mustOpen(t, text).Generate(spec)
				ranks := float64(spec.Placement.Ranks())
				most := float64(before.Active) * ranks / float64(before.Rows)
				if err != nil {
					if ratio <= most {
						t.Errorf("%s on %v: %v, but %.3f can be reached", text, shape, err, most)
					}
					continue
				}
				checkTables(t, text, spec, tables)
				s := Measure(spec.Placement, tables)
				if s.Rows != before.Rows || s.Active != before.Active {
					t.Errorf("%s on %v: %d rows of %d tokens, before re-routing %d of %d", text, shape, s.Rows, s.Active, before.Rows, before.Active)
				}
				// Measure finds the hot rank on its own: no other has more.
				oneToken := ranks / float64(s.Rows)
				if off := math.Abs(s.HotRank.OverMean - ratio); off > oneToken {
					t.Errorf("%s on %v: the hottest rank gets %.4f times the mean; one token is %.4f", text, shape, s.HotRank.OverMean, oneToken)
				}
			}
		}
	}
}

// With a token or two for a rank it can happen that no single move helps. That is
// rare, and an error.
func TestHotWithFewTokens(t *testing.T) {
	failed := 0
	for seed := range uint64(200) {
		for _, shape := range shapes {
			spec := Spec{
				Placement: placed(t, shape.nodes, shape.gpus, shape.experts),
				Tokens:    3, TopK: shape.topK, Groups: shape.groups, Seed: seed, Ragged: true,
			}
			if _, err := mustOpen(t, "hot:1").Generate(spec); err == nil {
				continue
			} else if !strings.Contains(err.Error(), "too few tokens") {
				t.Errorf("%v, seed %d: %v", shape, seed, err)
			}
			failed++
		}
	}
	if failed > 10 {
		t.Errorf("%d of %d could not be made", failed, 200*len(shapes))
	}
}

// The largest ratio that the error names can be had, and a larger one cannot.
func TestHotNamesTheLargestRatio(t *testing.T) {
	named := regexp.MustCompile(`hot:([0-9.]+) or less`)
	for _, shape := range shapes {
		spec := Spec{
			Placement: placed(t, shape.nodes, shape.gpus, shape.experts),
			Tokens:    50, TopK: shape.topK, Groups: shape.groups, Seed: 11,
		}
		_, err := mustOpen(t, "hot:100").Generate(spec)
		if err == nil {
			t.Fatalf("%v: hot:100 was made", shape)
		}
		most := named.FindStringSubmatch(err.Error())
		if most == nil {
			t.Fatalf("%v: no ratio in %q", shape, err)
		}
		checkTables(t, "hot", spec, mustGenerate(t, "hot:"+most[1], spec))
	}
}

func TestHotRankIsTheSeeds(t *testing.T) {
	spec := Spec{Placement: placed(t, 4, 8, 256), Tokens: 100, TopK: 8, Groups: 4}
	seen := map[int]bool{}
	for spec.Seed = range 10 {
		seen[Measure(spec.Placement, mustGenerate(t, "hot:2", spec)).HotRank.ID] = true
	}
	if len(seen) < 5 {
		t.Errorf("10 seeds made only %d different ranks hot", len(seen))
	}
}
