//go:build linux

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// processes are the pids of all processes of some sessions, in ascending order.
// Those that have ended and that nobody has waited for yet are none.
func processes(sessions []int) []int {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		panic(err) // the pattern is fixed
	}
	var pids []int
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// Fields 3 and 6. The program's name, field 2, is in parentheses and may hold anything.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) < 4 || bytes.ContainsAny(fields[0], "ZX") {
			continue
		}
		session, err := strconv.Atoi(string(fields[3]))
		if err != nil || !slices.Contains(sessions, session) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}
