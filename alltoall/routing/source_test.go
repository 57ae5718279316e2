package routing

import (
	"strings"
	"testing"
)

func TestPatternsAreCanonical(t *testing.T) {
	for text, want := range map[string]string{
		"uniform":        "uniform",
		"grouped":        "grouped",
		"balanced":       "balanced",
		"zipf:1.20":      "zipf:1.2",
		"zipf:0":         "zipf:0",
		"zipf:-0":        "zipf:0",
		"lognormal:8e-1": "lognormal:0.8",
		"hot:2.0":        "hot:2",
		"hot:1":          "hot:1",
	} {
		src := mustOpen(t, text)
		if src.String() != want {
			t.Errorf("%s reads %s, want %s", text, src, want)
		}
		if again := mustOpen(t, src.String()); again.String() != want {
			t.Errorf("%s reads %s the second time", text, again)
		}
		if src.Experts() != 0 || src.TopK() != 0 || src.Tokens() != 0 {
			t.Errorf("%s rules over flags", text)
		}
	}
}

func TestWhatOpenDoesNotTake(t *testing.T) {
	for text, want := range map[string]string{
		"":               "no such pattern",
		"zip":            "no such pattern",
		"Uniform":        "no such pattern",
		"uniform:":       "want uniform without an argument",
		"grouped:4":      "want grouped without an argument",
		"balanced:1":     "want balanced without an argument",
		"zipf":           "want zipf:S, S a number from 0 to 10",
		"zipf:":          "want zipf:S, S a number from 0 to 10",
		"zipf:x":         "want zipf:S, S a number from 0 to 10",
		"zipf: 1":        "want zipf:S, S a number from 0 to 10",
		"zipf:-1":        "want zipf:S, S a number from 0 to 10",
		"zipf:11":        "want zipf:S, S a number from 0 to 10",
		"zipf:NaN":       "want zipf:S, S a number from 0 to 10",
		"zipf:Inf":       "want zipf:S, S a number from 0 to 10",
		"zipf:1:2":       "want zipf:S, S a number from 0 to 10",
		"lognormal:-0.1": "want lognormal:SIGMA, SIGMA a number from 0 to 10",
		"hot:0.9":        "want hot:R, R a number from 1 to 65536",
		"hot:NaN":        "want hot:R, R a number from 1 to 65536",
		"load":           "want load:FILE or load:FILE:LAYER",
		"load:":          "want load:FILE or load:FILE:LAYER",
		"trace":          "want trace:FILE or trace:FILE?topk=K",
		"trace:":         "want trace:FILE or trace:FILE?topk=K",
		"trace:?topk=6":  "want trace:FILE or trace:FILE?topk=K",
		"trace:f?topk=0": "K a number from 1 to 1024",
		"trace:f?topk=x": "K a number from 1 to 1024",
	} {
		_, err := Open(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error that says %q", text, err, want)
			continue
		}
		for _, a := range accepted {
			if !strings.Contains(err.Error(), a.form) || !strings.Contains(err.Error(), a.example) {
				t.Errorf("%q: %v does not list %s as in %s", text, err, a.form, a.example)
			}
		}
	}
}

func TestFileNamesMayHoldColons(t *testing.T) {
	for argument, want := range map[string]struct {
		file  string
		layer int
	}{
		"a.json":          {"a.json", -1},
		"a.json:3":        {"a.json", 3},
		"a.json:03":       {"a.json", 3},
		`C:\a.json`:       {`C:\a.json`, -1},
		`C:\a.json:12`:    {`C:\a.json`, 12},
		"run-10:30/a:b":   {"run-10:30/a:b", -1},
		"run-10:30/a:b:7": {"run-10:30/a:b", 7},
		"run-10:30":       {"run-10", 30},
		"run-10:30:0":     {"run-10:30", 0},
		"a.json:":         {"a.json:", -1},
		"a.json:-1":       {"a.json:-1", -1},
		"a.json:first":    {"a.json:first", -1},
	} {
		if file, layer := cutLayer(argument); file != want.file || layer != want.layer {
			t.Errorf("%s is %q layer %d, want %q layer %d", argument, file, layer, want.file, want.layer)
		}
	}
	path := written(t, "a:b?c", `{"experts":[1,2]}`)
	for _, text := range []string{"trace:" + path, "trace:" + path + "?topk=2"} {
		if src := mustOpen(t, text); src.String() != text {
			t.Errorf("%s reads %s", text, src)
		}
	}
	path = written(t, "a:b", `{"logical_count":[[1,2]]}`)
	if src := mustOpen(t, "load:"+path); src.String() != "load:"+path+":0" {
		t.Errorf("%s reads %s", path, src)
	}
}

func TestNotes(t *testing.T) {
	for _, c := range []struct {
		text   string
		groups int
		want   string
	}{
		{"uniform", 0, ""},
		{"uniform", 4, ""},
		{"uniform", 2, "uniform: the group limit does not apply; grouped is uniform with it"},
		{"grouped", 2, ""},
		{"grouped", 4, "grouped: no group limit binds, so this is the same as uniform"},
		{"zipf:1", 2, ""},
		{"zipf:1", 0, ""},
		{"hot:2", 2, ""},
		{"balanced", 0, ""},
	} {
		notes := mustOpen(t, c.text).Notes(Spec{Placement: placed(t, 4, 1, 8), Groups: c.groups})
		if got := strings.Join(notes, "; "); got != c.want {
			t.Errorf("%s with %d groups: %q, want %q", c.text, c.groups, got, c.want)
		}
	}
}
