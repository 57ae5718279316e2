package host_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// tree writes files, by their paths, below a folder.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, root, path, text)
	}
	return root
}

func write(t testing.TB, root, path, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(root, path), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// with is files, with others added or in their place.
func with(files, others map[string]string) map[string]string {
	all := maps.Clone(files)
	maps.Copy(all, others)
	return all
}

const cpus = "sys/devices/system/cpu/"

// sockets is a machine whose CPUs the kernel numbers as most do: first one thread of each
// core, socket by socket, then the second.
func sockets(sockets, cores, threads int) map[string]string {
	total := sockets * cores * threads
	files := map[string]string{
		cpus + "online": fmt.Sprintf("0-%d\n", total-1),
		"sys/devices/system/node/online": map[bool]string{
			true: "0\n", false: fmt.Sprintf("0-%d\n", sockets-1)}[sockets == 1],
	}
	for socket := range sockets {
		var all []string
		for thread := range threads {
			first := thread*sockets*cores + socket*cores
			all = append(all, fmt.Sprintf("%d-%d", first, first+cores-1))
		}
		list := strings.Join(all, ",") + "\n"
		node := fmt.Sprintf("sys/devices/system/node/node%d/", socket)
		files[node+"cpulist"] = list
		files[node+"meminfo"] = fmt.Sprintf("Node %d MemTotal:       131922944 kB\nNode %[1]d MemFree:        127000000 kB\n", socket)
		for core := range cores {
			var siblings []string
			for thread := range threads {
				siblings = append(siblings, strconv.Itoa(thread*sockets*cores+socket*cores+core))
			}
			for _, cpu := range siblings {
				files[cpus+"cpu"+cpu+"/topology/core_siblings_list"] = list
				files[cpus+"cpu"+cpu+"/topology/thread_siblings_list"] = strings.Join(siblings, ",") + "\n"
			}
		}
	}
	return files
}

// cache is one of CPU 0.
func cache(index, level int, kind, size, shared string) map[string]string {
	folder := fmt.Sprintf(cpus+"cpu0/cache/index%d/", index)
	return map[string]string{folder + "level": fmt.Sprintln(level), folder + "type": kind + "\n",
		folder + "size": size + "\n", folder + "shared_cpu_list": shared + "\n"}
}

// meminfo is one with as many reserved huge pages of 2 MiB.
func meminfo(reserved int) string {
	return fmt.Sprintf(`MemTotal:       263845888 kB
MemFree:        200000000 kB
MemAvailable:   254000000 kB
HugePages_Total:    %d
HugePages_Free:     %d
HugePages_Rsvd:        0
Hugepagesize:       2048 kB
`, reserved, reserved/2)
}

const thp = "sys/kernel/mm/transparent_hugepage/"

// intel is a server of two sockets of four cores of two threads.
func intel() map[string]string {
	files := with(sockets(2, 4, 2), map[string]string{
		"proc/cpuinfo": "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R) Platinum 8480C: 2.0GHz\n" +
			"flags\t\t: fpu vme avx512f amx_bf16\n\nprocessor\t: 1\nmodel name\t: Other\n",
		"proc/meminfo":              meminfo(1024),
		"proc/loadavg":              "1.25 0.64 1.70 1/90 9485\n",
		"proc/self/cgroup":          "0::/user.slice/session-1.scope\n",
		"proc/sys/kernel/osrelease": "6.8.0-45-generic\n",
		"sys/fs/cgroup/user.slice/session-1.scope/cpu.max": "max 100000\n",
		"sys/fs/cgroup/user.slice/cpu.max":                 "max 100000\n",
		thp + "enabled":                                    "always [madvise] never\n",
		thp + "shmem_enabled":                              "always within_size advise [never] deny force\n",
		thp + "hpage_pmd_size":                             "2097152\n",
		cpus + "intel_pstate/no_turbo":                     "0\n",
		"sys/class/dmi/id/sys_vendor":                      "Supermicro\n",
	})
	for cpu := range 16 {
		files[fmt.Sprintf(cpus+"cpu%d/cpufreq/scaling_governor", cpu)] = "powersave\n"
	}
	for _, c := range []map[string]string{
		cache(0, 1, "Data", "48K", "0,8"), cache(1, 1, "Instruction", "32K", "0,8"),
		cache(2, 2, "Unified", "2048K", "0,8"), cache(3, 3, "Unified", "107520K", "0-3,8-11"),
	} {
		files = with(files, c)
	}
	return files
}

// amd is a guest of KVM, without clocks that it could govern.
func amd() map[string]string {
	return with(with(sockets(1, 4, 1), cache(0, 3, "Unified", "32768K", "0-3")), map[string]string{
		"proc/cpuinfo":     "processor\t: 0\nmodel name\t: AMD EPYC 9654 96-Core Processor\nflags\t\t: fpu hypervisor avx2\n",
		"proc/meminfo":     meminfo(0),
		"proc/self/cgroup": "0::/\n",
		"sys/devices/system/clocksource/clocksource0/available_clocksource": "tsc kvm-clock acpi_pm \n",
	})
}

// grace has memory of its GPU as a node, and pages of 64 KiB.
func grace() map[string]string {
	return with(with(sockets(1, 72, 1), cache(0, 1, "Data", "64K", "0")), map[string]string{
		"proc/cpuinfo": "processor\t: 0\nBogoMIPS\t: 2000.00\nFeatures\t: fp asimd sve2 bf16\nCPU implementer\t: 0x41\n" +
			"CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd4f\nCPU revision\t: 0\n",
		"proc/meminfo":                             "MemTotal:       502000000 kB\nMemAvailable:   490000000 kB\nHugepagesize:     524288 kB\nHugePages_Total: 0\nHugePages_Free: 0\n",
		"sys/devices/system/node/online":           "0-1\n",
		"sys/devices/system/node/node1/cpulist":    "\n",
		"sys/devices/system/node/node1/meminfo":    "Node 1 MemTotal:       99614720 kB\n",
		thp + "enabled":                            "[always] madvise never\n",
		thp + "shmem_enabled":                      "always within_size advise [never] deny force\n",
		thp + "hpage_pmd_size":                     "536870912\n",
		cpus + "cpu0/cpufreq/scaling_governor":     "performance\n",
		cpus + "cpu71/cpufreq/scaling_governor":    "ondemand\n",
		"sys/class/dmi/id/sys_vendor":              "NVIDIA\n",
		cpus + "cpufreq/boost":                     "0\n",
		cpus + "cpu0/cache/index1/level":           "2\n", // its firmware does not say the size
		cpus + "cpu0/cache/index1/type":            "Unified\n",
		cpus + "cpu0/cache/index1/shared_cpu_list": "0\n",
	})
}
