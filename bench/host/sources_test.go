package host_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/commbench/commbench/bench/host"
	"github.com/commbench/commbench/nvml/answer"
)

func TestQuota(t *testing.T) {
	const v2, v1 = "sys/fs/cgroup/", "sys/fs/cgroup/cpu/"
	for name, test := range map[string]struct {
		groups string
		files  map[string]string
		want   float64 // 0 is none
	}{
		"container":                {"0::/\n", map[string]string{v2 + "cpu.max": "250000 100000\n"}, 2.5},
		"least on the way up":      {"0::/a/b/c\n", map[string]string{v2 + "a/cpu.max": "150000 100000", v2 + "a/b/cpu.max": "max 100000", v2 + "a/b/c/cpu.max": "50000 10000"}, 1.5},
		"not on the way":           {"0::/a/b\n", map[string]string{v2 + "a/c/cpu.max": "1000 100000"}, 0},
		"another part of a tree":   {"0::/../../docker/1f\n", map[string]string{v2 + "cpu.max": "50000 100000"}, 0.5},
		"version 1":                {"5:memory:/x\n4:cpu,cpuacct:/a/b\n0::/\n", map[string]string{v1 + "a/b/cpu.cfs_quota_us": "-1\n", v1 + "a/b/cpu.cfs_period_us": "100000\n", v1 + "a/cpu.cfs_quota_us": "300000\n", v1 + "a/cpu.cfs_period_us": "100000\n"}, 3},
		"version 1 in a container": {"4:cpu:/docker/1f\n", map[string]string{v1 + "cpu.cfs_quota_us": "12500", v1 + "cpu.cfs_period_us": "50000"}, 0.25},
		"another controller":       {"4:cpuset:/\n", map[string]string{v1 + "cpu.cfs_quota_us": "100000", v1 + "cpu.cfs_period_us": "100000"}, 0},
		"no group":                 {"", map[string]string{v2 + "cpu.max": "100000 100000"}, 0},
	} {
		quota := host.Read(tree(t, with(test.files, map[string]string{"proc/self/cgroup": test.groups}))).Quota
		if quota.Or(0) != test.want || test.want == 0 && !errors.Is(quota.Err(), errors.ErrUnsupported) {
			t.Errorf("%s: %v, expected %v", name, quota, test.want)
		}
	}
}

func TestHypervisor(t *testing.T) {
	const (
		metal, guest = "flags : fpu sse\n", "flags : fpu hypervisor sse\n"
		clock        = "sys/devices/system/clocksource/clocksource0/available_clocksource"
		dmi          = "sys/class/dmi/id/"
		unknown      = "unknown (the CPU says that there is one)"
	)
	for name, test := range map[string]struct {
		info  string
		files map[string]string
		want  string // "" is that it could not be told
	}{
		"bare metal":        {metal, map[string]string{clock: "tsc hpet acpi_pm", dmi + "sys_vendor": "Dell Inc."}, "none"},
		"bare metal to let": {metal, map[string]string{dmi + "sys_vendor": "Amazon EC2", dmi + "product_name": "c5.metal"}, "none"},
		"only a flag":       {guest, nil, unknown},
		"a cloud's":         {guest, map[string]string{dmi + "sys_vendor": "Somebody's Cloud"}, unknown},
		"a like flag":       {"flags : nohypervisor\n", nil, "none"},
		"Xen":               {guest, map[string]string{"sys/hypervisor/type": "xen\n"}, "Xen"},
		"another kind":      {guest, map[string]string{"sys/hypervisor/type": "other\n"}, "other"},
		"Hyper-V":           {guest, map[string]string{clock: "hyperv_clocksource_tsc_page acpi_pm"}, "Hyper-V"},
		"Hyper-V by board":  {guest, map[string]string{dmi + "sys_vendor": "Microsoft Corporation", dmi + "product_name": "Virtual Machine"}, "Hyper-V"},
		"VMware":            {guest, map[string]string{dmi + "product_name": "VMware7,1"}, "VMware"},
		"QEMU on arm64":     {"Features : fp\n", map[string]string{dmi + "sys_vendor": "QEMU", dmi + "product_name": "KVM Virtual Machine"}, "KVM"},
		"QEMU":              {guest, map[string]string{dmi + "sys_vendor": "QEMU", dmi + "product_name": "Standard PC (Q35 + ICH9, 2009)"}, "QEMU"},
		"arm64":             {"Features : fp\n", nil, ""},
		"no flags":          {"flags :\n", nil, ""},
	} {
		got := host.Read(tree(t, with(map[string]string{"proc/cpuinfo": test.info}, test.files))).Hypervisor
		if got.Or("") != test.want || test.want == "" && !errors.Is(got.Err(), answer.ErrUnknown) {
			t.Errorf("%s: %v, expected %q", name, got, test.want)
		}
	}
}

func TestModel(t *testing.T) {
	for info, want := range map[string]string{
		"model name : \nmodel name : A\n":                     "not supported: no model name in /proc/cpuinfo", // the first counts
		"model name\t: Some CPU: 2 GHz\n":                     "Some CPU: 2 GHz",
		"CPU implementer : 0x41\nCPU part : 0xd40\n":          "Arm Neoverse V1",
		"CPU implementer : 0x4e\nCPU part : 0xd40\n":          "implementer 0x4e, part 0xd40",
		"CPU implementer : 0x41\n":                            "not supported: no model name in /proc/cpuinfo",
		"model name : A\n" + strings.Repeat("x : 1\n", 9<<10): "A", // more CPUs than are read
	} {
		if got := host.Read(tree(t, map[string]string{"proc/cpuinfo": info})).CPU.String(); got != want {
			t.Errorf("%.40q: %s, expected %s", info, got, want)
		}
	}
}
