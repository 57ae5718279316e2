package host_test

import (
	"fmt"
	"testing"

	"github.com/commbench/commbench/bench/host"
)

// A CPU that chooses its clock itself is governed by what it prefers.
func TestPreference(t *testing.T) {
	files := intel()
	for cpu := range 16 {
		files[fmt.Sprintf(cpus+"cpu%d/cpufreq/energy_performance_preference", cpu)] = []string{"performance\n", "balance_power\n"}[cpu/8]
	}
	files[cpus+"cpu3/cpufreq/scaling_governor"] = "performance\n" // whose preference says no more
	const want = "[performance powersave (EPP balance_power) powersave (EPP performance)]"
	if got := host.Read(tree(t, files)).Governor.String(); got != want {
		t.Errorf("governors are %s, expected %s", got, want)
	}
}

// The setting for huge pages of the size that the kernel maps comes before that for all.
func TestHugePagesBySize(t *testing.T) {
	const own = thp + "hugepages-2048kB/"
	for name, test := range map[string]struct {
		files           map[string]string
		private, shared string
	}{
		"none":       {nil, "madvise", "never"},
		"inherit":    {map[string]string{own + "enabled": "always [inherit] madvise never\n", own + "shmem_enabled": "always [inherit] within_size advise never\n"}, "madvise", "never"},
		"their own":  {map[string]string{own + "enabled": "always inherit madvise [never]\n", own + "shmem_enabled": "[always] inherit within_size advise never\n"}, "never", "always"},
		"overruled":  {map[string]string{thp + "shmem_enabled": "always within_size advise never [deny] force\n", own + "shmem_enabled": "[always] inherit within_size advise never\n"}, "madvise", "deny"},
		"no size":    {map[string]string{thp + "hpage_pmd_size": "\n", own + "enabled": "always inherit madvise [never]\n"}, "madvise", "never"},
		"unreadable": {map[string]string{own + "enabled": "what\n"}, `could not tell: /sys/kernel/mm/transparent_hugepage/hugepages-2048kB/enabled: "what": expected one word in brackets, as in always [madvise] never`, "never"},
	} {
		t.Run(name, func(t *testing.T) {
			h := host.Read(tree(t, with(intel(), test.files)))
			if got := h.HugePages.Private.String(); got != test.private {
				t.Errorf("private is %s, expected %s", got, test.private)
			}
			if got := h.HugePages.Shared.String(); got != test.shared {
				t.Errorf("shared is %s, expected %s", got, test.shared)
			}
		})
	}
}
