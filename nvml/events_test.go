//go:build cgo && linux

package nvml

import (
	"errors"
	"strings"
	"testing"

	gonvml "github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/google/go-cmp/cmp"
)

func xid(n uint64) gonvml.EventData {
	return gonvml.EventData{EventType: gonvml.EventTypeXidCriticalError, EventData: n}
}

func TestEvents(t *testing.T) {
	m := small()
	l := m.open(t)
	m.gpus[0].events = []gonvml.EventData{xid(31), {EventType: gonvml.EventTypeClock, EventData: 5}, xid(79)}
	m.gpus[1].events = []gonvml.EventData{xid(48)}
	want := []Event{{0, 31}, {0, 79}, {1, 48}}
	if got, err := l.Events(); err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v, %v, expected %v", got, err, want)
	}
	if got, err := l.Events(); err != nil || len(got) > 0 {
		t.Errorf("once more: %v, %v, expected none", got, err)
	}
}

// A GPU that storms does not hold the caller, and does not hide the others.
func TestEventsAreBounded(t *testing.T) {
	m := small()
	l := m.open(t)
	for range maxEvents + 6 {
		m.gpus[0].events = append(m.gpus[0].events, xid(13))
	}
	m.gpus[1].events = []gonvml.EventData{xid(48)}
	for _, want := range []int{maxEvents + 1, 6, 0} {
		if got, err := l.Events(); err != nil || len(got) != want {
			t.Errorf("%d events, %v, expected %d", len(got), err, want)
		}
	}
}

func TestGPUsWithoutEvents(t *testing.T) {
	tests := map[string]struct {
		change func(*machine)
		none   bool
		why    string
	}{
		"no Xids": {func(m *machine) {
			m.gpus[0].GetSupportedEventTypesFunc = answers(uint64(gonvml.EventTypeClock))
		}, true, "reports no critical errors"},
		"kinds are refused": {func(m *machine) { refuse(m.gpus[0].Device, "GetSupportedEventTypes", gonvml.ERROR_UNKNOWN) },
			false, "nvmlDeviceGetSupportedEventTypes: ERROR_UNKNOWN"},
		"not registered": {func(m *machine) { refuse(m.gpus[0].Device, "RegisterEvents", gonvml.ERROR_UNKNOWN) },
			false, "nvmlDeviceRegisterEvents: ERROR_UNKNOWN"},
		"not supported": {func(m *machine) { refuse(m.gpus[0].Device, "RegisterEvents", noSupport) },
			true, "nvmlDeviceRegisterEvents: ERROR_NOT_SUPPORTED"},
		"no set": {func(m *machine) {
			create := m.EventSetCreateFunc
			m.EventSetCreateFunc = func() (gonvml.EventSet, gonvml.Return) {
				m.EventSetCreateFunc = create
				return nil, gonvml.ERROR_UNKNOWN
			}
		}, false, "nvmlEventSetCreate: ERROR_UNKNOWN"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := small()
			test.change(m)
			l := m.open(t)
			m.gpus[0].events = []gonvml.EventData{xid(31)}
			m.gpus[1].events = []gonvml.EventData{xid(48)}
			got, err := l.Events()
			if want := []Event{{1, 48}}; !cmp.Equal(got, want) {
				t.Errorf("%v, expected %v: one GPU hides nothing of the other", got, want)
			}
			if err == nil || !strings.Contains(err.Error(), "no events of GPU 0: ") || !strings.Contains(err.Error(), test.why) ||
				errors.Is(err, errors.ErrUnsupported) != test.none {
				t.Errorf("%v, expected %q", err, test.why)
			}
		})
	}
}

func TestWaitFails(t *testing.T) {
	m := small()
	l := m.open(t)
	g := m.gpus[0]
	g.wait, g.events = gonvml.ERROR_UNKNOWN, []gonvml.EventData{xid(31)}
	got, err := l.Events()
	if want := []Event{{0, 31}}; !cmp.Equal(got, want) || err == nil || !strings.Contains(err.Error(), "nvmlEventSetWait: ERROR_UNKNOWN") {
		t.Errorf("%v, %v", got, err)
	}
	g.wait = gonvml.ERROR_TIMEOUT // it may pass
	if got, err := l.Events(); err != nil || len(got) > 0 {
		t.Errorf("%v, %v, expected none", got, err)
	}
	// A lost GPU tells why it is lost, and no more is asked of it.
	g.wait, g.events = gonvml.ERROR_GPU_IS_LOST, []gonvml.EventData{xid(79)}
	if got, err := l.Events(); !cmp.Equal(got, []Event{{0, 79}}) || err == nil || !strings.Contains(err.Error(), "ERROR_GPU_IS_LOST") {
		t.Errorf("%v, %v", got, err)
	}
	g.events = []gonvml.EventData{xid(1)}
	if got, err := l.Events(); len(got) > 0 || err == nil {
		t.Errorf("%v, %v, expected no more of a lost GPU", got, err)
	}
}
