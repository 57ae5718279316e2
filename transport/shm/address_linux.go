package shm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"

	"github.com/commbench/commbench/transport/driver"
)

// address says where a rank's regions are: the segments in order, then, if there
// are words, these and the bell of all endpoints. Their sizes are not in it: they
// are those of the reader's own regions, and are compared with the files before
// these are mapped.
type address struct {
	process process
	files   []file
}

// process tells a process from an earlier one with its pid.
type process struct {
	Pid   int32
	Start uint64 // when it started, in clock ticks since the machine did
}

type file struct {
	Descriptor int32
	Inode      uint64
}

const (
	magic       = "shm2" // the format of what follows: process, then files
	processSize = 4 + 8
	fileSize    = 4 + 8
)

func (a address) encode() []byte {
	b := []byte(magic)
	for _, part := range []any{a.process, a.files} {
		var err error
		if b, err = binary.Append(b, binary.LittleEndian, part); err != nil {
			panic(err) // the types have a fixed size
		}
	}
	return b
}

// decode reads an address with the given number of files. What it allocates is
// of that number, not of one in the address.
func decode(b []byte, files int) (address, error) {
	rest, ok := bytes.CutPrefix(b, []byte(magic))
	if !ok || len(rest) != processSize+files*fileSize {
		return address{}, fmt.Errorf("%w: %d bytes, for %d files", driver.ErrBadAddress, len(b), files)
	}
	a := address{files: make([]file, files)}
	for _, part := range []any{&a.process, a.files} {
		n, err := binary.Decode(rest, binary.LittleEndian, part)
		if err != nil {
			return address{}, fmt.Errorf("%w: %w", driver.ErrBadAddress, err)
		}
		rest = rest[n:]
	}
	if a.process.Pid <= 0 {
		return address{}, fmt.Errorf("%w: pid %d", driver.ErrBadAddress, a.process.Pid)
	}
	for _, f := range a.files {
		if f.Descriptor < 0 {
			return address{}, fmt.Errorf("%w: file descriptor %d", driver.ErrBadAddress, f.Descriptor)
		}
	}
	return a, nil
}

func thisProcess() (process, error) {
	pid := int32(os.Getpid())
	start, err := startTime(pid)
	return process{Pid: pid, Start: start}, err
}

// startTime is field 22 of /proc/<pid>/stat. Field 2 is the program's name in
// parentheses and may hold anything, so fields are counted from the last one.
func startTime(pid int32) (uint64, error) {
	path := fmt.Sprintf("/proc/%d/stat", pid)
	stat, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return 0, fmt.Errorf("%s: field 22 is missing", path)
	}
	return strconv.ParseUint(string(fields[22-3]), 10, 64)
}
