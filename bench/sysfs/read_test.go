package sysfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commbench/commbench/bench/sysfs"
)

func Example() {
	b, err := sysfs.Read("/proc/sys/kernel/ostype", nil, 64)
	fmt.Println(len(b) > 0 || errors.Is(err, fs.ErrNotExist))
	// Output: true
}

func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, size := range []int{0, 1, 511, 512, 513, 5000} {
		text := strings.Repeat("x", size)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, most := range []int{0, 1, 512, 600, 10_000} {
			for _, buf := range [][]byte{nil, make([]byte, 0, 300), []byte("before")} {
				b, err := sysfs.Read(path, buf, most+len(buf))
				if want := string(buf) + text[:min(size, most)]; err != nil || string(b) != want {
					t.Errorf("%d bytes, at most %d, after %d: got %d, %v, expected %d", size, most, len(buf), len(b), err, len(want))
				}
			}
		}
	}
	if b, err := sysfs.Read(path+"s", []byte("before"), 100); !errors.Is(err, fs.ErrNotExist) || string(b) != "before" || !strings.Contains(err.Error(), path) {
		t.Errorf("of no file: %q, %v", b, err)
	}
}
