//go:build cgo && linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/bench/gpu"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/nvml/cuda/cudatest"
)

// gpu runs gpu measure on a driver that stands in, told to be something.
func onGPU(t *testing.T, told, args string) (code int, stdout, stderr string) {
	t.Helper()
	t.Setenv(cudatest.Env, told)
	return commbench(t, append([]string{"gpu", "measure", "--bytes", "1000000", "--repeats", "2"}, strings.Fields(args)...)...)
}

func TestGPUMeasure(t *testing.T) {
	library(t, cudatest.Library(t))
	code, out, errs := onGPU(t, "devices=2", "")
	if code != exitGood || errs != "" || !strings.HasPrefix(out, "commbench gpu measure: driver for CUDA 12.8, medians of 2 repeats\n\nGPU 0   Host that stands in for a GPU, 0000:1b:00.0") ||
		!strings.Contains(out, "The bytes of every result are right.") || !strings.Contains(out, "knee: 12 SMs") {
		t.Errorf("exit %d: %s\n%s", code, errs, out)
	}
	var doc struct {
		Schema, Version string
		Time            time.Time
		gpu.Result
	}
	code, out, errs = onGPU(t, "devices=2", "--device 1 --format json")
	if err := json.Unmarshal([]byte(out), &doc); err != nil || code != exitGood || doc.Schema != "commbench.gpu/v1" || doc.Version != version || time.Since(doc.Time) > time.Minute || len(doc.GPUs) != 1 || doc.GPUs[0].Number != 1 || len(doc.GPUs[0].Curve) != 8 {
		t.Errorf("exit %d, %v: %s\n%s", code, err, errs, out)
	}
	for _, none := range []string{`"peers": []`, `"wrong": []`, `"warnings": []`} { // never null
		if !strings.Contains(out, none) {
			t.Errorf("no %s", none)
		}
	}
}

func TestGPUInterrupted(t *testing.T) {
	library(t, cudatest.Library(t))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out, errs bytes.Buffer
	if code := run(ctx, []string{"commbench", "gpu", "measure", "--bytes", "1000000"}, &out, &errs); code != exitFail || out.Len() > 0 || errs.String() != "commbench: interrupted\n" {
		t.Errorf("exit %d: %s%s", code, &errs, &out)
	}
}

// What is written is hardware that predictions take.
func TestGPUHardwareFile(t *testing.T) {
	library(t, cudatest.Library(t))
	file := filepath.Join(t.TempDir(), "mine.yaml")
	if code, out, errs := onGPU(t, "devices=2 sms=12", "--hardware h100 -o "+file); code != exitGood || errs != "" || !strings.Contains(out, "knee") {
		t.Fatalf("exit %d: %s\n%s", code, errs, out)
	}
	h, err := hardware.Open(file)
	if err != nil || h.Name != "h100-measured" || h.SMs() != 12 || h.GPU.Memory.Value < 180 || h.GPU.Memory.Value > 200 || h.ScaleUp.Achievable.Value < 90 {
		t.Fatalf("%+v (%v)", h, err)
	}
	for _, args := range []string{"hardware show " + file, "sm --nodes 4 --hardware " + file} {
		if code, out, errs := commbench(t, strings.Fields(args)...); code != exitGood || out == "" {
			t.Errorf("%s: exit %d: %s", args, code, errs)
		}
	}
	// A run that fails leaves what is there.
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for told, want := range map[string]int{"flip=copy_words": exitWrong, "fail=cuLaunchKernel:700@100": exitFail, "devices=0": exitFail} {
		if code, _, errs := onGPU(t, told, "--hardware h100 -o "+file); code != want {
			t.Errorf("%s: exit %d, want %d: %s", told, code, want, errs)
		}
	}
	after, err := os.ReadFile(file)
	if entries, _ := os.ReadDir(filepath.Dir(file)); err != nil || string(after) != string(before) || len(entries) != 1 {
		t.Errorf("%d files, %v, and the file is now\n%s", len(entries), err, after)
	}
}

// Clocks that were held down are seen, of GPUs that were measured, and said wherever the figures go.
func TestGPUWatched(t *testing.T) {
	library(t, cudatest.Library(t))
	const held = "GPU 1 was held down for "
	on := func(spec, args string) (int, string, string) {
		t.Helper()
		instead(t, spec)
		return onGPU(t, "devices=2 sms=4", args)
	}
	if code, out, errs := on("h100x2,throttle:1", "--device 0 --strict"); code != exitGood || strings.Contains(out, "BAD") || errs != "" {
		t.Errorf("another was throttled: exit %d: %s\n%s", code, errs, out)
	}
	code, out, errs := on("h100x2,throttle:1", "--sample 10ms --strict")
	for _, want := range []string{"\nBAD clocks: " + held, "by power cap\nMeanwhile, all GPUs of this host, means: ", " looks of 10 ms, GPUs took ", " W, SMs ran at ", " MHz, at most ", "held down for "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if code != exitRule || errs != "commbench: --strict: verdict clocks is bad; see docs/verdicts.md\n" {
		t.Errorf("exit %d: %s", code, errs)
	}
	if code, _, errs := on("h100x2,throttle:1", "--strict --allow clocks"); code != exitGood {
		t.Errorf("exit %d: %s", code, errs)
	}

	var doc struct {
		Host     record.HostInfo
		Verdicts []record.Verdict
		Sampling *record.Sampling
	}
	states := func(spec string) map[string]string {
		t.Helper()
		file := filepath.Join(t.TempDir(), "mine.yaml")
		code, out, errs := on(spec, "--format json --hardware h100 -o "+file)
		if err := json.Unmarshal([]byte(out), &doc); code != exitGood || err != nil {
			t.Fatalf("exit %d, %v: %s\n%s", code, err, errs, out)
		}
		h, err := hardware.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]string{"source": h.GPU.Memory.Source}
		for _, v := range doc.Verdicts {
			all[v.Name] = v.State
		}
		return all
	}
	got := states("h100x2,throttle:1")
	if got["clocks"] != record.Bad || got["links"] != record.Good || got["faults"] != record.Good || len(got) != 5 || !strings.Contains(got["source"], "CUDA 12.8, while "+held) || len(doc.Host.GPUs) != 2 || doc.Sampling != nil {
		t.Errorf("%v, %+v", got, doc)
	}
	// One that NVML does not show is not one that is well.
	if got := states("h100x1"); got["clocks"] != record.Unknown || got["faults"] != record.Unknown || strings.Contains(got["source"], "while") {
		t.Errorf("%v, %v", got, doc.Verdicts)
	}
}

func TestGPUExitCodes(t *testing.T) {
	library(t, cudatest.Library(t))
	for told, c := range map[string]struct {
		args      string
		code      int
		err, want string
	}{
		"devices=0":                    {"", exitFail, "no NVIDIA GPU is here", ""},
		"capability=75":                {"", exitFail, "compute capability 7.5 is too old", ""},
		"devices=2":                    {"--device 2", exitUsage, "GPUs [2] cannot be measured: want different ones of 0 to 1", ""},
		"mib=2":                        {"--bytes 100000000", exitUsage, "they are needed twice", ""},
		"flip=copy_words sms=2":        {"", exitWrong, "data were wrong: GPU 0: copy on 1 SM: 1 wrong word, and 1 more", "WRONG: GPU 0: copy on 1 SM: 1 wrong word\n"},
		"flip=cuMemcpyHtoDAsync_v2":    {"--format json", exitWrong, "data were wrong: GPU 0: host to device: 1 wrong word\n", `"GPU 0: host to device: 1 wrong word"`},
		"crowd=1 sms=2":                {"", exitGood, "", "warning: GPU 0: read on 2 SMs ran on 1, and is left out"},
		"fail=cuStreamSynchronize:719": {"", exitFail, "cuStreamSynchronize: unknown (719)", ""},
		"fail=cuMemAlloc_v2:2":         {"", exitFail, "out of memory: take fewer bytes, or end what else uses this GPU", ""},
	} {
		code, out, errs := onGPU(t, told, c.args)
		if code != c.code || !strings.Contains(errs, c.err) || !strings.Contains(out, c.want) || c.want == "" && out != "" {
			t.Errorf("%s: exit %d, want %d: %s\n%s", told, code, c.code, errs, out)
		}
	}
}
