package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/commbench/commbench/scripts/internal/doc"
)

// watch runs a program and looks at its threads, and those of its children, a hundred
// times a second: most that a process had, and most that all had together.
func watch(ctx context.Context, name string, args ...string) (out []byte, most, all int, err error) {
	if _, err := os.Stat("/proc/self/task"); err != nil {
		return nil, 0, 0, fmt.Errorf("threads are counted in /proc: %w", err)
	}
	type ended struct {
		out []byte
		err error
	}
	end := make(chan ended, 1)
	go func() {
		out, err := doc.Output(ctx, nil, name, args...)
		end <- ended{out, err}
	}()
	for tick := time.Tick(10 * time.Millisecond); ; {
		select {
		case e := <-end:
			if e.err == nil && most == 0 {
				e.err = errors.New("/proc shows no children")
			}
			return e.out, most, all, e.err
		case <-tick:
		}
		sum := 0
		for _, pid := range descendants(os.Getpid()) {
			n := len(tasks(pid))
			most, sum = max(most, n), sum+n
		}
		all = max(all, sum)
	}
}

func tasks(pid int) []string {
	t, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid)) // the pattern is good
	return t
}

// descendants are the processes that a process has started, and theirs. Those that end
// meanwhile are left out.
func descendants(pid int) (all []int) {
	for _, task := range tasks(pid) {
		text, _ := os.ReadFile(task + "/children")
		for field := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				all = append(append(all, child), descendants(child)...)
			}
		}
	}
	return all
}
