package isa

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// ISA is an instruction set that kernels are written for.
type ISA uint8

const (
	Pure   ISA = iota // Go
	AVX2              // amd64: AVX2 and FMA
	AVX512            // amd64: AVX-512 F and BW, and BMI2
	NEON              // arm64: Advanced SIMD
)

var names = [...]string{Pure: "pure", AVX2: "avx2", AVX512: "avx512", NEON: "neon"}

func (i ISA) String() string { return names[i] }

// Env is the environment variable that forces an instruction set.
const Env = "COMMBENCH_ISA"

// chosen is found at first use, not before main: what a test reads before it runs
// is not seen by the test cache, which would answer for another Env.
var chosen = sync.OnceValues(func() (ISA, error) { return choose(os.Getenv(Env), available()) })

// Best is the instruction set to use: the one that is forced, or else the fastest
// that this CPU and this build have.
func Best() ISA {
	i, _ := chosen()
	return i
}

// Check returns an error if an instruction set is forced that cannot run here.
func Check() error {
	_, err := chosen()
	return err
}

// Has says whether i can run here, whatever is forced.
func Has(i ISA) bool { return slices.Contains(available(), i) }

// choose takes the wanted one out of have, whose fastest comes first.
func choose(want string, have []ISA) (ISA, error) {
	if want == "" {
		return have[0], nil
	}
	if i := slices.Index(names[:], want); i >= 0 && slices.Contains(have, ISA(i)) {
		return ISA(i), nil
	}
	known := "not one of " + strings.Join(names[:], ", ")
	if slices.Contains(names[:], want) {
		known = "not in this CPU or this build"
	}
	return Pure, fmt.Errorf("isa: %s=%s: %s; here: %v", Env, want, known, have)
}
