package side

import (
	"reflect"
	"testing"
)

func TestParseA2AV(t *testing.T) {
	const good = "0 100.5 10.0 80.0 10.5 120.0\n[WARNING] a library speaks\n\n1 200.0 20.0 160.0 20.0 210.0\n"
	got, err := parseA2AV(good, 2)
	want := []Sample{{100.5, 10, 80, 10.5}, {200, 20, 160, 20}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v (%v), want %v", got, err, want)
	}
	for name, out := range map[string]string{
		"nothing":         "",
		"one line short":  "0 1 1 1 1 1\n",
		"one too many":    good + "2 1 1 1 1 1\n",
		"a line twice":    "0 1 1 1 1 1\n0 1 1 1 1 1\n",
		"no number":       "0 1 1 x 1 1\n1 1 1 1 1 1\n",
		"a negative time": "0 1 -1 1 1 1\n1 1 1 1 1 1\n",
		"no time at all":  "0 0 0 0 0 0\n1 1 1 1 1 1\n",
	} {
		if _, err := parseA2AV(out, 2); err == nil {
			t.Errorf("%s: taken as good", name)
		}
	}
}

func TestCountRows(t *testing.T) {
	if n, err := countRows("32 0\n16 48\n", 2, 16); n != 6 || err != nil {
		t.Errorf("%d rows (%v), want 6", n, err)
	}
	for _, text := range []string{"", "16 16\n16\n", "16 16 16\n16 16 16\n", "16 8\n16 16\n", "16 -16\n16 16\n", "16 x\n16 16\n"} {
		if _, err := countRows(text, 2, 16); err == nil {
			t.Errorf("%q: taken as good", text)
		}
	}
}
