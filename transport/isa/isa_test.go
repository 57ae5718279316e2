package isa

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		want  string
		have  []ISA
		got   ISA
		fails string // part of the error
	}{
		{"", []ISA{AVX512, AVX2, Pure}, AVX512, ""},
		{"", []ISA{AVX2, Pure}, AVX2, ""},
		{"", []ISA{Pure}, Pure, ""},
		{"avx2", []ISA{AVX512, AVX2, Pure}, AVX2, ""},
		{"pure", []ISA{NEON, Pure}, Pure, ""},
		{"neon", []ISA{NEON, Pure}, NEON, ""},
		{"avx512", []ISA{AVX2, Pure}, Pure, "COMMBENCH_ISA=avx512: not in this CPU or this build; here: [avx2 pure]"},
		{"neon", []ISA{AVX512, AVX2, Pure}, Pure, "COMMBENCH_ISA=neon: not in this CPU"},
		{"AVX2", []ISA{AVX2, Pure}, Pure, "COMMBENCH_ISA=AVX2: not one of pure, avx2, avx512, neon"},
	} {
		got, err := choose(c.want, c.have)
		if got != c.got || (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("choose(%q, %v) = %v, %v", c.want, c.have, got, err)
		}
	}
}

// TestBest fails if what was asked for, or what the CPU has, was not chosen: no
// kernel goes untested, or unused, without a word.
func TestBest(t *testing.T) {
	if err := Check(); err != nil {
		t.Fatal(err)
	}
	want := os.Getenv(Env)
	if want == "" {
		want = expected(t).String()
	}
	if Best().String() != want {
		t.Errorf("chose %v, not %v; here: %v", Best(), want, available())
	}
	if !Has(Best()) || !Has(Pure) {
		t.Errorf("chose %v out of %v", Best(), available())
	}
}

// expected is the best instruction set, according to the operating system.
func expected(t *testing.T) ISA {
	switch {
	case purego:
		return Pure
	case runtime.GOARCH == "arm64":
		return NEON
	case runtime.GOARCH != "amd64":
		return Pure
	}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Skipf("nothing to compare with, chose %v: %v", Best(), err)
	}
	var flags []string
	for line := range strings.Lines(string(info)) {
		if strings.HasPrefix(line, "flags") {
			flags = strings.Fields(line)
			break
		}
	}
	has := func(f string) bool { return slices.Contains(flags, f) }
	switch {
	case has("avx512f") && has("avx512bw"):
		return AVX512
	case has("avx2") && has("fma"):
		return AVX2
	}
	return Pure
}
