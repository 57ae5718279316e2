package host_test

import (
	"encoding/json"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/commbench/commbench/bench/host"
)

func TestRecordOfThisMachine(t *testing.T) {
	h := host.Read("").Record()
	if *h.Cores < 1 || *h.OS != runtime.GOOS || *h.Arch != runtime.GOARCH || *h.Go != runtime.Version() {
		t.Errorf("host %+v", h)
	}
	if runtime.GOOS == "linux" && (h.Kernel == nil || h.MemoryBytes == nil || *h.MemoryBytes < 1<<20) {
		t.Errorf("on Linux, but kernel %v and memory %v", h.Kernel, h.MemoryBytes)
	}
	// The type is part of the contract: a hostname must not slip in.
	b, err := json.Marshal(h)
	if name, _ := os.Hostname(); err != nil || strings.Contains(string(b), `"hostname"`) || len(name) > 8 && strings.Contains(string(b), name) {
		t.Errorf("%s, %v", b, err)
	}
}
