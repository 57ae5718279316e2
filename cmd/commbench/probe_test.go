package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
	"github.com/commbench/commbench/nvml/fake"
)

// frozen is the page of a machine that is not there, a minute after it was started.
func frozen(t *testing.T, spec string) *probe.Page {
	t.Helper()
	m, err := probe.Fake(spec)
	if err != nil {
		t.Fatal(err)
	}
	gpus := m.GPUs.(*fake.Machine)
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	gpus.Clock = func() time.Time { return now }
	m.Read() // which is the start
	now = now.Add(time.Minute)
	p := m.Read()
	p.Time = now
	p.Host.Cores, p.Host.Go, p.Host.MemoryBytes = 224, "go1.26.0", answer.Is(int64(2<<40))
	p.Verdicts = judge.Machine(p)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return p.Finish()
}

func TestPages(t *testing.T) {
	for _, spec := range []string{"h100x8", "gb200x4", "h100-pciex2,pcie-width:1,old-driver", "a100x8,ecc:3,link-down:5,throttle:6:heat"} {
		name, _, _ := strings.Cut(spec, ",")
		golden(t, "probe-"+name+".stdout", string(pageTable(frozen(t, spec))))
	}
}

func TestProbeOfThisMachine(t *testing.T) {
	code, out, errs := commbench(t, "probe")
	if code != exitGood || !strings.Contains(out, "host ") || !strings.Contains(out, "GPUs ") || errs != "" {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	code, out, errs = commbench(t, "probe", "--format", "json")
	var page struct {
		Schema  string
		Missing map[string]string
		Host    struct{ Cores int }
	}
	if err := json.Unmarshal([]byte(out), &page); err != nil || code != exitGood {
		t.Fatalf("exit %d: %v: %s%s", code, err, out, errs)
	}
	if page.Schema != probe.Schema || page.Host.Cores < 1 || len(page.Missing) == 0 {
		t.Errorf("page %+v", page)
	}
}

func TestStrictProbe(t *testing.T) {
	for spec, want := range map[string]int{"h100x8": exitGood, "b200x8": exitGood, "h100x8,throttle:3": exitRule, "h100x8,link-down": exitRule} {
		code, out, errs := commbench(t, "probe", "--fake", spec, "--strict")
		if code != want || !strings.Contains(out, "NVIDIA") {
			t.Errorf("%s: exit %d, expected %d: %s", spec, code, want, errs)
		}
		if bad := strings.Contains(out, "\nBAD "); bad != (want == exitRule) {
			t.Errorf("%s: bad verdicts on the page: %v", spec, bad)
		}
	}
}

func TestAllow(t *testing.T) {
	args := []string{"probe", "--fake", "h100x8,throttle:3,link-down:1", "--strict"}
	for allow, want := range map[string]int{"clocks": exitRule, "links,clocks": exitGood, "links,clock": exitUsage, "": exitUsage} {
		if code, _, errs := commbench(t, append(args, "--allow", allow)...); code != want || code == exitRule && !strings.Contains(errs, "verdict links is bad") {
			t.Errorf("--allow %q: exit %d, expected %d: %s", allow, code, want, errs)
		}
	}
	if code, _, errs := commbench(t, "probe", "--allow", "links"); code != exitUsage || !strings.Contains(errs, "is for --strict") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestWatchingAMachine(t *testing.T) {
	args := []string{"probe", "--watch", "--fake", "h100x2", "--interval", "10ms", "--looks", "3"}
	code, out, errs := commbench(t, args...)
	if code != exitGood || errs != "" || strings.Count(out, "\ngpu1 ") != 3 || strings.Count(out, "mlx5_0/1 ") != 3 || strings.Contains(out, "\x1b") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	args[3] += ",throttle:1"
	code, out, errs = commbench(t, append(args, "--format", "json")...)
	if code != exitGood || strings.Count(out, "\n") != 3 {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	for line := range strings.Lines(out) {
		var look struct {
			Schema, Version, Fake string
			Time                  time.Time
			Figures               map[string]map[string]*float64
			HeldBy                map[string][]string `json:"held_down_by"`
		}
		if err := json.Unmarshal([]byte(line), &look); err != nil {
			t.Fatal(err)
		}
		if v := look.Figures["gpu0"]["power W"]; v == nil || *v < 1 || look.Figures["mlx5_0/1"]["tx B/s"] == nil || look.Time.IsZero() {
			t.Errorf("look %s", line)
		}
		if look.Schema != "commbench.look/v1" || look.Version != version || look.Fake != args[3] || len(look.HeldBy["gpu0"]) != 0 || len(look.HeldBy["gpu1"]) != 1 || look.HeldBy["gpu1"][0] != "power cap" {
			t.Errorf("look %s", line)
		}
	}
}

func TestTroublesAreSeen(t *testing.T) {
	code, out, errs := commbench(t, "probe", "--watch", "--fake", "h100x2,lost:1:0,xid:0:79", "--interval", "600ms", "--looks", "2")
	if code != exitGood || !strings.Contains(out, "\ngpu1: could not tell: GPU is lost (") || !strings.Contains(out, "\ngpu0: Xid 79  (") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}

// An interrupt is how watching ends.
func TestInterruptedWatching(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var out, errs bytes.Buffer
	time.AfterFunc(50*time.Millisecond, cancel)
	if code := run(ctx, []string{"commbench", "probe", "--watch", "--fake", "h100x2", "--interval", "10ms"}, &out, &errs); code != exitGood || errs.Len() > 0 {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}

func TestGPUThatDoesNotAnswer(t *testing.T) {
	m, err := probe.Fake("h100x2,hang:1")
	if err != nil {
		t.Fatal(err)
	}
	gpus := m.GPUs
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	ask := newAsker(ctx, m, &progress{})
	if _, err := ask.page(); !errors.Is(err, errInterrupted) || !ask.stuck || ask.close() != nil {
		t.Errorf("error %v, stuck %v", err, ask.stuck)
	}
	if err := gpus.Close(); err != nil { // which lets go
		t.Fatal(err)
	}
}

// silent is a GPU that does not answer until it is let go.
type silent struct {
	nvml.Device
	release chan struct{}
}

func (s silent) Reading() nvml.Reading {
	<-s.release
	return s.Device.Reading()
}

// halfSilent has the second of its GPUs silent.
type halfSilent struct {
	nvml.Library
	release chan struct{}
}

func (l halfSilent) Devices() []nvml.Device {
	all := slices.Clone(l.Library.Devices())
	all[1] = silent{all[1], l.release}
	return all
}

// One that hangs does not hide those before it.
func TestPageOfAGPUThatHangs(t *testing.T) {
	m, err := probe.Fake("h100x3")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		m.GPUs = halfSilent{m.GPUs, release}
		ask := newAsker(context.Background(), m, &progress{})
		page, err := ask.page()
		if err != nil || len(page.GPUs.Or(nil)) != 1 || !strings.Contains(page.Silent, "no answer from GPU 1 for 30s") {
			t.Fatalf("error %v, GPUs %v, silent %q", err, page.GPUs, page.Silent)
		}
		if names := page.Topology.Names; !slices.Contains(names, "GPU0") || slices.Contains(names, "GPU1") {
			t.Errorf("the matrix is of %v", names)
		}
		if out := string(pageTable(page)); !strings.Contains(out, "\n  0  NVIDIA H100") || !strings.Contains(out, "GPUs        1 of 3, asked in their order, driver") || !strings.Contains(out, "no answer from GPU 1") {
			t.Errorf("page %s", out)
		}
		close(release)
	})
}

// What hangs costs the GPUs, and no more.
func TestPageOfAMachineThatHangs(t *testing.T) {
	m, err := probe.Fake("h100x2,hang:1")
	if err != nil {
		t.Fatal(err)
	}
	gpus := m.GPUs
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		m.Open, m.GPUs = func() (nvml.Library, error) { <-release; return nil, errors.ErrUnsupported }, nil
		ask := newAsker(context.Background(), m, &progress{})
		page, err := ask.page()
		if err != nil || !ask.stuck || !strings.Contains(page.GPUs.String(), "no answer from NVML, to open it, for 30s") {
			t.Fatalf("error %v, GPUs %v", err, page.GPUs)
		}
		if out := string(pageTable(page)); !strings.Contains(out, "mlx5_0/1") || !strings.Contains(out, "hangs") {
			t.Errorf("page %s", out)
		}
		if v := judge.Machine(page); judge.Broken([]record.Record{{Verdicts: v}}) == nil {
			t.Errorf("verdicts %v", v)
		}
		close(release)
	})
	if err := gpus.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestProbeRefuses(t *testing.T) {
	for want, args := range map[string][]string{
		"1 to 8 GPUs":                {"--fake", "h100x9"},
		"no machine":                 {"--fake", "cray-1"},
		"throttle":                   {"--fake", "h100x8,broken"},
		"at least 10ms":              {"--watch", "--interval", "1ns"},
		"at least 1":                 {"--watch", "--looks", "0"},
		"are for --watch":            {"--looks", "3"},
		"leave --watch out":          {"--watch", "--strict"},
		"want table, json":           {"--format", "xml"},
		"unexpected argument":        {"h100x8"},
		"see commbench probe --help": {"--bogus"},
	} {
		code, out, errs := commbench(t, append([]string{"probe"}, args...)...)
		if code != exitUsage || !strings.Contains(errs, want) || out != "" {
			t.Errorf("%q: exit %d: %s%s, expected %q", args, code, out, errs, want)
		}
	}
}

// instead has runs look at a machine that is not there.
func instead(t *testing.T, spec string) {
	t.Helper()
	before := machineHere
	t.Cleanup(func() { machineHere = before })
	machineHere = func() *probe.Machine {
		m, err := probe.Fake(spec)
		if err != nil {
			panic(err) // the test's own
		}
		return m
	}
}

func TestStrictRun(t *testing.T) {
	instead(t, "h100x2,throttle:1:heat")
	for _, args := range [][]string{
		{"dispatch", "--sample", "10ms"}, {"combine"}, {"roundtrip", "--sample", "20ms"},
		{"sm", "--measured", "--sample", "10ms"},
	} {
		args = append(args, small...)
		code, out, errs := commbench(t, append(args, "--strict")...)
		if code != exitRule || !strings.Contains(errs, "clocks") || !strings.Contains(out, "BAD         clocks: GPU 1") && args[0] != "sm" {
			t.Errorf("%q: exit %d: %s%s", args, code, out, errs)
		}
		if code, _, errs := commbench(t, args...); code != exitGood || errs != "" {
			t.Errorf("%q without --strict: exit %d: %s", args, code, errs)
		}
	}
}

func TestSampledRun(t *testing.T) {
	instead(t, "h100x2")
	code, out, errs := commbench(t, append([]string{"dispatch", "--sample", "10ms", "--format", "jsonl"}, small...)...)
	recs, err := record.Read(strings.NewReader(out), "stdout")
	if code != exitGood || err != nil || len(recs) != 2 {
		t.Fatalf("exit %d: %v: %s%s", code, err, out, errs)
	}
	if s := recs[0].Sampling; s == nil || len(s.Series) == 0 || s.PowerW == nil {
		t.Errorf("sampling %+v", s)
	}
	if code, out, _ = commbench(t, append([]string{"dispatch", "--sample", "10ms"}, small...)...); !strings.Contains(out, "\nsampling ") || !strings.Contains(out, "power") {
		t.Errorf("exit %d: %s", code, out)
	}
	for _, bad := range []string{"1ms", "-1s", "2h", "x"} {
		if code, _, errs := commbench(t, append([]string{"dispatch", "--sample", bad}, small...)...); code != exitUsage || !strings.Contains(errs, "sample") {
			t.Errorf("--sample %s: exit %d: %s", bad, code, errs)
		}
	}
}
