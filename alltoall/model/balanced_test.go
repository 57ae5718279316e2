package model

import (
	"math"
	"strings"
	"testing"

	"github.com/commbench/commbench/alltoall/hardware"
)

func open(t testing.TB, name string) (*hardware.Hardware, *hardware.Profile) {
	t.Helper()
	h, err := hardware.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	v2, err := hardware.Kernels("v2")
	if err != nil {
		t.Fatal(err)
	}
	return h, v2
}

// What DeepEP V2 prints for its published settings, 256 experts and top-8, and the raw
// numbers behind: its README says 12, 6 and 24.
func TestPublishedSMs(t *testing.T) {
	for _, c := range []struct {
		hardware    string
		nodes, gpus int
		raw         float64
		sms         int
		bound       Domain
	}{
		{"h100", 2, 8, 8.55, 12, ScaleOut},
		{"h100", 4, 8, 3.38, 6, ScaleOut},
		{"h100", 8, 8, 2.02, 4, ScaleOut},
		{"b200", 1, 8, 18.51, 24, ScaleUp},
	} {
		h, v2 := open(t, c.hardware)
		got, err := Balanced{Nodes: c.nodes, GPUsPerNode: c.gpus, Experts: 256, TopK: 8}.SMs(h, v2)
		if err != nil || math.Abs(got.Raw-c.raw) > 0.005 || got.SMs != c.sms || got.Bound != c.bound {
			t.Errorf("%s, %d x %d: %+v (%v), want %d of %v, bound by %s", c.hardware, c.nodes, c.gpus, got, err, c.sms, c.raw, c.bound)
		}
	}
	// A GPU has no more SMs than it has, however many were asked for.
	h, v2 := open(t, "b200")
	v2.Write.Value = 1
	if got, err := (Balanced{Nodes: 1, GPUsPerNode: 8, Experts: 256, TopK: 8}).SMs(h, v2); err != nil || got.SMs != h.SMs() || got.Raw < 900 {
		t.Errorf("%+v (%v)", got, err)
	}
}

// All sets of choices, one by one.
func TestDistinct(t *testing.T) {
	for _, c := range []struct{ experts, topK, groups int }{{6, 3, 3}, {6, 3, 2}, {8, 1, 4}, {8, 8, 4}, {8, 5, 8}, {12, 7, 2}, {12, 7, 3}, {5, 2, 1}} {
		sets, sum := 0, 0
		for set := range 1 << c.experts {
			chosen, groups := 0, 0
			for g := range c.groups {
				before := chosen
				for e := range c.experts / c.groups {
					chosen += set >> (g*c.experts/c.groups + e) & 1
				}
				if chosen > before {
					groups++
				}
			}
			if chosen == c.topK {
				sets++
				sum += groups
			}
		}
		got, want := Balanced{Experts: c.experts, TopK: c.topK}.Distinct(c.groups), float64(sum)/float64(sets)
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("%+v: %v, want %v", c, got, want)
		}
	}
	for groups, want := range map[int]float64{2: 1.993, 4: 3.614, 8: 5.295, 16: 6.523, 32: 7.267} {
		if got := (Balanced{Experts: 256, TopK: 8}).Distinct(groups); math.Abs(got-want) > 0.0005 {
			t.Errorf("%d groups: %v, want %v", groups, got, want)
		}
	}
}

func TestBadWorkloads(t *testing.T) {
	h, v2 := open(t, "h800")
	for _, c := range []struct {
		b    Balanced
		want string
	}{
		{Balanced{0, 8, 256, 8}, "0 nodes: want 1 to"},
		{Balanced{1e9, 8, 256, 8}, "1000000000 nodes: want 1 to"},
		{Balanced{4, -8, 256, 8}, "-8 GPUs a node"},
		{Balanced{4, 8, math.MaxInt, 8}, "experts: want 1 to"},
		{Balanced{4, 8, 256, 0}, "0 top-k"},
		{Balanced{1, 8, 8, 9}, "top-9 of 8 experts"},
		{Balanced{4, 8, 250, 8}, "250 experts on 32 ranks"},
		{Balanced{1, 16, 256, 8}, "a scale-up domain of h800 has 8"},
		{Balanced{1, 1, 256, 8}, "nowhere to go"},
	} {
		if got, err := c.b.SMs(h, v2); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %+v, %v, want %q", c.b, got, err, c.want)
		}
	}
}

// One GPU a node has nobody to forward to.
func TestOneGPUANode(t *testing.T) {
	h, v2 := open(t, "h800")
	got, err := Balanced{Nodes: 8, GPUsPerNode: 1, Experts: 64, TopK: 4}.SMs(h, v2)
	if err != nil || got.ScaleUp != 0 || got.Bound != ScaleOut || got.TokenNodes != got.TokenRanks {
		t.Errorf("%+v (%v)", got, err)
	}
}

func BenchmarkSMs(b *testing.B) {
	h, v2 := open(b, "gb200-nvl72")
	for b.Loop() {
		if _, err := (Balanced{Nodes: 256, GPUsPerNode: 8, Experts: 2048, TopK: 8}).SMs(h, v2); err != nil {
			b.Fatal(err)
		}
	}
}
