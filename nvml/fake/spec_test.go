package fake_test

import (
	"strings"
	"testing"

	"github.com/commbench/commbench/nvml/fake"
)

func TestNewRefuses(t *testing.T) {
	tests := map[string]string{
		"":                          `no machine "": expected one of a100x8, h100x8, h200x8, b200x8, gb200x4, h100-efax8, h100-pciex8`,
		"h1x8":                      `no machine "h1x8"`,
		"h100":                      `no machine "h100"`,
		"x":                         `no machine "x"`,
		"h100x":                     `machine "h100x": expected 1 to 8 GPUs after h100x`,
		"h100x0":                    `expected 1 to 8 GPUs`,
		"h100x9":                    `expected 1 to 8 GPUs`,
		"gb200x8":                   `machine "gb200x8": expected 1 to 4 GPUs after gb200x`,
		"h100x99999999999999999999": `expected 1 to 8 GPUs`,
		"h100x8,":                   `no fault "": expected one of throttle, idle, ecc, xid, lost`,
		"h100x8,slow":               `no fault "slow": expected one of`,
		"h100x8,ecc:8":              `fault "ecc:8": expected a GPU from 0 to 7, as in ecc:0`,
		"h100x8,ecc:":               `expected a GPU from 0 to 7`,
		"h100x8,ecc:-1":             `expected a GPU from 0 to 7`,
		"h100x8,ecc:1:2":            `fault "ecc:1:2": nothing may follow "1"`,
		"h100x8,old-driver:1":       `nothing may follow "old-driver"`,
		"h100x8,throttle:1:cold":    `expected one of power, heat, hardware, found "cold"`,
		"h100x8,lost:1:soon":        `expected seconds from 0 to 1e6, found "soon"`,
		"h100x8,lost:1:nan":         `expected seconds`,
		"h100x8,lost:1:-1":          `expected seconds`,
		"h100x8,xid:1:0":            `expected the number of an Xid error`,
		"h100-pciex2,link-down":     `fault link-down: the GPUs of h100-pcie have no NVLinks`,
	}
	for spec, want := range tests {
		if m, err := fake.New(spec); err == nil || !strings.Contains(err.Error(), want) || m != nil {
			t.Errorf("%q: %v, expected %s", spec, err, want)
		}
	}
}

func TestSpecsAreKnown(t *testing.T) {
	for _, spec := range fake.Specs() {
		m, err := fake.New(spec)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(m.Devices()); !strings.HasSuffix(spec, string(rune('0'+n))) || len(m.Board().GPUs) != n {
			t.Errorf("%s has %d GPUs", spec, n)
		}
	}
}

func FuzzNew(f *testing.F) {
	for _, spec := range fake.Specs() {
		f.Add(spec)
	}
	for _, fault := range fake.Faults() {
		f.Add("h100x2," + fault.Name)
	}
	f.Add("h100x8,throttle:2:heat,lost:5:30,xid:1:79,wrap:0:1e3")
	f.Fuzz(func(t *testing.T, spec string) {
		m, err := fake.New(spec)
		if err != nil {
			if len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			return
		}
		m.Close() // nothing hangs
		look(m)
		if n := len(m.Devices()); n < 1 || n > 16 {
			t.Errorf("%d GPUs", n)
		}
	})
}
