package host_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/bench/host"
	"github.com/commbench/commbench/nvml/answer"
)

// fields are what a record would carry, but for what is the same in every tree.
func fields(t *testing.T, h host.Host) map[string]any {
	t.Helper()
	if h.Arch != runtime.GOARCH || h.OS != runtime.GOOS || h.Go != runtime.Version() {
		t.Errorf("%s, %s, %s: expected those of this program", h.Arch, h.OS, h.Go)
	}
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	return object(t, string(b), "arch", "os", "go")
}

func object(t *testing.T, text string, without ...string) (all map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	for _, name := range without {
		delete(all, name)
	}
	return all
}

func TestRead(t *testing.T) {
	for name, test := range map[string]struct {
		files   map[string]string
		want    string
		missing map[string]string
	}{
		"two sockets": {intel(), `{"cpu": "Intel(R) Xeon(R) Platinum 8480C: 2.0GHz", "kernel": "6.8.0-45-generic", "hypervisor": "none",
			"cores": 16, "online": 16, "physical": 8, "sockets": 2, "quota": null, "governor": ["powersave"], "turbo": true,
			"numa_nodes": [{"node": 0, "cpus": "0-3,8-11", "memory_bytes": 135089094656}, {"node": 1, "cpus": "4-7,12-15", "memory_bytes": 135089094656}],
			"caches": [{"level": 1, "type": "Data", "size_bytes": 49152, "shared": "0,8"}, {"level": 1, "type": "Instruction", "size_bytes": 32768, "shared": "0,8"},
				{"level": 2, "type": "Unified", "size_bytes": 2097152, "shared": "0,8"}, {"level": 3, "type": "Unified", "size_bytes": 110100480, "shared": "0-3,8-11"}],
			"memory_bytes": 270178189312, "free_bytes": 260096000000,
			"huge_pages": {"private": "madvise", "shared": "never", "size_bytes": 2097152, "reserved": 1024, "reserved_free": 512, "reserved_size_bytes": 2097152},
			"load_1m": 1.25}`,
			map[string]string{"quota": "not supported: no control group sets a quota"}},
		"guest of KVM": {amd(), `{"cpu": "AMD EPYC 9654 96-Core Processor", "kernel": null, "hypervisor": "KVM",
			"cores": 4, "online": 4, "physical": 4, "sockets": 1, "quota": null, "governor": null, "turbo": null,
			"numa_nodes": [{"node": 0, "cpus": "0-3", "memory_bytes": 135089094656}],
			"caches": [{"level": 3, "type": "Unified", "size_bytes": 33554432, "shared": "0-3"}],
			"memory_bytes": 270178189312, "free_bytes": 260096000000,
			"huge_pages": {"private": null, "shared": null, "size_bytes": null, "reserved": 0, "reserved_free": 0, "reserved_size_bytes": 2097152},
			"load_1m": null}`,
			map[string]string{
				"kernel":                "not supported: no /proc/sys/kernel/osrelease",
				"quota":                 "not supported: no control group sets a quota",
				"governor":              "not supported: no CPU has a cpufreq/scaling_governor",
				"turbo":                 "not supported: no intel_pstate/no_turbo or cpufreq/boost in /sys/devices/system/cpu",
				"huge_pages.private":    "not supported: no /sys/kernel/mm/transparent_hugepage/enabled",
				"huge_pages.shared":     "not supported: no /sys/kernel/mm/transparent_hugepage/shmem_enabled",
				"huge_pages.size_bytes": "not supported: no /sys/kernel/mm/transparent_hugepage/hpage_pmd_size",
				"load_1m":               "not supported: no /proc/loadavg",
			}},
		"arm64": {grace(), `{"cpu": "Arm Neoverse V2", "kernel": null, "hypervisor": null,
			"cores": 72, "online": 72, "physical": 72, "sockets": 1, "quota": null, "governor": ["ondemand", "performance"], "turbo": false,
			"numa_nodes": [{"node": 0, "cpus": "0-71", "memory_bytes": 135089094656}, {"node": 1, "cpus": "", "memory_bytes": 102005473280}],
			"caches": [{"level": 1, "type": "Data", "size_bytes": 65536, "shared": "0"}, {"level": 2, "type": "Unified", "size_bytes": null, "shared": "0"}],
			"memory_bytes": 514048000000, "free_bytes": 501760000000,
			"huge_pages": {"private": "always", "shared": "never", "size_bytes": 536870912, "reserved": 0, "reserved_free": 0, "reserved_size_bytes": 536870912},
			"load_1m": null}`,
			map[string]string{
				"kernel":               "not supported: no /proc/sys/kernel/osrelease",
				"hypervisor":           "could not tell: nothing names one, and /proc/cpuinfo has no flags that would say that there is one",
				"quota":                "not supported: no /proc/self/cgroup",
				"caches[1].size_bytes": "not supported: no /sys/devices/system/cpu/cpu0/cache/index1/size",
				"load_1m":              "not supported: no /proc/loadavg",
			}},
	} {
		t.Run(name, func(t *testing.T) {
			h := host.Read(tree(t, test.files))
			if diff := cmp.Diff(object(t, test.want), fields(t, h)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(test.missing, answer.Missing(h)); diff != "" {
				t.Errorf("missing (-want +got)\n%s", diff)
			}
		})
	}
}

func TestNothingThere(t *testing.T) {
	for name, root := range map[string]string{"empty": t.TempDir(), "absent": t.TempDir() + "/absent"} {
		h := host.Read(root)
		if h.Cores != runtime.NumCPU() {
			t.Errorf("%s: %d cores, expected those of this process", name, h.Cores)
		}
		missing := answer.Missing(h)
		for field, value := range fields(t, h) {
			if _, ok := missing[field]; !ok && field != "cores" && field != "huge_pages" {
				t.Errorf("%s: %s is %v, expected a reason why it is not there", name, field, value)
			}
		}
		for field, why := range missing {
			if field != "hypervisor" && !strings.HasPrefix(why, "not supported: no ") || strings.Contains(why, root) {
				t.Errorf("%s: %s: %s", name, field, why)
			}
		}
	}
}

// What is damaged is said, and nothing else is lost by it.
func TestDamaged(t *testing.T) {
	files, long := intel(), strings.Repeat("x", 70<<10)
	root := tree(t, files)
	whole := answer.Missing(host.Read(root))
	for name, test := range map[string]struct {
		path, text string
		why        map[string]string // by field, a part of it
	}{
		"more CPUs than there are": {cpus + "online", "0-4294967295\n", map[string]string{
			"online": "/sys/devices/system/cpu/online: CPU list", "physical": "expected numbers below 65536", "sockets": "as in 0-3", "governor": "/online"}},
		"no CPU":               {cpus + "online", "\n", map[string]string{"online": "the list is empty", "physical": "empty", "sockets": "empty", "governor": "empty"}},
		"alone among siblings": {cpus + "cpu3/topology/thread_siblings_list", "4\n", map[string]string{"physical": "expected CPU 3 itself among them"}},
		"no siblings":          {cpus + "cpu4/topology/core_siblings_list", "", map[string]string{"sockets": "the list is empty"}},
		"governor of no words": {cpus + "cpu15/cpufreq/scaling_governor", "\n", map[string]string{"governor": "expected one line of text"}},
		"governor of control":  {cpus + "cpu15/cpufreq/scaling_governor", "a\x1b[2Jb", map[string]string{"governor": `"a\x1b[2Jb": expected`}},
		"turbo":                {cpus + "intel_pstate/no_turbo", "2", map[string]string{"turbo": `"2": expected 0 or 1`}},
		"level":                {cpus + "cpu0/cache/index1/level", "-1", map[string]string{"caches": "expected a level"}},
		"type":                 {cpus + "cpu0/cache/index1/type", "", map[string]string{"caches": "index1/type"}},
		"size":                 {cpus + "cpu0/cache/index2/size", "2M", map[string]string{"caches[2].size_bytes": "expected a size, as in 32K"}},
		"size beyond bounds":   {cpus + "cpu0/cache/index2/size", "99999999999999999999K", map[string]string{"caches[2].size_bytes": "expected a size"}},
		"shared":               {cpus + "cpu0/cache/index3/shared_cpu_list", "3,1", map[string]string{"caches[3].shared": "ascend"}},
		"nodes":                {"sys/devices/system/node/online", "0-8192", map[string]string{"numa_nodes": "less than 8192"}},
		"many nodes":           {"sys/devices/system/node/online", "0,1024", map[string]string{"numa_nodes": "node 1024: expected nodes below 1024"}},
		"CPUs of a node":       {"sys/devices/system/node/node1/cpulist", "a", map[string]string{"numa_nodes[1].cpus": "node1/cpulist"}},
		"memory of a node":     {"sys/devices/system/node/node1/meminfo", "Node 1 MemTotal: much kB", map[string]string{"numa_nodes[1].memory_bytes": "expected a number of kB"}},
		"another node's memory": {"sys/devices/system/node/node1/meminfo", "Node 0 MemTotal: 1 kB", map[string]string{
			"numa_nodes[1].memory_bytes": "no Node 1 MemTotal in /sys/devices/system/node/node1/meminfo"}},
		"memory in pages": {"proc/meminfo", strings.Replace(meminfo(1024), "263845888 kB", "12 pages\nMemTotal: 1 kB", 1),
			map[string]string{"memory_bytes": `MemTotal "12 pages": expected`}},
		"memory beyond bounds": {"proc/meminfo", strings.Replace(meminfo(1024), "263845888", "99999999999999999999", 1), map[string]string{"memory_bytes": "number of kB"}},
		"negative pages":       {"proc/meminfo", meminfo(-2), map[string]string{"huge_pages.reserved": "number of pages", "huge_pages.reserved_free": `"-1"`}},
		"long meminfo": {"proc/meminfo", long, map[string]string{"memory_bytes": "expected at most 65536 bytes", "free_bytes": "at most",
			"huge_pages.reserved": "at most", "huge_pages.reserved_free": "at most", "huge_pages.reserved_size_bytes": "at most"}},
		"no word chosen":   {thp + "enabled", "always madvise never", map[string]string{"huge_pages.private": "expected one word in brackets"}},
		"empty brackets":   {thp + "shmem_enabled", "always [] never", map[string]string{"huge_pages.shared": "expected one word"}},
		"size of pages":    {thp + "hpage_pmd_size", "2 MB", map[string]string{"huge_pages.size_bytes": "expected a number of bytes"}},
		"load":             {"proc/loadavg", "NaN 0 0", map[string]string{"load_1m": `"NaN": expected a load`}},
		"infinite load":    {"proc/loadavg", "1e999 0 0", map[string]string{"load_1m": "expected a load"}},
		"kernel":           {"proc/sys/kernel/osrelease", " \n", map[string]string{"kernel": "/proc/sys/kernel/osrelease"}},
		"long kernel":      {"proc/sys/kernel/osrelease", long[:300], map[string]string{"kernel": `x"...: expected one line`}},
		"groups":           {"proc/self/cgroup", "no groups", map[string]string{"quota": "expected a control group"}},
		"deep group":       {"proc/self/cgroup", "0::" + strings.Repeat("/a", 3000), map[string]string{"quota": "expected a control group"}},
		"quota":            {"sys/fs/cgroup/user.slice/cpu.max", "lots 100000", map[string]string{"quota": "expected a quota and its period in microseconds, or max"}},
		"quota of nothing": {"sys/fs/cgroup/user.slice/cpu.max", "100000 0", map[string]string{"quota": "expected a quota"}},
		"empty cpuinfo":    {"proc/cpuinfo", "", map[string]string{"cpu": "no model name", "hypervisor": "no flags"}},
		"model of control": {"proc/cpuinfo", "model name : a\x00b\nflags : fpu\n", map[string]string{"cpu": "expected the name of a model"}},
		"empty model":      {"proc/cpuinfo", "model name :\nflags : fpu\n", map[string]string{"cpu": "no model name in /proc/cpuinfo"}},
		"one long line":    {"proc/cpuinfo", "flags : " + long, map[string]string{"cpu": "no model name", "hypervisor": "no flags"}},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, root, test.path, test.text)
			missing, whole := answer.Missing(host.Read(root)), maps.Clone(whole)
			write(t, root, test.path, files[test.path])
			for field, part := range test.why {
				if why := missing[field]; why == "" || !strings.Contains(why, part) {
					t.Errorf("%s: %q, expected %q in it", field, why, part)
				}
				delete(missing, field)
				delete(whole, field)
			}
			if diff := cmp.Diff(whole, missing); diff != "" {
				t.Errorf("others (-whole +damaged)\n%s", diff)
			}
		})
	}
}

func TestNotFiles(t *testing.T) {
	root := tree(t, intel())
	path := root + "/proc/loadavg"
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if why := host.Read(root).Load1.String(); why != "could not tell: /proc/loadavg: expected a file" {
		t.Error(why)
	}
}

// What must hold on any Linux.
func TestThisMachine(t *testing.T) {
	h := host.Read("")
	if h.Cores != runtime.NumCPU() || h.Arch != runtime.GOARCH || h.OS != runtime.GOOS || h.Go != runtime.Version() {
		t.Errorf("%+v", h)
	}
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	// The type is part of the contract: a host's name must not slip in.
	if name, err := os.Hostname(); err != nil || strings.Contains(string(b), `"hostname"`) || len(name) > 8 && strings.Contains(string(b), name) {
		t.Errorf("%s, %v", b, err)
	}
	if runtime.GOOS != "linux" {
		if why := h.MemoryBytes.String(); why != "not supported: no /proc on "+runtime.GOOS {
			t.Error(why)
		}
		return
	}
	memory, free := h.MemoryBytes.Or(0), h.FreeBytes.Or(0)
	if memory < 1<<20 || free < 0 || free > memory || h.Kernel.Or("") == "" {
		t.Errorf("memory %v, free %v, kernel %v", h.MemoryBytes, h.FreeBytes, h.Kernel)
	}
	if physical, ok := h.Physical.Get(); ok && (physical < 1 || physical > h.Online.Or(0) || h.Sockets.Or(1) > physical) {
		t.Errorf("%v cores and %v sockets of %v CPUs", h.Physical, h.Sockets, h.Online)
	}
	if quota, ok := h.Quota.Get(); ok && !(quota > 0) {
		t.Errorf("quota %v", quota)
	}
	for _, c := range h.Caches.Or(nil) {
		if c.Level < 1 || c.Type == "" {
			t.Errorf("%+v", c)
		}
	}
}

// On the largest machines: 192 CPUs in two sockets.
func BenchmarkRead(b *testing.B) {
	files := with(intel(), sockets(2, 48, 2))
	for cpu := range 192 {
		files[fmt.Sprintf(cpus+"cpu%d/cpufreq/scaling_governor", cpu)] = "performance\n"
	}
	for name, root := range map[string]string{"here": "", "192 CPUs": tree(b, files)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				host.Read(root)
			}
		})
	}
}
