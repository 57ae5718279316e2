package record

import (
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Host says what can be learnt of this machine from the Go runtime and /proc.
// It never fails: what cannot be learnt (all of /proc outside Linux, the CPU's
// name on some architectures) stays nil. Hypervisor is always nil: /proc does
// not name it.
func Host() HostInfo { return hostFrom("/proc") }

func hostFrom(proc string) HostInfo {
	h := HostInfo{
		Cores: new(runtime.NumCPU()),
		OS:    new(runtime.GOOS),
		Arch:  new(runtime.GOARCH),
		Go:    new(runtime.Version()),
	}
	h.CPU = field(proc+"/cpuinfo", "model name")
	if b, err := os.ReadFile(proc + "/sys/kernel/osrelease"); err == nil {
		h.Kernel = known(string(b))
	}
	if total := field(proc+"/meminfo", "MemTotal"); total != nil {
		number, isKB := strings.CutSuffix(*total, " kB")
		if kb, err := strconv.ParseInt(number, 10, 53); err == nil && isKB && kb > 0 {
			h.MemoryBytes = new(kb * 1024)
		}
	}
	return h
}

// field is the value of the first "key : value" line, or nil.
func field(path, key string) *string {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return known(v)
		}
	}
	return nil
}

// known is the trimmed string, or nil if nothing is left.
func known(s string) *string {
	if s = strings.TrimSpace(s); s == "" {
		return nil
	}
	return &s
}
