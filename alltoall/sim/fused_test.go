package sim

import (
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// The same flags give the same figures everywhere only if nothing is fused. The compiler is asked, as no test on one machine can tell. It builds
// the standard library for another architecture, so it is left to CI.
func TestNothingIsFused(t *testing.T) {
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
