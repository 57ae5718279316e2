//go:build cgo && linux

package nvml

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commbench/commbench/nvml/answer"
)

// The mocks do not show a call that ends the process because its symbol is missing: go-nvml
// must meet a real library that has few.
func TestLibraryWithFewSymbols(t *testing.T) {
	if os.Getenv("NVML_INIT") != "" {
		openStub(t)
		return
	}
	cc, err := exec.LookPath("cc")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("no C compiler:", err)
	}
	dir := t.TempDir()
	lib := filepath.Join(dir, "libnvidia-ml.so.1")
	if out, err := exec.Command(cc, "-shared", "-fPIC", "-o", lib, "testdata/libnvidia-ml.c").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, code := range []string{"0", "18"} {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+dir, "NVML_INIT="+code)
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "met the library") {
			t.Errorf("nvmlInit answers %s: %v\n%s", code, err, out)
		}
	}
}

// openStub runs in a process that finds the library of testdata.
func openStub(t *testing.T) {
	defer t.Log("met the library")
	l, err := Open()
	if os.Getenv("NVML_INIT") != "0" {
		if err == nil || !strings.Contains(err.Error(), "Driver/library version mismatch") || errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%v, expected a mismatch", err)
		}
		return
	}
	for range 2 {
		if err != nil {
			t.Fatal(err)
		}
		d := l.Devices()[0]
		d.Reading()
		missing := answer.Missing(all{d.Inventory(), d.Reading(), d.Faults()})
		for at, want := range map[string]string{
			"i.uuid":            "not supported: this driver has no nvmlDeviceGetUUID",
			"r.utilization_pct": "not supported: nvmlDeviceGetUtilizationRates: Not Supported",
			"i.name":            "",
		} {
			if missing[at] != want {
				t.Errorf("%s: %q, expected %q", at, missing[at], want)
			}
		}
		if _, err := l.Events(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("events: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if name := d.Inventory().Name; name.Err() == nil {
			t.Errorf("after the end the name is %v", name)
		}
		l.System()
		l, err = Open() // once more
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
