package record

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadIsBounded(t *testing.T) {
	in := strings.NewReader(strings.Repeat(" ", 1000))
	if _, err := read(in, "f", 100); !errors.Is(err, ErrTooLarge) || in.Len() != 1000-101 {
		t.Errorf("got %v after %d bytes, want ErrTooLarge after 101", err, 1000-in.Len())
	}
	if recs, err := read(strings.NewReader(strings.Repeat("\n", 100)), "f", 100); err != nil || len(recs) != 0 {
		t.Errorf("as long as the limit: %v", err)
	}
}

func TestHostFrom(t *testing.T) {
	proc := func(files map[string]string) HostInfo {
		dir := t.TempDir()
		for name, text := range files {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return hostFrom(dir)
	}

	h := proc(map[string]string{
		"cpuinfo":              "processor\t: 0\nmodel name\t: Some CPU: 2 GHz\n\nprocessor\t: 1\nmodel name\t: Other\n",
		"meminfo":              "MemTotal:       24684096 kB\nMemFree: 1 kB\n",
		"sys/kernel/osrelease": "6.1.0-42\n",
	})
	if *h.CPU != "Some CPU: 2 GHz" || *h.MemoryBytes != 24684096*1024 || *h.Kernel != "6.1.0-42" || h.Hypervisor != nil {
		t.Errorf("got %q, %d bytes, %q", *h.CPU, *h.MemoryBytes, *h.Kernel)
	}

	for name, files := range map[string]map[string]string{
		"no files":    {},
		"empty files": {"cpuinfo": "", "meminfo": "", "sys/kernel/osrelease": "\n"},
		"odd files": {"cpuinfo": "model name\t:\n", "meminfo": "MemTotal: 12 pages\nMemTotal: 1 kB\n",
			"sys/kernel/osrelease": " "},
		"not a number": {"meminfo": "MemTotal: 99999999999999999999 kB\n"},
	} {
		if h := proc(files); h.CPU != nil || h.MemoryBytes != nil || h.Kernel != nil {
			t.Errorf("%s: %+v, want nil", name, h)
		}
	}
}
