package routing

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// generators are the patterns that need no file.
var generators = []string{"uniform", "grouped", "zipf:1.2", "lognormal:0.8", "balanced", "hot:1"}

// shapes are the clusters, with routing that fits them, that every pattern runs on.
var shapes = []struct{ nodes, gpus, experts, topK, groups int }{
	{1, 1, 8, 2, 0},
	{1, 8, 64, 6, 0},
	{4, 8, 256, 8, 2},
	{3, 5, 45, 3, 2},
	{8, 8, 256, 8, 4},
	{4, 2, 16, 4, 1}, // top-k takes all experts of the one node that is allowed
	{2, 3, 12, 5, 4}, // more groups than nodes: no limit
	{2, 2, 8, 8, 0},  // top-k takes all experts
}

func mustOpen(t testing.TB, text string) *Source {
	t.Helper()
	src, err := Open(text)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func mustGenerate(t testing.TB, text string, spec Spec) []Table {
	t.Helper()
	tables, err := mustOpen(t, text).Generate(spec)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return tables
}

func TestEveryPatternOnEveryShape(t *testing.T) {
	variations := map[string]func(*Spec){
		"plain":     func(*Spec) {},
		"masked":    func(s *Spec) { s.Masked = 0.3 },
		"allMasked": func(s *Spec) { s.Masked = 1 },
		"ragged":    func(s *Spec) { s.Ragged = true },
		"empty":     func(s *Spec) { s.EmptyRanks = s.Placement.Ranks() / 2 },
		"allEmpty":  func(s *Spec) { s.EmptyRanks = s.Placement.Ranks() },
		"noTokens":  func(s *Spec) { s.Tokens = 0 },
		"combined":  func(s *Spec) { s.Masked, s.Ragged, s.EmptyRanks = 0.2, true, s.Placement.Ranks()/3 },
	}
	for _, text := range generators {
		for _, shape := range shapes {
			for name, vary := range variations {
				t.Run(fmt.Sprintf("%s/%dx%d/%s", text, shape.nodes, shape.gpus, name), func(t *testing.T) {
					spec := Spec{
						Placement: placed(t, shape.nodes, shape.gpus, shape.experts),
						Tokens:    100, TopK: shape.topK, Groups: shape.groups, Seed: 7,
					}
					vary(&spec)
					checkTables(t, text, spec, mustGenerate(t, text, spec))
				})
			}
		}
	}
}

// checkTables checks what must hold for any routing of the spec.
func checkTables(t *testing.T, text string, spec Spec, tables []Table) {
	t.Helper()
	p := spec.Placement
	if len(tables) != p.Ranks() {
		t.Fatalf("%d tables for %d ranks", len(tables), p.Ranks())
	}
	empty := 0
	for rank, table := range tables {
		if err := table.Validate(p.Experts); err != nil {
			t.Fatalf("rank %d: %v", rank, err)
		}
		if table.TopK != spec.TopK || table.Tokens > spec.Tokens || !spec.Ragged && table.Tokens != spec.Tokens && table.Tokens != 0 {
			t.Errorf("rank %d has %d tokens with top-%d", rank, table.Tokens, table.TopK)
		}
		if table.Tokens == 0 {
			empty++
		}
		for i := range table.Tokens {
			ids, weights := table.Row(i)
			nodes, sum := map[int]bool{}, 0.0
			for k, e := range ids {
				if e != Masked {
					nodes[p.NodeOf(int(e))] = true
				}
				if weights[k] < 0 {
					t.Fatalf("rank %d, token %d: weight %v", rank, i, weights[k])
				}
				sum += float64(weights[k])
			}
			if limit := spec.limit(); limit > 0 && text != "uniform" && len(nodes) > limit {
				t.Fatalf("rank %d, token %d: reaches %d nodes, at most %d are allowed: %v", rank, i, len(nodes), limit, ids)
			}
			if spec.Masked == 0 && math.Abs(sum-1) > 1e-6 {
				t.Fatalf("rank %d, token %d: weights sum to %v", rank, i, sum)
			}
		}
	}
	if !spec.Ragged && spec.Tokens > 0 && empty != spec.EmptyRanks {
		t.Errorf("%d empty ranks, want %d", empty, spec.EmptyRanks)
	}
}

// hashOf is a hash of all bytes of the tables.
func hashOf(tables []Table) string {
	h := fnv.New64a()
	for _, t := range tables {
		for _, v := range []any{int64(t.Tokens), int64(t.TopK), t.Experts, t.Weights} {
			if err := binary.Write(h, binary.LittleEndian, v); err != nil {
				panic(err)
			}
		}
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

var golden = map[string]string{
	"uniform":       "cfea530ec84414d7",
	"grouped":       "f9f43285f89f16ef",
	"zipf:1.2":      "bed51fe002a6ceb6",
	"lognormal:0.8": "687fd6f3aa8894ff",
	"balanced":      "a9546a9e8a2d34d1",
	"hot:1":         "8aec0f3750b39697",
	"hot:1.5":       "980a3c9be721277f",
}

// A change of bytes breaks the comparison with every result recorded before. If
// it must be, it is a change of the format of workloads, and to be said aloud.
func TestBytesDoNotChange(t *testing.T) {
	for text, want := range golden {
		spec := Spec{
			Placement: placed(t, 4, 8, 256), Tokens: 200, TopK: 8, Groups: 2, Seed: 42,
			Masked: 0.05, Ragged: true, EmptyRanks: 3,
		}
		if got := hashOf(mustGenerate(t, text, spec)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestProcessorsDoNotMatter(t *testing.T) {
	spec := Spec{Placement: placed(t, 8, 8, 256), Tokens: 50, TopK: 8, Groups: 4, Seed: 3, Masked: 0.1, Ragged: true}
	for _, text := range append(generators, "hot:1.5") {
		old := runtime.GOMAXPROCS(1)
		one := hashOf(mustGenerate(t, text, spec))
		runtime.GOMAXPROCS(7)
		seven := hashOf(mustGenerate(t, text, spec))
		runtime.GOMAXPROCS(old)
		if one != seven {
			t.Errorf("%s: 1 processor gives %s, 7 give %s", text, one, seven)
		}
	}
}

func TestSeedsDiffer(t *testing.T) {
	spec := Spec{Placement: placed(t, 4, 8, 256), Tokens: 20, TopK: 8, Groups: 2}
	for _, text := range generators {
		spec.Seed = 1
		one := hashOf(mustGenerate(t, text, spec))
		spec.Seed = 2
		if one == hashOf(mustGenerate(t, text, spec)) {
			t.Errorf("%s: seeds 1 and 2 give the same", text)
		}
	}
}

// What a token chooses depends on seed, rank and token alone: more tokens, empty
// ranks, ragged ranks and further ranks leave it as it was.
func TestTokensDoNotDependOnOtherTokens(t *testing.T) {
	for _, text := range []string{"uniform", "grouped", "zipf:1.2", "lognormal:0.8", "balanced"} {
		small := Spec{Placement: placed(t, 4, 8, 256), Tokens: 64, TopK: 8, Groups: 2, Seed: 5}
		want := mustGenerate(t, text, small)
		large := small
		large.Tokens, large.Ragged, large.EmptyRanks, large.Masked = 200, true, 4, 0.1
		for rank, got := range mustGenerate(t, text, large) {
			for i := range min(got.Tokens, small.Tokens) {
				ids, weights := got.Row(i)
				wantIDs, wantWeights := want[rank].Row(i)
				for k := range ids {
					if ids[k] != Masked && (ids[k] != wantIDs[k] || weights[k] != wantWeights[k]) {
						t.Fatalf("%s: rank %d, token %d: %v, alone %v", text, rank, i, ids, wantIDs)
					}
				}
			}
		}
	}
}

func TestGroupedWithoutLimitIsUniform(t *testing.T) {
	spec := Spec{Placement: placed(t, 4, 8, 256), Tokens: 64, TopK: 8, Seed: 5}
	uniform := mustGenerate(t, "uniform", spec)
	for _, groups := range []int{0, 4, 5} {
		spec.Groups = groups
		if !reflect.DeepEqual(mustGenerate(t, "grouped", spec), uniform) {
			t.Errorf("grouped with %d groups of 4 nodes differs from uniform", groups)
		}
	}
	spec.Groups = 2
	if !reflect.DeepEqual(mustGenerate(t, "uniform", spec), uniform) {
		t.Error("uniform depends on the group limit")
	}
	for _, flat := range []string{"zipf:0", "lognormal:0"} {
		if !reflect.DeepEqual(mustGenerate(t, flat, spec), mustGenerate(t, "grouped", spec)) {
			t.Errorf("%s differs from grouped", flat)
		}
	}
}

func TestMasksAndTokensAreAsManyAsAsked(t *testing.T) {
	spec := Spec{Placement: placed(t, 4, 8, 256), Tokens: 1000, TopK: 8, Seed: 1, Masked: 0.25, Ragged: true}
	s := Measure(spec.Placement, mustGenerate(t, "uniform", spec))
	n := float64(s.Choices + s.Masked)
	if off := math.Abs(float64(s.Masked)/n - 0.25); off > 4*math.Sqrt(0.25*0.75/n) {
		t.Errorf("%d of %.0f choices are masked", s.Masked, n)
	}
	// The mean of 32 draws from 0..1000 has a standard error of 1000/sqrt(12*32).
	if mean := float64(s.Tokens) / 32; math.Abs(mean-500) > 4*1000/math.Sqrt(12*32) {
		t.Errorf("%.1f tokens for a rank on average", mean)
	}
	if s.MinTokens >= s.MaxTokens || s.MaxTokens > 1000 {
		t.Errorf("ranks hold %d to %d tokens", s.MinTokens, s.MaxTokens)
	}
}

func TestSpecsThatCannotBe(t *testing.T) {
	good := Spec{Placement: placed(t, 4, 8, 64), Tokens: 10, TopK: 8, Seed: 1}
	for _, c := range []struct {
		pattern string
		change  func(*Spec)
		want    string
	}{
		{"uniform", func(s *Spec) { s.Placement.Experts = 0 }, "topo.Place"},
		{"uniform", func(s *Spec) { s.Placement = placed(t, 1, 1, MaxExperts*2) }, "at most 1048576"},
		{"uniform", func(s *Spec) { s.Tokens = -1 }, "want 0 or more"},
		{"uniform", func(s *Spec) { s.Tokens = MaxChoices }, "at most 1048576 tokens would do"},
		{"uniform", func(s *Spec) { s.TopK = 0 }, "top-1 to top-64"},
		{"uniform", func(s *Spec) { s.TopK = 65 }, "top-64 or less would do"},
		{"uniform", func(s *Spec) { s.TopK = 1 << 30 }, "top-1 to top-64"},
		{"uniform", func(s *Spec) { s.Groups = -1 }, "0 for no limit"},
		{"grouped", func(s *Spec) { s.Groups, s.TopK = 1, 17 }, "2 groups or more, or top-16 or less"},
		{"balanced", func(s *Spec) { s.Groups, s.TopK = 2, 33 }, "3 groups or more, or top-32 or less"},
		{"uniform", func(s *Spec) { s.Masked = 1.5 }, "fraction from 0 to 1"},
		{"uniform", func(s *Spec) { s.Masked = math.NaN() }, "fraction from 0 to 1"},
		{"uniform", func(s *Spec) { s.EmptyRanks = 33 }, "want 0 to 32"},
		{"uniform", func(s *Spec) { s.EmptyRanks = -1 }, "want 0 to 32"},
		{"hot:20", func(*Spec) {}, "or less, or a smaller top-k, would do"},
	} {
		spec := good
		c.change(&spec)
		if _, err := mustOpen(t, c.pattern).Generate(spec); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error that says %q", c.pattern, err, c.want)
		}
	}
	spec := good
	spec.Groups, spec.TopK = 1, 17
	if _, err := mustOpen(t, "uniform").Generate(spec); err != nil {
		t.Errorf("uniform does not keep to the group limit, but: %v", err)
	}
}
