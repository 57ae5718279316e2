//go:build linux || darwin

package drivertest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/commbench/commbench/transport/driver"
)

const canShare = true

// mapFile maps a file as memory that all processes that map it share.
func mapFile(path string, size int) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mmap %d bytes of %s: %w", size, path, err)
	}
	return b, nil
}

func unmap(b []byte) error { return syscall.Munmap(b) }

// fileMemory is memory of a file, for drivers that take any.
type fileMemory struct {
	bytes []byte
	path  string
}

func allocFile(dir string, size int) (driver.Memory, string, error) {
	f, err := os.CreateTemp(dir, "segment-")
	if err != nil {
		return nil, "", err
	}
	err = f.Truncate(int64(size))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, "", err
	}
	b, err := mapFile(f.Name(), size)
	return &fileMemory{b, f.Name()}, f.Name(), err
}

func (m *fileMemory) Bytes() []byte { return m.bytes }

func (m *fileMemory) Free() error {
	b := m.bytes
	m.bytes = nil
	return errors.Join(unmap(b), os.Remove(m.path))
}

// allocOwn is memory of a driver that takes no other: it must be a file that the driver
// has opened for it, and keeps open.
func allocOwn(d driver.Driver, size int) (driver.Memory, string, error) {
	before, err := opened()
	if err != nil {
		return nil, "", err
	}
	m, err := d.Alloc(size)
	if err != nil {
		return nil, "", err
	}
	after, err := opened()
	for _, path := range after {
		if info, err := os.Stat(path); err == nil && info.Size() == int64(size) && !slices.Contains(before, path) {
			return m, path, nil
		}
	}
	return nil, "", errors.Join(err, m.Free(),
		fmt.Errorf("driver %s has opened no file of %d bytes for its memory, so another process cannot see it", d.Name(), size))
}

// opened are the paths of the files that this process has open, by descriptor.
func opened() (paths []string, err error) {
	dir := filepath.Join("/proc", strconv.Itoa(os.Getpid()), "fd")
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if _, err := os.Stat(path); err == nil { // one was the directory itself
			paths = append(paths, path)
		}
	}
	return paths, err
}
