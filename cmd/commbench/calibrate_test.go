package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commbench/commbench/alltoall/hardware"
)

// recorded are simulations on an h800 with slower NICs, as a file of records.
func recorded(t *testing.T) string {
	t.Helper()
	h, err := hardware.Open("h800")
	if err != nil {
		t.Fatal(err)
	}
	h.ScaleOut.Achievable.Value = 30
	dir := t.TempDir()
	slow, file := filepath.Join(dir, "slow.yaml"), filepath.Join(dir, "runs.jsonl")
	if err := os.WriteFile(slow, h.YAML(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"dispatch --sweep nodes=1,2,4 --sms 20", "combine --sweep nodes=1,4 --sms 20", "dispatch --sweep sms=4,8"} {
		args += " --hardware " + slow + " --kernels v1 --tokens 1024 --format jsonl -o " + file
		if code, _, errs := commbench(t, append([]string{"sim"}, strings.Fields(args)...)...); code != exitGood {
			t.Fatalf("%s: exit %d: %s", args, code, errs)
		}
	}
	return file
}

// Records of a host's memory fit, and say nothing of the hardware that is named.
func TestCalibrateToAHost(t *testing.T) {
	file := filepath.Join(t.TempDir(), "runs.jsonl")
	for _, tokens := range []string{"64", "256"} {
		if code, _, errs := commbench(t, "dispatch", "--nodes", "2", "--gpus-per-node", "2", "--experts", "8", "--tokens", tokens, "--iters", "2", "--format", "jsonl", "-o", file); code != exitGood {
			t.Fatal(errs)
		}
	}
	code, out, errs := commbench(t, "calibrate", "--records", file, "--hardware", "h100", "--fit", "write_gbps")
	if code != exitGood || !strings.Contains(out, "\nwarning: 4 of 4 records ran over the memory of a host without GPUs: ") || !strings.Contains(out, "not what h100 does") {
		t.Errorf("exit %d: %s\n%s", code, errs, out)
	}
	code, out, _ = commbench(t, "calibrate", "--records", recorded(t), "--hardware", "h800", "--format", "json")
	if code != exitGood || !strings.Contains(out, `"warnings": []`) {
		t.Errorf("of simulations: exit %d: %s", code, out)
	}
}

// What was slower in the records is slower in what is fitted to them, and the files that are
// written predict what the table says.
func TestCalibrate(t *testing.T) {
	file := recorded(t)
	dir := t.TempDir()
	mine, kernels := filepath.Join(dir, "mine.yaml"), filepath.Join(dir, "kernels.yaml")
	code, out, errs := commbench(t, "calibrate", "--records", file, "--hardware", "h800", "--kernels", "v1", "-o", mine, "--kernels-output", kernels)
	if code != exitGood || errs != "" {
		t.Fatalf("exit %d: %s", code, errs)
	}
	golden(t, "calibrate.stdout", strings.ReplaceAll(out, file, "runs.jsonl"))
	h, err := hardware.Open(mine)
	if err != nil {
		t.Fatal(err)
	}
	if got := h.ScaleOut.Achievable; got.Value < 27 || got.Value > 31 || got.Source != "fitted to 7 records of runs.jsonl" || h.Name != "h800-calibrated" {
		t.Errorf("%s: %+v", h.Name, got)
	}
	if k, err := hardware.Kernels(kernels); err != nil || k.Name != "v1-calibrated" || !k.RolesApart {
		t.Errorf("%+v, %v", k, err)
	}
	var doc struct {
		Schema  string
		Records []calibrated
	}
	code, out, errs = commbench(t, "calibrate", "--records", file, "--hardware", mine, "--kernels", kernels, "--format", "json")
	if err := json.Unmarshal([]byte(out), &doc); err != nil || code != exitGood || doc.Schema != "commbench.calibration/v1" || len(doc.Records) != 7 {
		t.Fatalf("exit %d, %v: %s\n%s", code, err, errs, out)
	}
	for _, r := range doc.Records { // there is little left to fit
		if math.Abs(r.After/r.Before-1) > 0.005 || math.Abs(r.Residual) > 0.08 {
			t.Errorf("%+v", r)
		}
	}
}

func TestBadCalibrations(t *testing.T) {
	file := recorded(t)
	empty, junk := filepath.Join(t.TempDir(), "empty.jsonl"), filepath.Join(t.TempDir(), "junk.jsonl")
	for path, text := range map[string]string{empty: "", junk: "{"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for args, want := range map[string]string{
		"":                                  "--records: want one",
		"extra":                             "unexpected argument",
		"--records " + file:                 "--hardware: want one",
		"--records no/such --hardware h800": "no such file",
		"--records " + empty + " --hardware h800":                                    "no records",
		"--records " + junk + " --hardware h800":                                     "junk.jsonl",
		"--records " + file + " --hardware h900":                                     "nothing called",
		"--records " + file + " --hardware h800 --kernels v9":                        "no kernels",
		"--records " + file + " --hardware h800 --kernels ll":                        "no record can be fitted to: record 0 (dispatch by two-hop): sample 0: model: two-hop by kernels ll: low-latency kernels are for",
		"--records " + file + " --hardware h800 --fit colour":                        `no parameter "colour"`,
		"--records " + file + " --hardware h800 --kernels v1 -o mine.json":           "ends in .yaml",
		"--records " + file + " --hardware h800 --kernels v1 -o no/such/dir/m.yaml":  "no such file",
		"--records " + file + " --hardware h800 --kernels v1 --kernels-output k.txt": "--kernels-output k.txt: want a name that ends in .yaml",
		"--records " + file + " --hardware h800 --sms -4":                            "--sms -4",
		"--records " + file + " --hardware h800 --format csv":                        "want table, json",
	} {
		code, out, errs := commbench(t, append([]string{"calibrate"}, strings.Fields(args)...)...)
		if code != exitUsage || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, want %d and a message with %q\nstdout: %s\nstderr: %s", args, code, exitUsage, want, out, errs)
		}
	}
}
