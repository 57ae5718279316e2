package fake_test

import (
	"testing"

	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/fake"
)

func TestFirstReadingHasNoMeans(t *testing.T) {
	m, c := machine(t, "h100x1")
	d := m.Devices()[0]
	for range 2 { // the second at the same time
		if got := d.Reading().GPM.String(); got != "not supported: no earlier reading" {
			t.Errorf("GPM is %s", got)
		}
	}
	before := d.Reading().NVLink.TxBytes.Or(0)
	c.wait(0.5)
	r := d.Reading()
	rate := float64(r.NVLink.TxBytes.Or(0)-before) / 0.5
	if got := r.GPM.Or(nvml.GPM{}).NVLinkTxBps.Or(0); got != rate || rate == 0 {
		t.Errorf("GPM says %g B/s, the counter %g", got, rate)
	}
}

func TestCountersOfSoundMachinesGrow(t *testing.T) {
	for _, spec := range fake.Specs() {
		m, c := machine(t, spec)
		d := m.Devices()[len(m.Devices())-1]
		counts := func() []float64 {
			r := d.Reading()
			counts := []float64{r.EnergyJ.Or(0), float64(r.PCIe.TxBytes.Or(0)), float64(r.PCIe.RxBytes.Or(0))}
			if n, ok := r.NVLink.TxBytes.Get(); ok {
				counts = append(counts, float64(n), float64(r.NVLink.RxBytes.Or(0)),
					float64(r.NVLinkRaw.TxBytes.Or(0)), float64(r.NVLinkRaw.RxBytes.Or(0)))
			}
			return counts
		}
		limit := d.Inventory().PowerLimitW.Or(0)
		before := counts()
		powers := map[float64]bool{}
		for range 1000 {
			c.wait(0.013)
			now := counts()
			for i := range now {
				if now[i] <= before[i] {
					t.Fatalf("%s: counter %d went from %g to %g", spec, i, before[i], now[i])
				}
			}
			before = now
			r := d.Reading()
			watts, clock := r.PowerW.Or(0), r.SMMHz.Or(0)
			if powers[watts] = true; watts < 0.7*limit || watts > 0.9*limit || clock < 1300 || clock > 2062 {
				t.Fatalf("%s: %g W of %g, %d MHz", spec, watts, limit, clock)
			}
		}
		if len(powers) < 500 {
			t.Errorf("%s: power had %d values in 1000 readings", spec, len(powers))
		}
	}
}

func TestCountersWrapAndRestart(t *testing.T) {
	m, c := machine(t, "h100x1,wrap")
	d := m.Devices()[0]
	before := d.Reading()
	c.wait(2)
	after := d.Reading()
	if b, a := before.NVLink.TxBytes.Or(0), after.NVLink.TxBytes.Or(0); b < 1<<63 || a > 1<<40 || a == 0 {
		t.Errorf("NVLink's counter went from %d to %d, expected it to pass 2^64", b, a)
	}
	if b, a := before.PCIe.TxBytes.Or(0), after.PCIe.TxBytes.Or(0); b >= 1<<32 || a >= 1<<32 || a >= b {
		t.Errorf("PCIe's counter went from %d to %d, expected it to pass 2^32", b, a)
	}
	m, c = machine(t, "h100x1,backwards")
	d = m.Devices()[0]
	before = d.Reading()
	c.wait(2)
	after = d.Reading()
	if b, a := before.PCIe.RxBytes.Or(0), after.PCIe.RxBytes.Or(0); a == 0 || a >= b {
		t.Errorf("PCIe's counter went from %d to %d, expected less", b, a)
	}
	if b, a := before.EnergyJ.Or(0), after.EnergyJ.Or(0); a <= 0 || a >= b {
		t.Errorf("energy went from %g to %g, expected less", b, a)
	}
}
