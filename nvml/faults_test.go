//go:build cgo && linux

package nvml

import (
	"errors"
	"testing"

	gonvml "github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/google/go-cmp/cmp"
)

func TestFaults(t *testing.T) {
	m := small()
	n := func(v uint64) LinkFaults { return LinkFaults{is(v), is(v + 1), is(v + 2), is(v + 3), is(uint64(9))} }
	want := Faults{
		Corrected: is(uint64(20)), Uncorrected: is(uint64(21)), RetiredPages: is(1 + 3),
		Remapped: is(Remapped{Corrected: 3, Uncorrected: 4, Pending: true}), PCIeReplays: is(uint64(6)),
		Links: is([]LinkFaults{n(0), n(10)}),
	}
	if diff := cmp.Diff(want, m.open(t).Devices()[0].Faults(), exact); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A cause of which pages cannot be counted leaves no count.
func TestRetiredPagesOfOneCause(t *testing.T) {
	for _, refused := range []gonvml.PageRetirementCause{0, 1} {
		m := small()
		m.gpus[0].GetRetiredPagesFunc = func(cause gonvml.PageRetirementCause) ([]uint64, gonvml.Return) {
			if cause == refused {
				return nil, noSupport
			}
			return make([]uint64, 5), ok
		}
		if got := m.open(t).Devices()[0].Faults().RetiredPages; !errors.Is(got.Err(), errors.ErrUnsupported) {
			t.Errorf("without cause %d: %v", refused, got)
		}
	}
}

// Blackwell and later count recoveries in a field, and none of the others.
func TestFaultsOfNVLink5(t *testing.T) {
	m := small()
	refuse(m.gpus[0].Device, "GetNvLinkErrorCounter", noSupport)
	m.gpus[0].values[field{215, 0}], m.gpus[0].values[field{215, 1}] = uint64(0), uint64(3)
	for l, f := range m.open(t).Devices()[0].Faults().Links.Or(nil) {
		if f.Recoveries != is(uint64(3*l)) || !errors.Is(f.Replays.Err(), errors.ErrUnsupported) {
			t.Errorf("link %d: %v recoveries, %v replays", l, f.Recoveries, f.Replays)
		}
	}
}
