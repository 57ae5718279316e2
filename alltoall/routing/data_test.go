package routing

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// dataFile is the path of a file of recorded data, which is not part of the
// repository. Where the folder is absent the test is skipped, but not in CI,
// where a skip would pass for a success.
func dataFile(t testing.TB, path string) string {
	t.Helper()
	root := os.Getenv("COMMBENCH_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(root); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no recorded data: %v", err)
		}
		t.Skipf("no recorded data (set COMMBENCH_DATA): %v", err)
	}
	return filepath.Join(root, path)
}

// Choices of DeepSeek-V2-Lite, 64 experts and top-6, as ESFT recorded them.
func TestRecordedTraces(t *testing.T) {
	for name, tokens := range map[string]int{
		"law-layer1": 8327, "law-layer13": 8327, "intent-layer1": 8222, "intent-layer13": 8222,
	} {
		t.Run(name, func(t *testing.T) {
			text := "trace:" + dataFile(t, "routing/esft-deepseek-v2-lite/"+name+".txt.gz")
			src := mustOpen(t, text)
			if src.TopK() != 6 || src.Experts() != 64 || src.Tokens() != tokens || src.String() != text {
				t.Errorf("%s: top-%d of %d experts, %d tokens", src, src.TopK(), src.Experts(), src.Tokens())
			}
			spec := Spec{Placement: placed(t, 4, 8, 64), Tokens: 1000, TopK: 6}
			tables := mustGenerate(t, text, spec)
			s := Measure(spec.Placement, tables)
			if s.Choices != 32*1000*6 || s.NodesPerToken <= 1 || s.NodesPerToken > 4 {
				t.Errorf("%+v", s)
			}
			for rank, table := range tables {
				if err := table.Validate(64); err != nil {
					t.Errorf("rank %d: %v", rank, err)
				}
				for i := range table.Tokens {
					_, weights := table.Row(i)
					sum := float32(0)
					for _, w := range weights {
						sum += w
					}
					// Values of softmax, not renormalised, to four digits.
					if sum <= 0 || sum > 1.001 {
						t.Fatalf("rank %d, token %d: weights %v", rank, i, weights)
					}
				}
			}
			t.Logf("%.3f nodes for a token, hottest rank %d at %.2f times the mean, expert %d at %.2f",
				s.NodesPerToken, s.HotRank.ID, s.HotRank.OverMean, s.HotExpert.ID, s.HotExpert.OverMean)
			want := "8327 tokens replayed"
			if tokens != 8327 {
				want = "8222 tokens replayed"
			}
			notes := src.Notes(spec)
			if len(notes) != 1 || !strings.Contains(strings.ReplaceAll(notes[0], "recorded ", ""), want) {
				t.Errorf("notes %q", notes)
			}
		})
	}
}

// Expert loads of DeepSeek-V3 and R1, as SGLang recorded them: 61 layers of 256
// experts, of which the first three are dense.
func TestRecordedLoads(t *testing.T) {
	for _, name := range []string{"decode_in2000out100", "prefill_in500out1500", "prefill_in512"} {
		t.Run(name, func(t *testing.T) {
			text := "load:" + dataFile(t, "expert-load/sglang-deepseek/"+name+".json.gz")
			src := mustOpen(t, text)
			if src.Experts() != 256 || src.String() != text+":3" {
				t.Errorf("%s: %d experts", src, src.Experts())
			}
			for _, layer := range []string{":0", ":2", ":61"} {
				if _, err := Open(text + layer); err == nil {
					t.Errorf("layer%s was opened", layer)
				}
			}
			if _, err := Open(text + ":60"); err != nil {
				t.Error(err)
			}
			spec := Spec{Placement: placed(t, 4, 8, 256), Tokens: 500, TopK: 8, Groups: 2, Seed: 1}
			tables := mustGenerate(t, text, spec)
			checkTables(t, text, spec, tables)

			// Without a limit and with one choice, loads follow the counts.
			spec = Spec{Placement: placed(t, 1, 1, 256), Tokens: 50000, TopK: 1, Seed: 1}
			counts := make([]float64, 256)
			for _, e := range mustGenerate(t, text, spec)[0].Experts {
				counts[e]++
			}
			p, err := src.pattern.(load).weigh(spec)
			if err != nil {
				t.Fatal(err)
			}
			toMeanOne(p)
			chi2 := 0.0
			for e, got := range counts {
				want := p[e] * 50000 / 256
				chi2 += (got - want) * (got - want) / want
			}
			if chi2 > 255+5*math.Sqrt(2*255) {
				t.Errorf("chi-squared %.1f with 255 degrees of freedom", chi2)
			}
			t.Logf("hottest expert at %.2f times the mean, expected %.2f", slices.Max(counts)*256/50000, slices.Max(p))
		})
	}
}
