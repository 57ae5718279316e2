package nvml_test

import (
	"encoding/json"
	"testing"

	"github.com/commbench/commbench/nvml"
)

func TestReasons(t *testing.T) {
	tests := map[string]struct {
		r    nvml.Reasons
		text string
		json string
	}{
		"none":     {0, "none", `[]`},
		"idle":     {nvml.Idle, "idle", `["idle"]`},
		"two":      {nvml.SetClocks | nvml.HardwareSlow, "clocks set, hardware slowdown", `["clocks set","hardware slowdown"]`},
		"heat":     {nvml.SoftwareHeat | nvml.HardwareHeat, "heat (software), heat (hardware)", `["heat (software)","heat (hardware)"]`},
		"the rest": {nvml.SyncBoost | nvml.PowerBrake | nvml.DisplayClocks, "sync boost, power brake, display clocks", `["sync boost","power brake","display clocks"]`},
		"newer":    {nvml.BoardLimit | nvml.Reliability | 0x800, "board limit, reliability, 0x800", `["board limit","reliability","0x800"]`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.r.String(); got != test.text {
				t.Errorf("String is %q, expected %q", got, test.text)
			}
			if got, err := json.Marshal(test.r); err != nil || string(got) != test.json {
				t.Errorf("JSON is %s, %v, expected %s", got, err, test.json)
			}
		})
	}
}
