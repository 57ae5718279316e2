package nvml

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Reasons are why clocks are not at their highest, as bits of NVML's
// nvmlDeviceGetCurrentClocksEventReasons.
type Reasons uint64

// The bits of Reasons, with NVML's values.
const (
	Idle          Reasons = 0x1
	SetClocks     Reasons = 0x2 // somebody asked for lower ones
	PowerCap      Reasons = 0x4
	HardwareSlow  Reasons = 0x8 // a hardware brake, of heat or power
	SyncBoost     Reasons = 0x10
	SoftwareHeat  Reasons = 0x20
	HardwareHeat  Reasons = 0x40
	PowerBrake    Reasons = 0x80 // asked for by the power supply
	DisplayClocks Reasons = 0x100
	BoardLimit    Reasons = 0x200
	Reliability   Reasons = 0x400
)

var reasonNames = []struct {
	bit  Reasons
	name string
}{
	{Idle, "idle"}, {SetClocks, "clocks set"}, {PowerCap, "power cap"}, {HardwareSlow, "hardware slowdown"},
	{SyncBoost, "sync boost"}, {SoftwareHeat, "heat (software)"}, {HardwareHeat, "heat (hardware)"},
	{PowerBrake, "power brake"}, {DisplayClocks, "display clocks"},
	{BoardLimit, "board limit"}, {Reliability, "reliability"},
}

// String names the reasons, "none" if there are none.
func (r Reasons) String() string {
	if r == 0 {
		return "none"
	}
	return strings.Join(r.Names(), ", ")
}

// Names are the names of the reasons; a bit that has none is a number.
func (r Reasons) Names() []string {
	names := []string{}
	for _, n := range reasonNames {
		if r&n.bit != 0 {
			names = append(names, n.name)
			r &^= n.bit
		}
	}
	if r != 0 {
		names = append(names, fmt.Sprintf("%#x", uint64(r)))
	}
	return names
}

// MarshalJSON is a list of the names.
func (r Reasons) MarshalJSON() ([]byte, error) { return json.Marshal(r.Names()) }
