package fake_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/nvml"
	"github.com/commbench/commbench/nvml/answer"
	"github.com/commbench/commbench/nvml/fake"
)

// clock is one that tests set.
type clock struct{ now time.Time }

// machine has begun, at 0 s.
func machine(t *testing.T, spec string) (*fake.Machine, *clock) {
	t.Helper()
	m, err := fake.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{time.Date(2025, 11, 26, 0, 0, 0, 0, time.UTC)}
	m.Clock = func() time.Time { return c.now }
	if _, err := m.Events(); err != nil && !strings.Contains(err.Error(), "permissions") {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m, c
}

func (c *clock) wait(seconds float64) { c.now = c.now.Add(time.Duration(seconds * 1e9)) }

// state is all that a machine answers.
type state struct {
	System nvml.System  `json:"system"`
	GPUs   []gpu        `json:"gpus"`
	Events []nvml.Event `json:"events"`
	Error  string       `json:"error"`
}

type gpu struct {
	Inventory nvml.Inventory `json:"inventory"`
	Reading   nvml.Reading   `json:"reading"`
	Faults    nvml.Faults    `json:"faults"`
}

func look(m *fake.Machine) state {
	s := state{System: m.System()}
	for _, d := range m.Devices() {
		s.GPUs = append(s.GPUs, gpu{d.Inventory(), d.Reading(), d.Faults()})
	}
	events, err := m.Events()
	if s.Events = events; err != nil {
		s.Error = err.Error()
	}
	return s
}

// sampled is the state after 2 s, a reading of each GPU having been made before.
func sampled(t *testing.T, spec string) state {
	m, c := machine(t, spec)
	look(m)
	c.wait(2)
	return look(m)
}

// changed are the places in the JSON of b that are not as in a, and what is there.
func changed(t *testing.T, a, b any) map[string]string {
	t.Helper()
	tree := func(v any) (out any) {
		text, err := json.Marshal(v)
		if err == nil {
			err = json.Unmarshal(text, &out)
		}
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	places := map[string]string{}
	compare(tree(a), tree(b), "", places)
	return places
}

func compare(a, b any, at string, places map[string]string) {
	switch was := a.(type) {
	case map[string]any:
		if is, ok := b.(map[string]any); ok {
			for key := range was {
				compare(was[key], is[key], strings.TrimPrefix(at+"."+key, "."), places)
			}
			return
		}
	case []any:
		if is, ok := b.([]any); ok && len(is) == len(was) {
			for i := range was {
				compare(was[i], is[i], fmt.Sprintf("%s[%d]", at, i), places)
			}
			return
		}
	}
	if !cmp.Equal(a, b) {
		text, _ := json.Marshal(b)
		places[at] = string(text)
	}
}

func TestFaultsChangeWhatTheySay(t *testing.T) {
	// Of h100x2, after 2 s. A ? is any value but null.
	tests := map[string]map[string]string{
		"throttle:1": {"gpus[1].reading.sm_mhz": "1188", "gpus[1].reading.throttle": `["power cap"]`,
			"gpus[1].reading.clocked.power_ns": "3000000000"},
		"throttle:1:heat": {"gpus[1].reading.sm_mhz": "1188", "gpus[1].reading.throttle": `["heat (software)"]`,
			"gpus[1].reading.clocked.thermal_ns": "2000000000", "gpus[1].reading.temperature_c": "88"},
		"throttle:1:hardware": {"gpus[1].reading.sm_mhz": "1188", "gpus[1].reading.throttle": `["hardware slowdown","power brake"]`,
			"gpus[1].reading.clocked.power_ns": "3000000000"},
		"idle:1": {"gpus[1].reading.sm_mhz": "345", "gpus[1].reading.throttle": `["idle"]`, "gpus[1].reading.power_w": "84",
			"gpus[1].reading.energy_j": "?", "gpus[1].reading.temperature_c": "30", "gpus[1].reading.utilization_pct": "0",
			"gpus[1].reading.memory_pct": "0", "gpus[1].reading.nvlink.tx_bytes": "?", "gpus[1].reading.nvlink.rx_bytes": "?",
			"gpus[1].reading.nvlink_raw.tx_bytes": "?", "gpus[1].reading.nvlink_raw.rx_bytes": "?",
			"gpus[1].reading.pcie.tx_bytes": "?", "gpus[1].reading.pcie.rx_bytes": "?", "gpus[1].reading.gpm.sm_pct": "0",
			"gpus[1].reading.gpm.sm_occupancy_pct": "0", "gpus[1].reading.gpm.dram_pct": "0",
			"gpus[1].reading.gpm.nvlink_tx_bytes_per_s": "0", "gpus[1].reading.gpm.nvlink_rx_bytes_per_s": "0",
			"gpus[1].reading.gpm.pcie_tx_bytes_per_s": "0", "gpus[1].reading.gpm.pcie_rx_bytes_per_s": "0"},
		"ecc:1":    {"gpus[1].faults.ecc_uncorrected": "3"},
		"ecc":      {"gpus[0].faults.ecc_uncorrected": "3", "gpus[1].faults.ecc_uncorrected": "3"},
		"xid:1":    {"events": `[{"device":1,"xid":79}]`},
		"xid:0:94": {"events": `[{"device":0,"xid":94}]`},
		"lost:0:3": {},
		"hang:1:3": {},
		"link-down:1": {"gpus[1].inventory.nvlinks[0].up": "false", "gpus[1].inventory.nvlinks[1].up": "false",
			"gpus[1].inventory.nvlinks[0].speed_mbps": "null", "gpus[1].inventory.nvlinks[1].speed_mbps": "null",
			"gpus[1].inventory.peers[0].nvlinks": "16"},
		"slow-link:1":  {"gpus[1].inventory.nvlinks[17].speed_mbps": "13281"},
		"crc:1":        {"gpus[1].faults.nvlinks[0].crc_flit": "2000", "gpus[1].faults.nvlinks[0].replays": "2"},
		"pcie-width:1": {"gpus[1].inventory.pcie.width": "8"},
		"pcie-gen:1":   {"gpus[1].inventory.pcie.generation": "3"},
		"remap:1":      {"gpus[1].faults.remapped_rows.pending": "true"},
		"wrap:1:2": {"gpus[1].reading.nvlink.tx_bytes": "0", "gpus[1].reading.nvlink.rx_bytes": "0",
			"gpus[1].reading.nvlink_raw.tx_bytes": "0", "gpus[1].reading.nvlink_raw.rx_bytes": "0",
			"gpus[1].reading.pcie.tx_bytes": "0", "gpus[1].reading.pcie.rx_bytes": "0"},
		"backwards:1:2": {"gpus[1].reading.nvlink.tx_bytes": "0", "gpus[1].reading.nvlink.rx_bytes": "0",
			"gpus[1].reading.nvlink_raw.tx_bytes": "0", "gpus[1].reading.nvlink_raw.rx_bytes": "0",
			"gpus[1].reading.pcie.tx_bytes": "0", "gpus[1].reading.pcie.rx_bytes": "0", "gpus[1].reading.energy_j": "0"},
		"vanish:1": {"gpus[1].reading.nvlink.tx_bytes": "null", "gpus[1].reading.nvlink.rx_bytes": "null",
			"gpus[1].reading.nvlink_raw.tx_bytes": "null", "gpus[1].reading.nvlink_raw.rx_bytes": "null",
			"gpus[1].reading.pcie.tx_bytes": "null", "gpus[1].reading.pcie.rx_bytes": "null", "gpus[1].reading.energy_j": "null"},
		"mig:1": {"gpus[1].inventory.mig": "true", "gpus[1].reading.utilization_pct": "null", "gpus[1].reading.memory_pct": "null",
			"gpus[1].reading.gpm": "null"},
		"ecc-off:1": {"gpus[1].inventory.ecc": "false", "gpus[1].faults.ecc_corrected": "null", "gpus[1].faults.ecc_uncorrected": "null",
			"gpus[1].faults.remapped_rows": "null"},
		"old-driver": both(map[string]string{"inventory.sms": "null", "inventory.fabric": "null", "reading.gpm": "null",
			"reading.pcie.tx_bytes": "null", "reading.pcie.rx_bytes": "null"},
			map[string]string{"system.driver": `"470.57.02"`, "system.cuda": `"11.4"`, "system.nvml": `"11.470.57.02"`}),
		"no-permission": both(map[string]string{"reading.gpm": "null", "reading.nvlink.tx_bytes": "null", "reading.nvlink.rx_bytes": "null",
			"reading.nvlink_raw.tx_bytes": "null", "reading.nvlink_raw.rx_bytes": "null", "reading.pcie.tx_bytes": "null",
			"reading.pcie.rx_bytes": "null", "faults.ecc_corrected": "null", "faults.ecc_uncorrected": "null", "faults.remapped_rows": "null"},
			map[string]string{"error": `"events of GPUs: insufficient permissions"`}),
		"no-nvlink": both(map[string]string{"inventory.nvlinks": "null", "inventory.fabric": "null", "faults.nvlinks": "null",
			"reading.nvlink.tx_bytes": "null", "reading.nvlink.rx_bytes": "null",
			"reading.nvlink_raw.tx_bytes": "null", "reading.nvlink_raw.rx_bytes": "null",
			"reading.gpm.nvlink_tx_bytes_per_s": "null", "reading.gpm.nvlink_rx_bytes_per_s": "null"},
			peers(map[string]string{"nvlinks": "0", "atomics": `"not supported"`, "over_nvlink": `"not supported"`})),
	}
	sound := sampled(t, "h100x2")
	tried := map[string]bool{"lost": true, "hang": true} // have tests of their own
	for spec, want := range tests {
		name, _, _ := strings.Cut(spec, ":")
		tried[name] = true
		t.Run(spec, func(t *testing.T) {
			got := changed(t, sound, sampled(t, "h100x2,"+spec))
			for place, is := range got {
				if want[place] == "?" && is != "null" {
					got[place] = "?"
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("changed (-want +got):\n%s", diff)
			}
		})
	}
	for _, f := range fake.Faults() {
		if !tried[f.Name] || f.Text == "" {
			t.Errorf("fault %s is not tested, or has no text", f.Name)
		}
	}
}

// both has the places of each GPU, and others.
func both(each, other map[string]string) map[string]string {
	all := map[string]string{}
	for place, is := range each {
		all["gpus[0]."+place], all["gpus[1]."+place] = is, is
	}
	for place, is := range other {
		all[place] = is
	}
	return all
}

// peers has the places of what two GPUs are to each other.
func peers(each map[string]string) map[string]string {
	all := map[string]string{}
	for place, is := range each {
		all["gpus[0].inventory.peers[1]."+place], all["gpus[1].inventory.peers[0]."+place] = is, is
	}
	return all
}

func TestWhatSoundMachinesLack(t *testing.T) {
	const link, peer = "gpus[0].inventory.nvlinks[0].", "gpus[0].inventory.peers[0]."
	all := []string{peer + "nvlinks", peer + "read", peer + "write", peer + "atomics", peer + "over_nvlink", "gpus[0].faults.retired_pages"}
	const counted = "gpus[0].faults.nvlinks[0]."
	fifth := append([]string{link + "remote_gpu", link + "remote_pci", counted + "replays", counted + "crc_flit", counted + "crc_data"}, all...)
	linked := append([]string{link + "remote_gpu", counted + "rx_errors"}, all...)
	want := map[string][]string{
		"a100x8": append([]string{"gpus[0].inventory.fabric", "gpus[0].reading.gpm"}, linked...),
		"h100x8": linked, "h200x8": linked, "b200x8": fifth, "gb200x4": fifth, "h100-efax8": linked,
		"h100-pciex8": append([]string{"gpus[0].inventory.nvlinks", "gpus[0].inventory.fabric", "gpus[0].faults.nvlinks",
			"gpus[0].reading.nvlink.tx_bytes", "gpus[0].reading.nvlink.rx_bytes", "gpus[0].reading.nvlink_raw.tx_bytes",
			"gpus[0].reading.nvlink_raw.rx_bytes", "gpus[0].reading.gpm.nvlink_tx_bytes_per_s", "gpus[0].reading.gpm.nvlink_rx_bytes_per_s",
		}, all...),
	}
	for _, spec := range fake.Specs() {
		lacks := map[string]bool{}
		for place, why := range answer.Missing(sampled(t, spec)) {
			if !strings.HasPrefix(why, "not supported: ") {
				t.Errorf("%s: %s: %s", spec, place, why)
			}
			// One GPU is as the others, and one link.
			if strings.HasPrefix(place, "gpus[0]") && (!strings.Contains(place, "nvlinks[") || strings.Contains(place, "nvlinks[0]")) {
				lacks[place] = true
			}
		}
		expected := map[string]bool{}
		for _, place := range want[spec] {
			expected[place] = true
		}
		if diff := cmp.Diff(expected, lacks); diff != "" {
			t.Errorf("%s lacks (-want +got):\n%s", spec, diff)
		}
	}
}

func TestSameClockSameAnswers(t *testing.T) {
	for _, spec := range fake.Specs() {
		if got := changed(t, sampled(t, spec), sampled(t, spec)); len(got) > 0 {
			t.Errorf("%s: %v", spec, got)
		}
	}
	// Whenever it starts, and even if the clock goes back.
	m, c := machine(t, "h100x1")
	at := look(m)
	c.wait(-5)
	if got := changed(t, at, look(m)); len(got) > 0 {
		t.Errorf("after the clock went back: %v", got)
	}
}
