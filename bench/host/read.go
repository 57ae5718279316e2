package host

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"

	"github.com/commbench/commbench/nvml/answer"
	"github.com/commbench/commbench/transport/numa"
)

const cpuFolder = "/sys/devices/system/cpu"

// Read says what can be learnt of a machine from the proc and sys folders below root; "" is
// this machine, "/". It never fails. Arch, OS and Go are of this program, whatever the root
// is; so is Cores, if the root does not say. Of another root than "" this process may use all
// CPUs, since which ones it may is not known there.
func Read(root string) Host {
	f := files{root: cmp.Or(root, "/")}
	if root == "" && runtime.GOOS != "linux" {
		f.absent = "no /proc on " + runtime.GOOS
	}
	online, err := f.list(cpuFolder + "/online")
	count := answer.From(len(online), err)
	usable, usableErr, cores := online, err, count.Or(runtime.NumCPU())
	if root == "" {
		cores = runtime.NumCPU()
		if own, err := numa.UsableCPUs(); err == nil {
			usable, usableErr = own, nil
		}
	}
	first := 0
	if len(online) > 0 {
		first = online[0]
	}
	info, infoErr := f.cpuInfo()
	memory, memoryErr := f.fields("/proc/meminfo")
	return Host{
		CPU:        told(info, infoErr, model),
		Arch:       runtime.GOARCH,
		OS:         runtime.GOOS,
		Go:         runtime.Version(),
		Kernel:     answer.From(f.line("/proc/sys/kernel/osrelease")),
		Hypervisor: answer.From(f.hypervisor(info)),

		Cores:     cores,
		Online:    count,
		Physical:  told(online, err, f.groups("thread_siblings_list")),
		Sockets:   told(online, err, f.groups("core_siblings_list")),
		Quota:     answer.From(f.quota()),
		Governor:  told(usable, usableErr, f.governors),
		Turbo:     answer.From(f.turbo()),
		NUMANodes: answer.From(f.nodes()),
		Caches:    answer.From(f.caches(first)),

		MemoryBytes: told(memory, memoryErr, kilobytes("/proc/meminfo", "MemTotal")),
		FreeBytes:   told(memory, memoryErr, kilobytes("/proc/meminfo", "MemAvailable")),
		HugePages: HugePages{
			Private:      answer.From(f.transparent("enabled")),
			Shared:       answer.From(f.transparent("shmem_enabled")),
			Size:         answer.From(f.pageSize(thp + "hpage_pmd_size")),
			Total:        told(memory, memoryErr, pages("/proc/meminfo", "HugePages_Total")),
			Free:         told(memory, memoryErr, pages("/proc/meminfo", "HugePages_Free")),
			ReservedSize: told(memory, memoryErr, kilobytes("/proc/meminfo", "Hugepagesize")),
		},
		Load1: answer.From(f.load()),
	}
}

// told is what a source says, or why it could not be read.
func told[S, T any](source S, err error, say func(S) (T, error)) answer.Of[T] {
	if err != nil {
		var none T
		return answer.From(none, err)
	}
	return answer.From(say(source))
}

// load is the first figure of loadavg.
func (f files) load() (float64, error) {
	text, err := f.line("/proc/loadavg")
	if err != nil {
		return 0, err
	}
	word, _, _ := strings.Cut(text, " ")
	load, err := strconv.ParseFloat(word, 64)
	if err != nil || !(load >= 0) || math.IsInf(load, 0) {
		return 0, fmt.Errorf("/proc/loadavg: %q: expected a load, as in 0.52", word)
	}
	return load, nil
}
