package host

import (
	"slices"
	"strings"

	"github.com/commbench/commbench/nvml/answer"
)

// A sign begins a word that only guests of a hypervisor have.
type sign struct{ begin, name string }

// clocks are clock sources that hypervisors lend their guests.
var clocks = []sign{{"kvm-clock", "KVM"}, {"hyperv_clocksource", "Hyper-V"}, {"xen", "Xen"}}

// boards are what hypervisors write into a guest's DMI tables. Clouds are not among them:
// they write the same into those of machines that are nobody's guest.
var boards = []sign{
	{"KVM", "KVM"}, {"QEMU", "QEMU"}, {"VMware", "VMware"}, {"Virtual Machine", "Hyper-V"}, {"Xen", "Xen"},
	{"HVM domU", "Xen"}, {"VirtualBox", "VirtualBox"}, {"innotek GmbH", "VirtualBox"}, {"Parallels", "Parallels"},
	{"BHYVE", "bhyve"}, {"Apple Virtualization", "Apple Virtualization"},
}

// hypervisor says what this machine is a guest of, or "none": which only a CPU can say that
// lists its flags.
func (f files) hypervisor(info map[string]string) (string, error) {
	if kind, err := f.line("/sys/hypervisor/type"); err == nil {
		return named(clocks, kind, kind), nil
	}
	if sources, err := f.line("/sys/devices/system/clocksource/clocksource0/available_clocksource"); err == nil {
		for source := range strings.FieldsSeq(sources) {
			if name := named(clocks, source, ""); name != "" {
				return name, nil
			}
		}
	}
	for _, file := range []string{"product_name", "sys_vendor", "bios_vendor"} {
		if text, err := f.line("/sys/class/dmi/id/" + file); err == nil {
			if name := named(boards, text, ""); name != "" {
				return name, nil
			}
		}
	}
	flags, ok := info["flags"]
	switch {
	case f.absent != "":
		return "", none(f.absent)
	case !ok || flags == "":
		return "", answer.Unknown[string]("nothing names one, and /proc/cpuinfo has no flags that would say that there is one").Err()
	case slices.Contains(strings.Fields(flags), "hypervisor"):
		return "unknown (the CPU says that there is one)", nil
	}
	return "none", nil
}

// named is the name that a text's sign stands for, or other.
func named(signs []sign, text, other string) string {
	for _, s := range signs {
		if strings.HasPrefix(text, s.begin) {
			return s.name
		}
	}
	return other
}
