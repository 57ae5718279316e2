package faulty_test

import (
	"strings"
	"testing"
	"time"

	"github.com/commbench/commbench/transport/faulty"
)

// same says whether two Specs without Match are equal.
func same(a, b faulty.Spec) bool {
	return a.Seed == b.Seed && a.Delay == b.Delay && a.Drop == b.Drop && a.DropAt == b.DropAt && a.Cut == b.Cut && a.Reorder == b.Reorder
}

func TestParse(t *testing.T) {
	for text, want := range map[string]faulty.Spec{
		"":        {},
		"reorder": {Reorder: true},
		"delay=200us,drop=0.001,cut=5000,reorder,seed=7": {Delay: 200 * time.Microsecond, Drop: 0.001, Cut: 5000, Reorder: true, Seed: 7},
		"seed=18446744073709551615,drop-at=3":            {Seed: 1<<64 - 1, DropAt: 3},
		"drop=1e-3,delay=0s,cut=0,drop-at=0":             {Drop: 0.001},
		"drop=1,delay=1h":                                {Drop: 1, Delay: time.Hour},
	} {
		got, err := faulty.Parse(text)
		if err != nil || !same(got, want) {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
		if again, err := faulty.Parse(got.String()); err != nil || !same(again, got) {
			t.Errorf("%q prints as %q, which is %+v, %v", text, got, again, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"dealy=1s":                `fault "dealy=1s": there is no such fault`,
		"reorder,":                `fault ""`,
		" reorder":                `fault " reorder"`,
		"reorder=yes":             `fault "reorder=yes": reorder takes no value`,
		"delay":                   `fault "delay": the delay must be a time`,
		"seed=1,delay=5":          `fault "delay=5": the delay must be`,
		"delay=-1s":               "from 0s to 1h",
		"delay=1h1ns":             "from 0s to 1h",
		"drop=1.1":                "from 0 to 1",
		"drop=-0.1":               "from 0 to 1",
		"drop=NaN":                "from 0 to 1",
		"drop=":                   "from 0 to 1",
		"cut=-1":                  "whole number",
		"cut=1.5":                 "whole number",
		"cut=9223372036854775808": "whole number",
		"drop-at=x":               `fault "drop-at=x": the number of verbs`,
		"seed=-1":                 "the seed must be",
		"cut=1,cut=2":             `fault "cut=2": cut is given twice`,
		"reorder,reorder":         "given twice",
	} {
		if got, err := faulty.Parse(text); err == nil || !strings.Contains(err.Error(), want) || !same(got, faulty.Spec{}) {
			t.Errorf("%q: %+v, %v; want an error with %q", text, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"", "reorder", "delay=200us,drop=0.001,cut=5000,reorder,seed=7", "drop-at=3,drop=1e-300", "drop=NaN", "delay=1h,delay=1h", "=,=", "cut=99999999999999999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := faulty.Parse(text)
		if err != nil {
			if !same(s, faulty.Spec{}) {
				t.Errorf("%q is refused, and is %+v", text, s)
			}
			return
		}
		if s.Delay < 0 || s.Delay > time.Hour || !(s.Drop >= 0 && s.Drop <= 1) || s.DropAt < 0 || s.Cut < 0 {
			t.Errorf("%q is %+v", text, s)
		}
		again, err := faulty.Parse(s.String())
		if err != nil || !same(again, s) {
			t.Errorf("%q prints as %q, which is %+v, %v", text, s, again, err)
		}
	})
}
