//go:build !race

package mem_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/commbench/commbench/transport/mem"
	"github.com/commbench/commbench/transport/numa"
)

// usage is how many bytes of address space and of memory this process has.
func usage(t *testing.T) (space, resident int) {
	t.Helper()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(statm), &space, &resident); err != nil {
		t.Fatal(err)
	}
	return space * os.Getpagesize(), resident * os.Getpagesize()
}

func TestUntouchedCostsNothing(t *testing.T) {
	const size, little = 1 << 36, 1 << 28
	space, resident := usage(t)
	m, err := mem.New().Alloc(size)
	if errors.Is(err, unix.ENOMEM) {
		t.Skipf("this process may not have the address space: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	m.Bytes()[size/2] = 1
	if s, r := usage(t); s-space < size || r-resident > little {
		t.Errorf("%d bytes of which one was touched are %d of address space and %d of memory", size, s-space, r-resident)
	}
	if err := m.Free(); err != nil {
		t.Fatal(err)
	}
	if s, _ := usage(t); s-space > little {
		t.Errorf("%d bytes of address space are left", s-space)
	}
}

func TestTooMuch(t *testing.T) {
	for _, size := range []int{1<<62 + 1, 1<<63 - 1} {
		if _, err := mem.New().Alloc(size); err == nil || !strings.Contains(err.Error(), "mmap") {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestHugeIsAdvised(t *testing.T) {
	anon, _, err := numa.HugePolicy("")
	if err != nil {
		t.Skip(err)
	}
	m, err := mem.New().Alloc(10<<20 + 1)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Free()
	b := m.Bytes()
	for i := range b {
		b[i] = 1
	}
	n, err := numa.HugeBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	// How many are free is not in our hands, so their number is not checked.
	t.Logf("policy %s: %d of %d bytes are huge", anon, n, len(b))
	if !advised(t, b) {
		t.Error("huge pages were not advised")
	}
}

// advised says whether the mapping that a block lies in has the flag "hg".
func advised(t *testing.T, b []byte) bool {
	t.Helper()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	var address, from, to uint64
	if _, err := fmt.Sscan(fmt.Sprintf("%p", b), &address); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(smaps)) {
		if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok && from <= address && address < to {
			return strings.Contains(flags, " hg")
		}
		fmt.Sscanf(line, "%x-%x", &from, &to) // no line of a field is like this
	}
	return false
}
