package cuda

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The PTX that is embedded is what clang makes of the source.
func TestPTXIsOfTheSource(t *testing.T) {
	if _, err := exec.LookPath("clang-19"); err != nil && os.Getenv("CI") == "" {
		t.Skip("no clang-19, which scripts/ptx installs: ", err)
	}
	dir := t.TempDir()
	if out, err := exec.Command("../../scripts/ptx", dir).CombinedOutput(); err != nil {
		t.Fatalf("scripts/ptx: %v\n%s", err, out)
	}
	for _, name := range []string{"sm_80.ptx", "sm_90.ptx"} {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := files.ReadFile("kernels/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s is not what kernels.c compiles to: run scripts/ptx", name)
		}
	}
}

func TestPTX(t *testing.T) {
	for capability, want := range map[[2]int]struct{ target, version string }{
		{8, 0}:  {"sm_80", "7.0"}, // CUDA 11.0, of 2020
		{8, 6}:  {"sm_80", "7.0"},
		{9, 0}:  {"sm_90", "7.8"}, // CUDA 11.8, of 2022, the first that knows Hopper
		{10, 0}: {"sm_90", "7.8"},
		{12, 1}: {"sm_90", "7.8"},
	} {
		text, err := ptx(capability[0], capability[1])
		if err != nil || !strings.Contains(text, "\n.version "+want.version+"\n.target "+want.target+"\n") {
			t.Errorf("%v: %v\n%.200s", capability, err, text)
		}
	}
	if _, err := ptx(7, 5); !errors.Is(err, errors.ErrUnsupported) || err.Error() != "cuda: compute capability 7.5 is too old: the kernels are for 8.0 (A100) and later" {
		t.Errorf("7.5: %v", err)
	}
}

// What the loader and Launch take for granted of the PTX, and what makes it fast and exact.
func TestKernelsInPTX(t *testing.T) {
	for k, want := range map[Kernel]struct{ parameters, loads, stores, smid int }{
		Nothing:    {0, 0, 0, 0},
		WriteWords: {6, 0, 1, 1},
		ReadWords:  {4, 4 + 1, 1, 1}, // four at once, and the rest
		CopyWords:  {4, 4 + 1, 4 + 1, 1},
		ReduceRows: {4, Addends, 1, 1},
		CountWrong: {4, 1, 1, 0},
	} {
		for _, major := range []int{8, 9} {
			text, err := ptx(major, 0)
			if err != nil {
				t.Fatal(err)
			}
			n, err := parameters(text, k)
			if err != nil || n != want.parameters {
				t.Errorf("sm_%d0: %v has %d parameters, want %d (%v)", major, k, n, want.parameters, err)
			}
			_, body, _ := strings.Cut(text, ".entry "+k.String()+"(")
			body, _, _ = strings.Cut(body, "\n}\n")
			for what, count := range map[string]int{
				`ld\.global\.v4\.u32`:       want.loads,
				`st\.global\.v4\.u32`:       want.stores,
				`%smid`:                     want.smid,
				`\.local|%SP`:               0, // an array that is no longer in registers
				`\.ftz|fma|mad\.rn|ex2`:     0, // not IEEE's sums one by one
				`\.param \.(u32|b32|align)`: 0,
			} {
				if got := len(regexp.MustCompile(what).FindAllString(body, -1)); got != count {
					t.Errorf("sm_%d0: %v has %d of %s, want %d", major, k, got, what, count)
				}
			}
			if k == ReduceRows && strings.Count(body, "add.rn.f32") != 8*Addends { // 8 values of a vector
				t.Errorf("sm_%d0: %d additions", major, strings.Count(body, "add.rn.f32"))
			}
		}
	}
	if _, err := parameters("", CopyWords); err == nil || err.Error() != "cuda: the PTX has no kernel copy_words" {
		t.Error(err)
	}
	if s := Kernel(99).String(); s != "kernel 99" {
		t.Error(s)
	}
}
