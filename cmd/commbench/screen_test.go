package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestCut(t *testing.T) {
	for name, test := range map[string]struct {
		text           string
		lines, columns int
		want           string
	}{
		"fits":     {"a\nbc\n", 24, 80, "a\nbc\n"},
		"just":     {"a\nb\nc\n", 4, 1, "a\nb\nc\n"},
		"too long": {"a\nb\nc\nd\n", 4, 80, "a\nb\n... and 2 lines more, which this screen has no room for\n"},
		"too wide": {"abcdef\nabcde\n\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9", 24, 5, "abcd>\nabcde\n\u00e9\u00e9\u00e9\u00e9>\n"},
		"narrow":   {"a\nb\nc\nd\n", 4, 10, "a\nb\n... and 2>\n"},
		"empty":    {"", 24, 80, "\n"},
	} {
		got := string(cut([]byte(test.text), test.lines, test.columns))
		if got != test.want {
			t.Errorf("%s: %q, expected %q", name, got, test.want)
		}
		if rows := strings.Count(got, "\n"); rows >= test.lines {
			t.Errorf("%s: %d rows and the cursor's do not fit on %d", name, rows, test.lines)
		}
	}
	if lines, columns := screen(&bytes.Buffer{}); lines < 1000 || columns < 1000 {
		t.Errorf("what is no terminal has %d lines of %d", lines, columns)
	}
}
