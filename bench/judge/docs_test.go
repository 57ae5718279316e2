package judge_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/bench/judge"
)

var heading = regexp.MustCompile("(?m)^## `?(.*?)`?$")

// The document has a section for each verdict and no other, in the order of records.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/verdicts.md")
	if err != nil {
		t.Fatal(err)
	}
	var sections []string
	for _, m := range heading.FindAllStringSubmatch(string(text), -1) {
		sections = append(sections, m[1])
	}
	if diff := cmp.Diff(slices.Clone(judge.Names), sections); diff != "" {
		t.Errorf("sections (-judge.Names +docs/verdicts.md):\n%s", diff)
	}
}
