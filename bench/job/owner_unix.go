//go:build unix

package job

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// started says when a process started, in any unit: "0" where only its life is known,
// and "" if there is no such process.
func started(pid int) string {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return ""
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "0"
	}
	// Field 22. The program's name, field 2, is in parentheses and may hold anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return "0"
	}
	if state := fields[0][0]; state == 'Z' || state == 'X' { // it only waits to be seen off
		return ""
	}
	return string(fields[19])
}

// ours says whether the file is this user's.
func ours(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}
