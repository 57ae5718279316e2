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

// Processes that share memory, or a loopback, find each other by it.
func TestIdentity(t *testing.T) {
	name, _ := os.Hostname()
	for _, namespace := range []string{"pid", "net"} {
		got := host.Identity(namespace)
		if got != host.Identity(namespace) || !strings.HasPrefix(got, name+" ") {
			t.Errorf("%s: %q", namespace, got)
		}
		if runtime.GOOS == "linux" && !strings.Contains(got, " "+namespace+":[") {
			t.Errorf("%s: %q has no namespace", namespace, got)
		}
	}
}
