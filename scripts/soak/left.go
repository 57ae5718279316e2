//go:build linux

package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// leftovers says which files a trial has left, beside those that it is to write. A
// process that was killed could not remove its own.
func (t *trial) leftovers(dir string) error {
	if slices.Contains(t.signals, syscall.SIGKILL) && t.victim == 0 {
		return nil
	}
	var left []string
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() { // the directory for meetings stays
			return err
		}
		name := strings.TrimPrefix(path, dir+"/")
		if name != t.output && !strings.HasPrefix(name, "stdout.") && !strings.HasPrefix(name, "stderr.") {
			left = append(left, name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return failf(classLeak, "files are left: %q", left)
	}
	return nil
}

// shared is what all of the machine's programs have in common: shared memory with
// names, and network namespaces. Others may make such meanwhile, and then they go
// again; so what a trial seems to have left is counted at the end, if it is there still.
type shared struct {
	before map[string]bool
	since  map[string]uint64 // the seed of the trial after which it was seen first
}

// settleTime is how long others have to remove theirs.
const settleTime = 20 * time.Second

func newShared() shared {
	s := shared{map[string]bool{}, map[string]uint64{}}
	for _, path := range sharedPaths() {
		s.before[path] = true
	}
	return s
}

func sharedPaths() (all []string) {
	for _, pattern := range []string{"/dev/shm/*", "/run/netns/*", "/var/run/netns/*"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			panic(err) // the patterns are fixed
		}
		for _, path := range paths {
			if real, err := filepath.EvalSymlinks(path); err == nil && !slices.Contains(all, real) {
				all = append(all, real)
			}
		}
	}
	return all
}

// look notes what is new after a trial, and forgets what is gone.
func (s *shared) look(seed uint64) {
	now := map[string]uint64{}
	for _, path := range sharedPaths() {
		if first, seen := s.since[path]; seen {
			now[path] = first
		} else if !s.before[path] {
			now[path] = seed
		}
	}
	s.since = now
}

// settle says what is left at the end.
func (s *shared) settle() error {
	for until := time.Now().Add(settleTime); len(s.since) > 0 && time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		there := sharedPaths()
		maps.DeleteFunc(s.since, func(path string, _ uint64) bool { return !slices.Contains(there, path) })
	}
	if len(s.since) == 0 {
		return nil
	}
	var left []string
	for _, path := range slices.Sorted(maps.Keys(s.since)) {
		left = append(left, fmt.Sprintf("%s (since seed %d)", path, s.since[path]))
	}
	return failf(classLeak, "left in what all programs share: %s", strings.Join(left, ", "))
}
