package main

import (
	"errors"
	"io"
	"math"
	"os"
	"testing"

	"github.com/commbench/commbench/scripts/internal/doc"
	"github.com/commbench/commbench/scripts/internal/program"
)

func TestCommandLine(t *testing.T) {
	s, err := parse([]string{"-only", "4", "-rounds", "3"}, io.Discard)
	if err != nil || s.only != 4 || s.rounds != 3 {
		t.Errorf("%+v (%v)", s, err)
	}
	for _, args := range [][]string{{"-bogus"}, {"extra"}, {"-rounds", "0"}, {"-only", "9"}, {"-only", "-1"}, {"-only", "1", "-write", "x"}} {
		if _, err := parse(args, io.Discard); !errors.As(err, new(program.UsageError)) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestFit(t *testing.T) {
	x := []int{1, 2, 4, 8}
	line := make([]float64, len(x))
	for i := range x {
		line[i] = 10 + 3*float64(x[i])
	}
	if a, b, worst := fit(x, line); math.Abs(a-10) > 1e-9 || math.Abs(b-3) > 1e-9 || worst > 1e-9 {
		t.Errorf("%v + %v x, residuals to %v", a, b, worst)
	}
	line[3] *= 2
	if _, _, worst := fit(x, line); worst < 0.1 {
		t.Errorf("a point at twice the line has a residual of %v", worst)
	}
}

// The document that the Makefile names has a place for the table.
func TestMarkers(t *testing.T) {
	text, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := doc.Between(text, "targets", "new"); err != nil {
		t.Error(err)
	}
}
