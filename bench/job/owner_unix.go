//go:build unix

package job

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
)

// owner names a process by its pid and, where the system tells, when it started.
func owner(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return fmt.Sprint(pid)
	}
	// Field 22. The program's name, field 2, is in parentheses and may hold anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return fmt.Sprint(pid)
	}
	return fmt.Sprintf("%d %s", pid, fields[19])
}

func ours(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}
