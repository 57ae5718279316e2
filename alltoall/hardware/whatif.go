package hardware

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// WhatIf says what Change takes.
const WhatIf = "nic, scale-up, memory, sms or sm = a factor (2x, 0.5x) or a value"

// ErrChange: no such change.
var ErrChange = errors.New("no change")

// Change makes hardware and kernels other than they are: "nic=2x" doubles what a NIC carries,
// "scale-up=900" sets what a GPU carries within its domain to 900 GB/s. memory and sms are
// the GPU's, and sm is what one SM reads, writes and adds up (by a factor only). What is
// changed says so in its source. A change that is none of these is an ErrChange.
func Change(h *Hardware, k *Profile, change string) error {
	what, by, _ := strings.Cut(change, "=")
	figures := map[string][]*Figure{
		"nic":      {&h.ScaleOut.Line, &h.ScaleOut.Achievable},
		"scale-up": {&h.ScaleUp.Line, &h.ScaleUp.Achievable},
		"memory":   {&h.GPU.Memory},
		"sms":      {&h.GPU.SMs},
		"sm":       {&k.Read, &k.Write, &k.Reduce},
	}[what]
	digits, factor := strings.CutSuffix(by, "x")
	v, err := strconv.ParseFloat(digits, 64)
	if figures == nil || err != nil || what == "sm" && !factor {
		return fmt.Errorf("hardware: %w %q: want %s", ErrChange, change, WhatIf)
	}
	for _, f := range figures {
		from := f.Value
		if f.Value = v; factor {
			f.Value = from * v
		}
		f.Source = fmt.Sprintf("what if: %s, from %v", change, from)
	}
	for _, lines := range [][]Line{h.Lines(), k.Lines()} {
		if field, err := checkLines(lines); err != nil {
			return fmt.Errorf("hardware: change %q: %s: %w", change, field, err)
		}
	}
	return nil
}
