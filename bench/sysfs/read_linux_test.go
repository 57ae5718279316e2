package sysfs_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/commbench/commbench/bench/sysfs"
)

// A file that has nothing to say now is an error, and not waited for: intel_pstate/no_turbo says so while the driver is
// off. A pipe with a writer does the same.
func TestNoWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(path, 0o644); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := sysfs.Read(path, nil, 64); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("got %v", err)
	}
}

// A buffer with room is all that is needed.
func TestAllocations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("42\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() { _, _ = sysfs.Read(path, buf, cap(buf)) }); n > 2 { // of the path, for the kernel
		t.Errorf("%v allocations", n)
	}
}
