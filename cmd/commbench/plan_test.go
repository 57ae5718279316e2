package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// both is a workload whose every token goes to both ranks.
var both = []string{"--gpus-per-node", "1", "--nodes", "2", "--experts", "2", "--topk", "2", "--tokens", "3", "--hidden", "128"}

func TestTrafficMatrix(t *testing.T) {
	for _, c := range []struct {
		args string
		want string
	}{
		// 128 FP8 values, a scale and two choices: 148 bytes, so 160.
		{"--algorithm direct", "480 480\n480 480\n"},
		// One choice: 140 bytes, so 144.
		{"--algorithm alltoall", "432 432\n432 432\n"},
		// 3 rows over the rail; 3 own ones and 3 that came stay within the node.
		{"--algorithm two-hop", "960 480\n480 960\n"},
		{"", "960 480\n480 960\n"},
		// 128 BF16 values and two weights: 264 bytes, so 272.
		{"--op combine --algorithm direct", "816 816\n816 816\n"},
		{"--dtype bf16 --algorithm direct", "816 816\n816 816\n"}, // and two ids: 272 bytes
		{"--empty-ranks 2 --algorithm direct", "0 0\n0 0\n"},
	} {
		args := append(append([]string{"plan", "--traffic-matrix"}, both...), strings.Fields(c.args)...)
		if code, out, errs := commbench(t, args...); code != exitGood || out != c.want || errs != "" {
			t.Errorf("%s: exit %d, %q, want %q: %s", c.args, code, out, c.want, errs)
		}
		file := filepath.Join(t.TempDir(), "matrix")
		if code, out, errs := commbench(t, append(args, "-o", file)...); code != exitGood || out != "" {
			t.Errorf("%s -o: exit %d, stdout %q: %s", c.args, code, out, errs)
		}
		if b, err := os.ReadFile(file); string(b) != c.want || err != nil {
			t.Errorf("%s: the file has %q, want %q (%v)", c.args, b, c.want, err)
		}
	}
}

func TestPlan(t *testing.T) {
	code, out, errs := commbench(t, "plan")
	if code != exitGood || errs != "" {
		t.Fatalf("exit %d: %s", code, errs)
	}
	golden(t, "plan.stdout", out)
	_, out, _ = commbench(t, append([]string{"plan", "--op", "combine", "--algorithm", "direct"}, both...)...)
	if !strings.Contains(out, "plan: combine") || !strings.Contains(out, "\ndirect") || strings.Contains(out, "two-hop") {
		t.Errorf("a combine by direct alone prints\n%s", out)
	}
}

func TestBadPlansSayWhatWouldDo(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"--bogus":                    "-bogus; see commbench plan --help",
		"--iters 3":                  "-iters; see commbench plan --help",
		"extra":                      `unexpected argument "extra"; see commbench plan --help`,
		"--op roundtrip":             "dispatch or combine",
		"--algorithm three-hop":      "two-hop direct alltoall",
		"--dtype fp4":                "fp8 or bf16",
		"--nodes 0":                  "at least 1",
		"--nodes 99999":              "more than",
		"--tokens -3":                "at least 0",
		"--tokens 9999999999":        "tokens",
		"--tokens 200000000":         "memory",
		"--nodes 8000 --experts 0":   "experts",
		"--channels 0":               "at least 1",
		"--channels 9999999":         "channels",
		"--experts 250":              "224 or 256 would do",
		"--preset v4":                "v3-train",
		"--routing trace:" + empty:   "the file is empty",
		"--routing load:" + empty:    "empty",
		"-o " + dir:                  "is a directory",
		"-o " + dir + "/no/such/dir": "--output",
	} {
		code, out, errs := commbench(t, append([]string{"plan"}, strings.Fields(args)...)...)
		if code != exitUsage || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, want %d and a message with %q\nstdout: %s\nstderr: %s", args, code, exitUsage, want, out, errs)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d files are left behind", len(entries)-1)
	}
}
