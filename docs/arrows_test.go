// Package docs_test keeps the documents true: the arrows between packages, and
// the commands that the README shows.
package docs_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/commbench/commbench/"

// arrows says which packages of this module each package may import. A trailing
// /... stands for the folders below.
//
//	workload -> routing -> plan -> exec, over a transport -> record -> stats -> reports
var arrows = map[string][]string{
	// Pure: no clock, no wire.
	"alltoall/topo":     {},
	"alltoall/counter":  {},
	"alltoall/routing":  {"alltoall/topo", "alltoall/counter"},
	"alltoall/plan":     {"alltoall/topo", "alltoall/routing"},
	"alltoall/ref":      {"alltoall/topo", "alltoall/routing"},
	"alltoall/hardware": {},
	"alltoall/model":    {"alltoall/hardware", "alltoall/plan", "alltoall/routing"},
	"alltoall/sim":      {"alltoall/counter", "alltoall/hardware", "alltoall/plan"},
	"alltoall/internal": {"alltoall/internal/...", "transport/isa"},
	"alltoall/kernel":   {"alltoall/internal/...", "transport/isa"},

	// A transport knows ranks and bytes, never tokens, experts or nodes.
	"transport/driver":     {},
	"transport/isa":        {}, // the one place that asks the CPU, for all kernels
	"transport":            {"transport/driver"},
	"transport/internal":   {"transport/internal/...", "transport/driver", "transport/isa", "transport/numa"},
	"transport/block":      {"transport/internal/...", "transport/isa"},
	"transport/numa":       {"transport/driver"}, // for its sentinel; addresses without unsafe, by reflect
	"transport/mem":        {"transport/block", "transport/driver", "transport/internal/..."},
	"transport/shm":        {"transport/block", "transport/driver", "transport/numa"},
	"transport/tcp":        {"transport/driver", "transport/internal/..."},
	"transport/faulty":     {"transport/driver"},
	"transport/rendezvous": {"transport/internal/auth"},
	"transport/drivertest": {"transport", "transport/driver", "transport/mem"}, // mem is the other driver, whose addresses must be refused

	// exec imports no concrete driver.
	"alltoall/exec": {"alltoall/topo", "alltoall/routing", "alltoall/plan", "alltoall/kernel", "transport", "transport/block", "transport/driver", "transport/isa", "transport/numa"},
	"alltoall":      {"alltoall/topo", "alltoall/routing", "alltoall/plan", "alltoall/exec", "transport/driver", "transport/mem"},

	// What the machine is, and whether it is well. Only nvml and what is below it may use cgo.
	"nvml":               {"nvml/answer"},
	"nvml/fake":          {"nvml/answer", "nvml"},
	"nvml/cuda":          {}, // and cudatest, a driver for tests
	"nvml/cuda/cudatest": {},
	"bench/gpu":          {"bench/stats", "bench/unit", "nvml/cuda"},
	"nvml/answer":        {},
	"bench/sysfs":        {},
	"bench/fabric":       {"nvml/answer", "bench/sysfs"},
	"bench/host":         {"nvml/answer", "bench/sysfs", "bench/record", "transport/numa"},
	"bench/probe":        {"nvml/answer", "bench/fabric", "bench/host", "bench/record", "nvml", "nvml/fake"},
	"bench/judge":        {"nvml/answer", "bench/fabric", "bench/host", "bench/probe", "bench/record", "bench/stats", "bench/unit", "nvml"},
	"bench/watch":        {"nvml/answer", "bench/fabric", "bench/judge", "bench/probe", "bench/record", "bench/sysfs", "bench/unit", "nvml"},

	"bench/unit":     {},
	"bench/stats":    {"bench/unit"},
	"bench/record":   {"bench/stats", "bench/unit"},
	"bench/workload": {"alltoall/counter", "alltoall/plan", "alltoall/ref"},
	"bench": {"alltoall/exec", "alltoall/plan", "alltoall/ref", "alltoall/routing", "alltoall/topo", "nvml/answer", "bench/fabric", "bench/host", "bench/judge",
		"bench/limits", "bench/record", "bench/stats", "bench/unit", "bench/watch", "bench/workload", "transport/driver", "transport/isa", "transport/numa"},
	"bench/simulate":        {"alltoall/hardware", "alltoall/model", "alltoall/plan", "alltoall/sim", "bench", "bench/record"},
	"bench/engine":          {},
	"bench/job":             {"bench/engine", "bench/host", "transport/rendezvous"},
	"alltoall/alltoalltest": {"alltoall/plan", "bench", "bench/job", "bench/record", "transport/driver"},
	"bench/limits": {"alltoall/kernel", "bench/host", "bench/record", "bench/unit",
		"transport", "transport/block", "transport/driver", "transport/isa"},

	// Layout only: neither transport nor alltoall.
	"reports": {"bench/record", "bench/stats", "bench/unit"},

	"cmd/commbench": {"alltoall/hardware", "alltoall/model", "alltoall/plan", "alltoall/sim", "bench", "nvml/answer", "bench/engine", "bench/fabric", "bench/job", "bench/judge", "bench/limits", "bench/probe", "bench/record", "bench/simulate", "bench/unit", "bench/watch",
		"nvml", "nvml/cuda", "bench/gpu", "reports",
		"transport/driver", "transport/faulty", "transport/mem", "transport/rendezvous", "transport/shm", "transport/tcp"},
	"scripts/engines":  {}, // tests only
	"scripts/netns":    {}, // tests only
	"scripts/internal": {"alltoall/plan", "bench/host", "bench/record", "bench/stats", "bench/unit", "scripts/internal/..."},
	"scripts/network": {"bench/job", "bench/record", "bench/stats", "bench/unit", "scripts/internal/...",
		"transport", "transport/driver", "transport/tcp"},
	"scripts/peers":   {"bench/record", "bench/stats", "bench/unit", "scripts/internal/..."},
	"scripts/targets": {"bench/record", "bench/unit", "scripts/internal/..."},
	"scripts/soak": {"alltoall/plan", "bench", "bench/record", "scripts/internal/program",
		"transport/driver", "transport/faulty", "transport/mem", "transport/rendezvous", "transport/shm", "transport/tcp"},
	"docs": {},
}

// unsafeIn are the folders that may import unsafe, and cgoIn those that may use cgo.
var (
	unsafeIn = []string{"transport/shm", "alltoall/internal", "transport/internal", "nvml/cuda"}
	cgoIn    = []string{"nvml", "nvml/cuda"}
)

// goNVML is what only nvml may import: it ends the process when it is asked in the wrong order.
const goNVML = "github.com/NVIDIA/go-nvml"

// clockless packages work in no time but that which they are told.
var clockless = []string{"alltoall/topo", "alltoall/counter", "alltoall/routing", "alltoall/plan", "alltoall/ref", "alltoall/hardware", "alltoall/model", "alltoall/sim", "alltoall/internal", "alltoall/kernel", "nvml/answer", "bench/judge", "bench/stats", "bench/unit", "bench/workload"}

type goPackage struct {
	ImportPath string
	Imports    []string
	CgoFiles   []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,CgoFiles", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, module)
		all = append(all, p)
	}
}

// in says whether a package is one of the folders, or below one that is given
// with /... or as a whole.
func in(pkg string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool {
		base, deep := strings.CutSuffix(f, "/...")
		return pkg == f || deep && (pkg == base || strings.HasPrefix(pkg, base+"/"))
	})
}

func TestArrows(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range packages(t) {
		name := p.ImportPath
		if at := strings.Index(name, "/internal/"); at >= 0 {
			name = name[:at+len("/internal")]
		}
		seen[name] = true
		allowed, known := arrows[name]
		if !known {
			t.Errorf("%s is not in the table of arrows: say what it may import", p.ImportPath)
			continue
		}
		for _, imp := range p.Imports {
			if ours, ok := strings.CutPrefix(imp, module); ok && !in(ours, allowed) {
				t.Errorf("%s imports %s: no such arrow", p.ImportPath, ours)
			}
			if imp == "unsafe" && !slices.Contains(unsafeIn, name) {
				t.Errorf("%s imports unsafe", p.ImportPath)
			}
			if strings.HasPrefix(imp, goNVML) && name != "nvml" {
				t.Errorf("%s imports %s, which is nvml's", p.ImportPath, imp)
			}
			if imp == "time" && slices.Contains(clockless, name) {
				t.Errorf("%s imports time, but is pure", p.ImportPath)
			}
		}
		if len(p.CgoFiles) > 0 && !slices.Contains(cgoIn, name) {
			t.Errorf("%s uses cgo: %v", p.ImportPath, p.CgoFiles)
		}
	}
	for name := range arrows {
		if !seen[name] {
			t.Errorf("%s is in the table of arrows, but there is no such package", name)
		}
	}
}
