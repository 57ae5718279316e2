package watch

import (
	"math"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/record"
)

// Whatever happens to GPUs, there is a report, with the verdicts that it should have and with reasons for
// what is missing.
func TestFaults(t *testing.T) {
	const good, bad, unknown = record.Good, record.Bad, record.Unknown
	type verdict struct{ state, why string }
	tests := map[string]struct { // of h100x2
		clocks, faults verdict
		missing        map[string]string // parts of reasons
	}{
		"":                 {verdict{good, "no GPU was throttled"}, verdict{good, "no Xid"}, nil},
		"idle":             {verdict{good, ""}, verdict{good, ""}, nil},
		"throttle:1":       {verdict{bad, "GPU 1 was held down for 3.05 s by power cap"}, verdict{good, ""}, nil},
		"throttle:0:heat":  {verdict{bad, "GPU 0 was held down for 3.05 s by heat (software)"}, verdict{good, ""}, nil},
		"xid:1:94":         {verdict{good, ""}, verdict{bad, "GPU 1: Xid 94"}, nil},
		"ecc:1":            {verdict{good, ""}, verdict{bad, "GPU 1: 3 memory errors that ECC could not correct"}, nil},
		"crc:0":            {verdict{good, ""}, verdict{bad, "GPU 0, NVLink 0: 3050 CRC errors"}, nil},
		"remap:1":          {verdict{good, ""}, verdict{good, ""}, nil}, // from before
		"wrap:1":           {verdict{good, ""}, verdict{good, ""}, nil},
		"mig,ecc-off":      {verdict{good, ""}, verdict{good, ""}, map[string]string{"gpu1 utilization": "MIG", "gpu0 sm_active": "MIG"}},
		"lost:1:2":         {verdict{unknown, "GPU 1: could not tell: GPU is lost"}, verdict{bad, "GPU 1 answers no more"}, map[string]string{"gpu1 power": "GPU is lost", "gpu1 energy": "it vanished"}},
		"lost:1:0":         {verdict{unknown, "GPU 1: could not tell: GPU is lost"}, verdict{unknown, "GPU is lost"}, map[string]string{"gpu1 energy": "GPU is lost"}},
		"vanish:1":         {verdict{good, ""}, verdict{good, ""}, map[string]string{"gpu1 nvlink_tx": "it vanished", "gpu1 pcie_rx": "it vanished", "gpu1 energy": "it vanished"}},
		"backwards:1":      {verdict{good, ""}, verdict{good, ""}, map[string]string{"gpu1 nvlink_tx": "backwards", "gpu1 pcie_tx": "backwards", "gpu1 pcie_rx": "backwards", "gpu1 energy": "backwards"}},
		"no-permission":    {verdict{good, ""}, verdict{unknown, "insufficient permissions"}, map[string]string{"gpu0 nvlink_rx": "insufficient permissions", "gpu1 sm_active": "insufficient permissions"}},
		"old-driver":       {verdict{good, ""}, verdict{good, ""}, map[string]string{"gpu0 pcie_tx": "driver 470", "gpu1 dram_active": "driver 470"}},
		"no-nvlink":        {verdict{good, ""}, verdict{good, ""}, map[string]string{"gpu0 nvlink_tx": "not supported", "gpu1 nvlink_rx": "not supported"}},
		"lost:0,xid:0":     {verdict{unknown, "GPU is lost"}, verdict{bad, "GPU 0 answers no more: could not tell: GPU is lost; GPU 0: Xid 79"}, nil},
		"throttle,lost:0":  {verdict{bad, "GPU 0 was held down for 0.900 s by power cap; GPU 1"}, verdict{bad, "GPU 0 answers no more"}, nil},
		"link-down:1":      {verdict{good, ""}, verdict{good, ""}, nil},
		"pcie-width,crc:1": {verdict{good, ""}, verdict{bad, "GPU 1, NVLink 0: 3 replays"}, nil},
	}
	for faults, test := range tests {
		t.Run(faults, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := beside(t, machine(t, strings.Trim("h100x2,"+faults, ",")), interval, long)
				whole(t, &r)
				if r.Sampling.Looks != 32 || r.Sampling.Seconds != 3.05 {
					t.Errorf("%d looks in %v s", r.Sampling.Looks, r.Sampling.Seconds)
				}
				for name, want := range map[string]verdict{judge.Clocks: test.clocks, judge.Faults: test.faults} {
					if got := find(t, &r, name); got.State != want.state || !strings.Contains(got.Why, want.why) {
						t.Errorf("%v, expected %s: %s", got, want.state, want.why)
					}
				}
				for name, want := range test.missing {
					if got := r.Sampling.Missing[name]; !strings.Contains(got, want) {
						t.Errorf("%s is missing for %q, expected %q", name, got, want)
					}
				}
				if test.missing == nil && test.faults.state == good {
					for name, why := range r.Sampling.Missing {
						if !strings.HasPrefix(name, "host ") {
							t.Errorf("%s is missing for %q", name, why)
						}
					}
				}
			})
		})
	}
}

// Counters that wrap round give what those give that do not, and those that vanish or restart
// what was counted before and after.
func TestCounters(t *testing.T) {
	totals := func(spec string) (r *record.Sampling) {
		synctest.Test(t, func(t *testing.T) { r = beside(t, machine(t, spec), interval, long).Sampling })
		return r
	}
	sound := totals("h100x2")
	for spec, least := range map[string]float64{"h100x2,wrap:1:2": 1, "h100x2,vanish:1:2": 0.75, "h100x2,backwards:1:2": 0.95, "h100x2,lost:1:1": 0.6} {
		got := totals(spec)
		for name, pair := range map[string][2]*float64{
			"NVLink": {got.NVLinkTxBytes, sound.NVLinkTxBytes}, "PCIe": {got.PCIeTxBytes, sound.PCIeTxBytes}, "energy": {got.EnergyJ, sound.EnergyJ},
		} {
			if pair[0] == nil || pair[1] == nil {
				t.Fatalf("%s: %s is %v of %v", spec, name, pair[0], pair[1])
			}
			if share := *pair[0] / *pair[1]; share < least-1e-6 || share > 1+1e-6 {
				t.Errorf("%s: %s is %v of what a sound machine has, expected %v or more", spec, name, share, least)
			}
		}
	}
	if sent, want := *sound.NICTxBytes, 2*0.75*50e9*3.05; math.Abs(sent/want-1) > 1e-6 {
		t.Errorf("NICs sent %v, expected %v", sent, want)
	}
}
