package model

import (
	"math"
	"strings"
	"testing"

	"github.com/commbench/commbench/alltoall/plan"
)

// samplesOf are what the model itself says of hardware, with another error each.
func samplesOf(t *testing.T, change func(h *fit), errs ...float64) []Sample {
	t.Helper()
	h, v1 := open(t, "h800", "v1")
	truth := &fit{h: *h, k: *v1}
	change(truth)
	i := 0
	for _, nodes := range []int{1, 2, 4, 8} {
		for _, op := range []Op{Dispatch, Combine} {
			for _, sms := range []int{4, 20} {
				for _, tokens := range []int{16, 4096} {
					w := cluster(nodes)
					w.Op, w.Tokens = op, tokens
					truth.samples = append(truth.samples, Sample{w, sms, 1})
					i++
				}
			}
		}
	}
	us, err := truth.predict()
	if err != nil {
		t.Fatal(err)
	}
	for i := range us {
		truth.samples[i].US = us[i]
		if len(errs) > 0 {
			truth.samples[i].US *= 1 + errs[i%len(errs)]
		}
	}
	return truth.samples
}

// A fit finds the parameters that samples were made with, from others.
func TestFitFindsTheTruth(t *testing.T) {
	h, v1 := open(t, "h800", "v1")
	want := map[Parameter]float64{OutRate: 31, UpRate: 111, Latency: 7, SMRate: 12}
	change := func(f *fit) {
		for p, v := range want {
			kn, err := f.knob(p)
			if err != nil {
				t.Fatal(err)
			}
			kn.set(v)
		}
	}
	got, err := Fit(h, v1, samplesOf(t, change), Parameters...)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range got.Values {
		if !v.Determined || math.Abs(v.After/want[v.Parameter]-1) > 0.01 {
			t.Errorf("%+v, want %v", v, want[v.Parameter])
		}
	}
	if got.Kernels.Read.Value/got.Kernels.Write.Value != v1.Read.Value/v1.Write.Value && math.Abs(got.Kernels.Read.Value/got.Kernels.Write.Value-4) > 1e-9 {
		t.Errorf("an SM reads %v and writes %v", got.Kernels.Read.Value, got.Kernels.Write.Value)
	}
	if h.ScaleOut.Achievable.Value != 50 || v1.Write.Value != 18.4 {
		t.Error("what was given has changed")
	}
	// With errors of a few percent it is near, and nearer to the samples than before.
	got, err = Fit(h, v1, samplesOf(t, change, 0.03, -0.02, 0.01, -0.04, 0.02), Parameters...)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range got.Values {
		if math.Abs(v.After/want[v.Parameter]-1) > 0.1 {
			t.Errorf("with errors: %+v, want %v", v, want[v.Parameter])
		}
	}
	sum := func(us []float64) (off float64) {
		for i, s := range samplesOf(t, change, 0.03, -0.02, 0.01, -0.04, 0.02) {
			off += math.Abs(math.Log(us[i] / s.US))
		}
		return off / float64(len(us))
	}
	if before, after := sum(got.Before), sum(got.After); after > 0.04 || before < 10*after {
		t.Errorf("off by %v before and %v after", before, after)
	}
}

// What no sample depends on is left as it was, and said to be.
func TestFitLeavesWhatIsNotDetermined(t *testing.T) {
	h, v1 := open(t, "h800", "v1")
	h.ScaleOut.Signal.Value = 1
	w := cluster(1)
	got, err := Fit(h, v1, []Sample{{w, 132, 900}}, Parameters...)
	if err != nil {
		t.Fatal(err)
	}
	if got.Hardware.ScaleOut.Signal.Value != 1 {
		t.Errorf("a signal takes %v us, and nothing depends on it", got.Hardware.ScaleOut.Signal.Value)
	}
	for _, v := range got.Values {
		if want := v.Parameter == UpRate || v.Parameter == SMRate && v.Determined; v.Determined != want || !v.Determined && v.After != v.Before {
			t.Errorf("%+v", v)
		}
	}
	if off := got.After[0]/900 - 1; math.Abs(off) > 0.001 {
		t.Errorf("predicted %v", got.After)
	}
}

func TestBadFits(t *testing.T) {
	h, v1 := open(t, "h800", "v1")
	good := Sample{cluster(4), 20, 2000}
	bad := good
	bad.Nodes = 0
	late := good
	late.US = math.NaN()
	tiny := good
	tiny.US = 1e-310
	odd := good
	odd.SMs = 21
	other := good
	other.Algorithm = plan.AlgLowLatency
	few := good
	few.Tokens, few.US = 16, 30
	for want, samples := range map[string][]Sample{
		"no samples":                          nil,
		"sample 1: model: 0 nodes":            {good, bad},
		"sample 0 took 1e-310 us":             {tiny},
		"sample 0 took NaN us":                {late},
		"sample 1: model: 21 SMs: kernels v1": {good, odd},
		"low-latency kernels are for":         {other},
		"1 samples cannot determine":          {few},
	} {
		if got, err := Fit(h, v1, samples, Parameters...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v, %v, want %q", got, err, want)
		}
	}
	if _, err := Fit(h, v1, []Sample{good}, "colour"); err == nil || !strings.Contains(err.Error(), "no parameter") {
		t.Error(err)
	}
}
