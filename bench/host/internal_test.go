package host

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commbench/commbench/nvml/answer"
)

// On a system without /proc every file says so.
func TestAbsent(t *testing.T) {
	f := files{root: "/", absent: "no /proc on plan9"}
	_, text := f.text("/proc/meminfo")
	_, list := f.list(cpuFolder + "/online")
	_, governors := f.governors([]int{0})
	_, turbo := f.turbo()
	_, kind := f.hypervisor(nil)
	_, quota := f.quota()
	for name, err := range map[string]error{"text": text, "list": list, "governors": governors, "turbo": turbo, "hypervisor": kind, "quota": quota} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v, expected that it is not supported", name, err)
		}
	}
	if text.Error() != "not supported: no /proc on plan9" || kind.Error() != text.Error() {
		t.Errorf("%v; %v", text, kind)
	}
}

// FuzzRead gives every file of a machine the same bytes.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"", "0\n", "0-3\n", "madvise [always]\n", "32K\n", "250000 100000\n", "1.25 0.64 1.70 1/90 9485\n", "0::/a\n4:cpu,cpuacct:/b\n",
		"model name : A\nflags : fpu hypervisor\nMemTotal: 1 kB\nNode 0 MemTotal: 2 kB\nMemAvailable: 3 kB\nHugePages_Total: 4\n",
		"CPU implementer : 0x41\nCPU part : 0xd4f\n", "\xff\x00", "99999999999999999999 kB",
	} {
		f.Add([]byte(seed))
	}
	root := f.TempDir()
	bytes := filepath.Join(root, "bytes")
	cpu := cpuFolder + "/cpu0/"
	for _, path := range []string{
		"/proc/cpuinfo", "/proc/meminfo", "/proc/loadavg", "/proc/self/cgroup", "/proc/sys/kernel/osrelease",
		cpuFolder + "/online", cpuFolder + "/intel_pstate/no_turbo", cpu + "cpufreq/scaling_governor",
		cpu + "topology/thread_siblings_list", cpu + "topology/core_siblings_list",
		cpu + "cache/index0/level", cpu + "cache/index0/type", cpu + "cache/index0/size", cpu + "cache/index0/shared_cpu_list",
		"/sys/devices/system/node/online", "/sys/devices/system/node/node0/cpulist", "/sys/devices/system/node/node0/meminfo",
		"/sys/kernel/mm/transparent_hugepage/enabled", "/sys/kernel/mm/transparent_hugepage/shmem_enabled",
		"/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "/sys/hypervisor/type", "/sys/class/dmi/id/product_name",
		"/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o755); err != nil {
			f.Fatal(err)
		}
		if err := os.Symlink(bytes, filepath.Join(root, path)); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(bytes, text, 0o644); err != nil {
			t.Fatal(err)
		}
		h := Read(root)
		for _, s := range []answer.Of[string]{h.CPU, h.Kernel, h.Hypervisor, h.HugePages.Private, h.HugePages.Shared} {
			if word, ok := s.Get(); ok && !plain(word) {
				t.Errorf("%q is not plain", word)
			}
		}
		for _, n := range []answer.Of[int64]{h.MemoryBytes, h.FreeBytes, h.HugePages.Size, h.HugePages.ReservedSize} {
			if n.Or(0) < 0 {
				t.Errorf("%v bytes", n)
			}
		}
		if quota := h.Quota.Or(1); !(quota > 0) || math.IsInf(quota, 0) {
			t.Errorf("quota %v", quota)
		}
		if load := h.Load1.Or(0); !(load >= 0) || math.IsInf(load, 0) {
			t.Errorf("load %v", load)
		}
		if online, ok := h.Online.Get(); ok && (online < 1 || online > maxCPUs || h.Physical.Or(1) < 1 || h.Sockets.Or(1) > h.Physical.Or(maxCPUs)) {
			t.Errorf("%v CPUs, %v cores, %v sockets", h.Online, h.Physical, h.Sockets)
		}
		for field, why := range answer.Missing(h) {
			if strings.Contains(why, root) || len(why) > 1000 {
				t.Errorf("%s: %s", field, why)
			}
		}
	})
}
