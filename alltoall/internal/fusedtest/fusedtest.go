// Package fusedtest asks the compiler whether a package's floating point is the same on all
// processors: some have an instruction that multiplies and adds and rounds once, which the compiler
// takes where an expression lets it.
package fusedtest

import (
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// Nothing fails where an operation of the package of the test is fused. The listing of the compiler is looked
// at, as no test on one machine can tell. It builds the standard library for another
// architecture, so it is left to CI.
func Nothing(t *testing.T) {
	t.Helper()
	if os.Getenv("CI") != "true" && os.Getenv("COMMBENCH_SLOW") == "" {
		t.Skip("builds for another architecture: set CI=true or COMMBENCH_SLOW=1")
	}
	build := exec.Command("go", "build", "-gcflags=-S", ".")
	build.Env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
	listing, err := build.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, listing)
	}
	if !regexp.MustCompile(`\bFMULD\b`).Match(listing) {
		t.Fatal("no listing of the package: this test would see nothing")
	}
	for _, line := range regexp.MustCompile(`.*\bFN?M(ADD|SUB)[DS]\b.*`).FindAll(listing, -1) {
		t.Errorf("fused: %s", line)
	}
}
