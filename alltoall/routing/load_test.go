package routing

import (
	"math"
	"strings"
	"testing"
)

func TestLoadErrors(t *testing.T) {
	const want = `want {"logical_count":[[count, ...], ...]}`
	const number = `want 0 or a number from 2^-50 to 2^50`
	good := `{"logical_count":[[0,0],[1,2]]}`
	checkBadFiles(t, "load", []badFile{
		{"empty", "", "", `f: the file is empty: want recorded routing`},
		{"blank", " \n ", "", `f: the file is empty: want recorded routing`},
		{"truncated", "{\n\"logical_count\":[[1,", "", `f:2:21: unexpected end of JSON input: ` + want},
		{"notJSON", "{\n \"logical_count\": [[1,\n x]]}", "", `f:3:2: invalid character 'x' looking for beginning of value: ` + want},
		{"trailing", good + "\n,", "", `f:2:1: invalid character ',' after top-level value: ` + want},
		{"gzipTruncated", gzipped(t, good)[:20], "", `f:1:10: the gzip data end early: want a complete file`},
		{"array", "\n [[1,2]]", "", `f:2:2: not a JSON object: ` + want},
		{"otherKey", `{"physical_count":[[1]]}`, "", `f:1:1: no "logical_count": ` + want},
		{"null", `{"logical_count":null}`, "", `f:1:18: "logical_count" is "null": want an array of layers`},
		{"noLayers", `{"logical_count":[]}`, "", `f:1:1: no layers: ` + want},
		{"noExperts", `{"logical_count":[[]]}`, "", `f:1:19: a layer without experts: want a count for each expert`},
		{"flat", `{"logical_count":[1,2]}`, "", `f:1:19: a layer is "1": want an array of counts`},
		{"deep", `{"logical_count":[[[1,2]]]}`, "", `f:1:20: count "[1,2]": ` + number},
		{"ragged", "{\"logical_count\":[[1,2],\n[1,2,3]]}", "", `f:2:1: layer 1 has 3 experts: want 2, as in layer 0`},
		{"negative", "{\"logical_count\":[[1,\n  -2]]}", "", `f:2:3: count "-2": ` + number},
		{"nan", `{"logical_count":[[1,"NaN"]]}`, "", `f:1:22: count "\"NaN\"": ` + number},
		{"countNull", `{"logical_count":[[1,null]]}`, "", `f:1:22: count "null": ` + number},
		{"large", `{"logical_count":[[1,1e16]]}`, "", `f:1:22: count "1e16": ` + number},
		{"infinite", `{"logical_count":[[1,1e999]]}`, "", `f:1:22: count "1e999": ` + number},
		{"tiny", `{"logical_count":[[1,1e-30]]}`, "", `f:1:22: count "1e-30": ` + number},
		{"twice", `{"logical_count":[[1]],"logical_count":[[1]]}`, "", `f:1:40: "logical_count" twice: want one`},
		{"allZero", `{"logical_count":[[0,0],[0.0,0e1]]}`, "", `f: all 2 layers are zero: want a layer with a count above 0`},
		{"zeroLayer", good, ":0", `f: layer 0 is zero: want a layer with load, as a mixture-of-experts layer has`},
		{"noSuchLayer", good, ":2", `f: layer 2 is not in the file: want 0 to 1`},
		{"farLayer", good, ":99999999999999999999", `f: layer 2147483647 is not in the file: want 0 to 1`},
	})
}

func TestLoadRulesExperts(t *testing.T) {
	content := `{"rank": [{"a": "]"}], "logical_count": [[0, 0, 0, 0], [4, 0, 2.0, 2], [1, 1, 1, 1e0]], "last": null}`
	for name, c := range map[string]struct{ content, suffix, layer string }{
		"plain":     {content, "", ":1"},
		"gzip":      {gzipped(t, content), "", ":1"},
		"layer":     {content, ":2", ":2"},
		"canonical": {content, ":1", ":1"},
	} {
		t.Run(name, func(t *testing.T) {
			path := written(t, "f", c.content)
			src := mustOpen(t, "load:"+path+c.suffix)
			if src.String() != "load:"+path+c.layer || src.Experts() != 4 || src.TopK() != 0 || src.Tokens() != 0 {
				t.Errorf("%s: %d experts, top-%d, %d tokens", src, src.Experts(), src.TopK(), src.Tokens())
			}
			if notes := src.Notes(Spec{}); len(notes) != 1 || !strings.Contains(notes[0], "layer "+c.layer[1:]+" of 0 to 2; its 4 experts rule") {
				t.Errorf("notes %q", notes)
			}
		})
	}
}

func TestLoadNeedsExpertsWithLoad(t *testing.T) {
	src := mustOpen(t, "load:"+written(t, "f", `{"logical_count":[[1,0,0,0,2,3,4,5]]}`))
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Placement: placed(t, 1, 1, 16), TopK: 1}, "layer 0 has 8 experts: want as many placed, not 16"},
		{Spec{Placement: placed(t, 1, 1, 8), TopK: 6}, "load on only 5 of the experts"},
		{Spec{Placement: placed(t, 2, 1, 8), TopK: 2, Groups: 1}, "load on only 1 of the experts that a token may have to choose from, too few for top-2"},
	} {
		c.spec.Tokens = 10
		if _, err := src.Generate(c.spec); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	// Experts without load are never chosen.
	for _, spec := range []Spec{
		{Placement: placed(t, 1, 1, 8), TopK: 5, Tokens: 1000},
		{Placement: placed(t, 2, 1, 8), TopK: 1, Groups: 1, Tokens: 1000},
	} {
		tables, err := src.Generate(spec)
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range tables {
			for _, e := range table.Experts {
				if e >= 1 && e <= 3 {
					t.Fatalf("expert %d has no load and was chosen", e)
				}
			}
		}
	}
}

// With top-1 the choices come as often as the counts say.
func TestLoadIsDrawnInProportion(t *testing.T) {
	src := mustOpen(t, "load:"+written(t, "f", `{"logical_count":[[10,20,30,40]]}`))
	spec := Spec{Placement: placed(t, 2, 2, 4), TopK: 1, Tokens: 25000, Seed: 4}
	tables, err := src.Generate(spec)
	if err != nil {
		t.Fatal(err)
	}
	counts := make([]int, 4)
	for _, table := range tables {
		for _, e := range table.Experts {
			counts[e]++
		}
	}
	for e, n := range counts {
		p := float64(e+1) / 10
		if math.Abs(float64(n)-100000*p) > 4*math.Sqrt(100000*p*(1-p)) {
			t.Errorf("expert %d came %d times of 100000, want about %.0f", e, n, 100000*p)
		}
	}
}
