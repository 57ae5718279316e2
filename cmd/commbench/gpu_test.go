package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/bench/gpu"
)

// library is the driver of a test.
func library(t *testing.T, path string) {
	driverLibrary = path
	t.Cleanup(func() { driverLibrary = "" })
}

func TestGPUHelp(t *testing.T) {
	for file, args := range map[string][]string{"gpu-help.stdout": {"gpu"}, "gpu-measure-help.stdout": {"gpu", "measure", "--help"}} {
		code, out, errs := commbench(t, args...)
		if code != exitGood || errs != "" {
			t.Fatalf("%v: exit %d: %s", args, code, errs)
		}
		golden(t, file, out)
	}
}

// Without a GPU there is one sentence, and no file.
func TestNoGPU(t *testing.T) {
	library(t, "/nowhere/libcuda.so.1")
	for _, args := range []string{"", "--format json", "--hardware h100 -o " + filepath.Join(t.TempDir(), "mine.yaml")} {
		code, out, errs := commbench(t, append([]string{"gpu", "measure"}, strings.Fields(args)...)...)
		want := "commbench: cuda: /nowhere/libcuda.so.1 is not here: no NVIDIA driver\n"
		if strings.Contains(errs, "cgo") {
			want = "commbench: cuda: this build has no cgo, or is not for Linux: it cannot use a GPU\n"
		}
		if code != exitFail || out != "" || errs != want {
			t.Errorf("%s: exit %d, %q, %q", args, code, out, errs)
		}
	}
}

func TestBadGPUs(t *testing.T) {
	library(t, "/nowhere/libcuda.so.1")
	for args, want := range map[string]string{
		"gpu dance":                                         `no command "dance"; see commbench gpu --help`,
		"gpu measure extra":                                 `unexpected argument "extra"`,
		"gpu measure --bogus":                               "see commbench gpu measure --help",
		"gpu measure --device gpu0":                         `--device "gpu0": want numbers of GPUs`,
		"gpu measure --device -1":                           "want numbers of GPUs",
		"gpu measure --device 0,,1":                         "want numbers of GPUs",
		"gpu measure --repeats 0":                           "--repeats 0: want 1 to 1000",
		"gpu measure --repeats 1001":                        "want 1 to 1000",
		"gpu measure --bytes 0":                             "--bytes 0",
		"gpu measure --format csv":                          "want table, json",
		"gpu measure --hardware h100":                       "--hardware is for -o FILE.yaml",
		"gpu measure -o mine.yaml":                          "-o wants --hardware NAME too",
		"gpu measure -o mine.json":                          "ends in .yaml",
		"gpu measure --sample 1ms":                          "--sample 1ms: want 10ms to 1h0m0s",
		"gpu measure --strict --allow clock":                `--allow "clock": want some of`,
		"gpu measure --hardware h900 -o mine.yaml":          "nothing called",
		"gpu measure --hardware h100 -o no/such/dir/m.yaml": "no such file",
	} {
		code, out, errs := commbench(t, strings.Fields(args)...)
		if code != exitUsage || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, want %d and a message with %q\nstdout: %s\nstderr: %s", args, code, exitUsage, want, out, errs)
		}
	}
}

// measured is a result that was made up, of two GPUs.
func measured() *gpu.Result {
	rate := func(gbps float64) *gpu.Rate { return &gpu.Rate{GBps: gbps, Min: gbps * 0.96, Max: gbps * 1.02} }
	latency := func(us float64) *gpu.Time { return &gpu.Time{US: us, Min: us * 0.9, Max: us * 1.5} }
	r := &gpu.Result{CUDA: "12.8", Repeats: 10}
	for n := range 2 {
		g := &gpu.GPU{Number: n, Name: "Invented GPU", PCI: fmt.Sprintf("0000:1%d:00.0", n), Capability: "9.0", SMs: 132, L2Bytes: 50 << 20, MemoryBytes: 80e9, Bytes: 1048477696,
			KneeSMs: new(64), ToDevice: rate(55.3), ToHost: rate(53.1), Launch: latency(2.31), LaunchWait: latency(7.2), Events: latency(0.9), EventWait: latency(4.4)}
		for _, sms := range []int{1, 2, 4, 8, 16, 32, 64, 128, 132} {
			most := min(52*float64(sms), 2900-float64(n))
			g.Curve = append(g.Curve, gpu.Point{SMs: sms, Read: rate(most * 1.02), Write: rate(most * 0.98), Copy: rate(most), Reduce: rate(most / 2)})
		}
		r.GPUs = append(r.GPUs, g)
	}
	r.Peers = []gpu.Peer{{From: 0, To: 1, Direct: true, Rate: *rate(391)}, {From: 1, To: 0, Direct: true, Rate: *rate(388.123)}}
	return r
}

func TestGPUTable(t *testing.T) {
	r := measured()
	golden(t, "gpu.stdout", string((&gpuReport{Result: r}).table()))

	// What was not measured, is not direct, or is wrong.
	r.GPUs = append(r.GPUs[:1], &gpu.GPU{Number: 1})
	r.GPUs[0].Curve = r.GPUs[0].Curve[:3]
	r.GPUs[0].Curve[1].Copy, r.GPUs[0].Curve[2].Reduce, r.GPUs[0].KneeSMs, r.GPUs[0].ToHost, r.GPUs[0].Launch = nil, nil, nil, nil, nil
	r.Peers[0].Direct = false
	r.Peers, r.Interrupted = r.Peers[:1], true
	r.Wrong, r.Warnings = []string{"GPU 0: copy on 1 SM: 1 wrong word"}, []string{"GPU 0: copy on 2 SMs ran on 1, and is left out: something else holds SMs of this GPU"}
	golden(t, "gpu-part.stdout", string((&gpuReport{Result: r}).table()))
}

func TestAsMeasured(t *testing.T) {
	open := func() *hardware.Hardware {
		h, err := hardware.Open("h100")
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	h, r := open(), measured()
	if err := asMeasured(h, &gpuReport{Result: r}); err != nil {
		t.Fatal(err)
	}
	by := "measured by commbench gpu measure, Invented GPU, driver for CUDA 12.8"
	for got, want := range map[hardware.Figure]hardware.Figure{
		h.GPU.SMs:            {Value: 132, Source: by},
		h.GPU.Memory:         {Value: 2899, Source: by + ": copy on 64 SMs, read and written, the slowest of 2 GPUs"},
		h.ScaleUp.Achievable: {Value: 388.1, Source: by + ": copy from GPU 1 to 0, the slowest of 2 ordered pairs"},
		h.ScaleUp.Line:       open().ScaleUp.Line,
		h.ScaleOut.Put:       open().ScaleOut.Put,
	} {
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	if h.Name != "h100-measured" || h.Title != "Invented GPU, measured; all else as "+open().Title {
		t.Errorf("%s: %s", h.Name, h.Title)
	}

	for name, c := range map[string]struct {
		spoil func(*gpu.Result)
		want  string // "": the catalogue's scale-up stays
	}{
		"two kinds":        {func(r *gpu.Result) { r.GPUs[1].Name = "Another" }, "GPU 0 (Invented GPU) and GPU 1 (Another) differ"},
		"other hardware":   {func(r *gpu.Result) { r.Peers[0].GBps, r.Peers[1].GBps = 760, 750 }, "from GPU 1 to 0 go 750 GB/s, and the line rate of h100 is 450 GB/s"},
		"nothing":          {func(r *gpu.Result) { r.GPUs = r.GPUs[:1]; r.GPUs[0].Curve = nil }, "no copy was measured"},
		"one GPU":          {func(r *gpu.Result) { r.GPUs, r.Peers = r.GPUs[:1], nil }, ""},
		"through the host": {func(r *gpu.Result) { r.Peers[1].Direct = false }, ""},
	} {
		h, r := open(), measured()
		c.spoil(r)
		err := asMeasured(h, &gpuReport{Result: r})
		if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) || c.want == "" && (err != nil || h.ScaleUp != open().ScaleUp) {
			t.Errorf("%s: %v, %+v, want %q", name, err, h.ScaleUp, c.want)
		}
	}
}
