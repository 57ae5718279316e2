package probe_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/bench/fabric"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/nvml/answer"
	"github.com/commbench/commbench/nvml/fake"
)

// machine is one that is not there.
func machine(t testing.TB, spec string) *probe.Machine {
	t.Helper()
	m, err := probe.Fake(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// tree is what a reader of the JSON has.
func tree(t *testing.T, v any) (all map[string]any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// leaves calls do for everything in a tree that is no list and no object.
func leaves(v any, at string, do func(at string, leaf any)) {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			leaves(v[key], strings.TrimPrefix(at+"."+key, "."), do)
		}
	case []any:
		for i := range v {
			leaves(v[i], fmt.Sprintf("%s[%d]", at, i), do)
		}
	default:
		do(at, v)
	}
}

// unasked are null for other reasons than that nobody could tell.
var unasked = regexp.MustCompile(`^(fake|verdicts|topology\.numa_nodes\[\d+\])$`)

// Whatever is null in a page has a reason, and nothing else has.
func TestMissing(t *testing.T) {
	specs, faults := probe.Fakes()
	for _, f := range faults {
		if f.Name != "hang" { // it would not be read
			specs = append(specs, "h100x2,"+f.Name, "h100x2,"+f.Name+":1")
		}
	}
	pages := map[string]*probe.Page{}
	for _, spec := range specs {
		if m, err := probe.Fake(spec); err == nil { // some faults are of no GPU
			pages[spec] = m.Read()
		}
	}
	bare := without(t, nil)
	bare.Fabric = func() fabric.Fabric { return fabric.Fabric{} }
	pages["nothing there"] = bare.Read()
	here := probe.Here()
	defer here.Close()
	pages["this machine"], pages["no driver"] = here.Read(), without(t, errors.New("version mismatch")).Read()
	for name, p := range pages {
		t.Run(name, func(t *testing.T) {
			null := map[string]bool{}
			leaves(tree(t, p.Finish()), "", func(at string, leaf any) {
				if leaf == nil && !unasked.MatchString(at) {
					null[at] = true
				}
			})
			reasons := map[string]bool{}
			for at, why := range p.Missing {
				reasons[at] = true
				if !strings.HasPrefix(why, "not supported: ") && !strings.HasPrefix(why, "could not tell: ") && !strings.HasPrefix(why, "unsupported operation") {
					t.Errorf("%s: %q says neither that there is none nor that it could not be told", at, why)
				}
			}
			if diff := cmp.Diff(null, reasons); diff != "" {
				t.Errorf("-null +with a reason:\n%s", diff)
			}
		})
	}
}

// without is a machine whose NVML could not be opened.
func without(t *testing.T, why error) *probe.Machine {
	m := machine(t, "h100x2")
	m.GPUs, m.Why = nil, why
	return m
}

func TestWithoutNVML(t *testing.T) {
	tests := map[string]struct {
		why  error
		want string
		is   error
	}{
		"no driver": {answer.None[int]("no libnvidia-ml.so.1").Err(), "not supported: no libnvidia-ml.so.1", errors.ErrUnsupported},
		"mismatch":  {errors.New("version mismatch"), "could not tell: version mismatch", answer.ErrUnknown},
		"no reason": {nil, "unsupported operation", errors.ErrUnsupported},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := without(t, test.why)
			p := m.Read().Finish()
			for _, at := range []string{"gpus", "gpu_driver.driver", "gpu_driver.cuda", "gpu_driver.nvml"} {
				if p.Missing[at] != test.want {
					t.Errorf("%s: %q, expected %q", at, p.Missing[at], test.want)
				}
			}
			if err := p.GPUs.Err(); !errors.Is(err, test.is) {
				t.Errorf("GPUs: %v", err)
			}
			if p.Host.CPU.Err() != nil || len(p.Fabric.Devices.Or(nil)) != 2 || !slices.Equal(p.Topology.Names, []string{"mlx5_0", "mlx5_3"}) {
				t.Errorf("the rest is %v, %v, %v", p.Host.CPU, p.Fabric.Devices, p.Topology)
			}
			if h := p.Record(); h.GPUs != nil || len(h.NICs) != 2 {
				t.Errorf("its record is %+v", h)
			}
			if again := m.Again(p); again.GPUs.Err() == nil {
				t.Errorf("again: %v", again.GPUs)
			}
		})
	}
}

func TestClosed(t *testing.T) {
	m := machine(t, "h100x2")
	before := m.Read()
	for range 2 {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if p := m.Read(); p.GPUs.String() != "not supported: closed" || p.Driver.Driver.String() != "not supported: closed" || len(p.Fabric.Devices.Or(nil)) != 2 {
		t.Errorf("after Close: %v, %v, %v", p.GPUs, p.Driver, p.Fabric)
	}
	if p := m.Again(before); len(p.GPUs.Or(nil)) != 2 {
		t.Errorf("what was known before is %v", p.GPUs)
	}
}

// Again reads what changes, keeps what does not, and leaves the page before as it was.
func TestAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := machine(t, "h100x2,ecc:1")
		before := m.Read()
		first := tree(t, before)
		time.Sleep(2 * time.Second)
		after := m.Again(before)
		if diff := cmp.Diff(first, tree(t, before)); diff != "" {
			t.Errorf("the page before was changed:\n%s", diff)
		}
		old, now := tree(t, before), tree(t, after)
		for _, part := range []string{"host", "gpu_driver", "topology", "schema", "fake"} {
			if diff := cmp.Diff(old[part], now[part]); diff != "" {
				t.Errorf("%s was changed:\n%s", part, diff)
			}
		}
		was, is := before.GPUs.Or(nil)[1], after.GPUs.Or(nil)[1]
		if diff := cmp.Diff(tree(t, was.Inventory), tree(t, is.Inventory)); diff != "" {
			t.Errorf("the inventory was changed:\n%s", diff)
		}
		if got := after.Time.Sub(before.Time); got != 2*time.Second {
			t.Errorf("%v between the pages", got)
		}
		if is.Faults.Uncorrected.Or(0) != 3 || is.Reading.EnergyJ.Or(0) <= was.Reading.EnergyJ.Or(0) {
			t.Errorf("faults %v, energy %v and then %v", is.Faults.Uncorrected, was.Reading.EnergyJ, is.Reading.EnergyJ)
		}
		sent := after.Fabric.Devices.Or(nil)[0].Ports.Or(nil)[0].Counters.Or(fabric.Counters{}).TxBytes
		if want := uint64(2 * 0.75 * 50e9); sent != want {
			t.Errorf("a port sent %d bytes in 2 s, expected %d", sent, want)
		}
	})
}

func TestAsking(t *testing.T) {
	m := machine(t, "h100x2")
	var asked []string
	m.Asking = func(what string) { asked = append(asked, what) }
	m.Again(m.Read())
	if want := []string{"GPU 0", "GPU 1", "GPU 0", "GPU 1"}; !slices.Equal(asked, want) {
		t.Errorf("asked %v, expected %v", asked, want)
	}
}

// A GPU that is lost hides nothing of the other, nor of the host.
func TestLost(t *testing.T) {
	p := machine(t, "h100x2,lost:1:0").Read().Finish()
	for at, why := range p.Missing {
		if strings.HasPrefix(at, "gpus[1].") != (why == "could not tell: GPU is lost") {
			t.Errorf("%s: %s", at, why)
		}
	}
	if got := p.Topology.Cells[0][1] + " " + p.Topology.Cells[1][2]; got != "NV18 ?" {
		t.Errorf("in the topology it is %s", got)
	}
}

func TestThisMachine(t *testing.T) {
	m := probe.Here()
	defer m.Close()
	p := m.Read().Finish()
	if p.Schema != probe.Schema || p.Fake != nil || p.Host.Cores < 1 || p.Host.Arch != runtime.GOARCH || time.Since(p.Time) > time.Minute {
		t.Errorf("got %+v", p)
	}
	if runtime.GOOS == "linux" && !slices.ContainsFunc(p.Fabric.Interfaces.Or(nil), func(i fabric.Interface) bool { return i.Name == "lo" }) {
		t.Errorf("no lo among %v", p.Fabric.Interfaces)
	}
	if (m.GPUs == nil) == (p.GPUs.Err() == nil) {
		t.Errorf("NVML is %v, GPUs are %v", m.GPUs, p.GPUs)
	}
	after := m.Again(p)
	old, now := tree(t, p), tree(t, after)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(old)), slices.Sorted(maps.Keys(now))); diff != "" {
		t.Errorf("keys:\n%s", diff)
	}
}

func TestFakeIsRefused(t *testing.T) {
	for spec, want := range map[string]string{
		"":                "expected one of a100x8",
		"h100x9":          "expected 1 to 8 GPUs",
		"h100x8,melts":    "expected one of throttle",
		"h100x2,lost:2":   "expected a GPU from 0 to 1",
		"h100x2,crc:0:99": "nothing may follow",
	} {
		if m, err := probe.Fake(spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v, expected that it says %q", spec, m, err, want)
		}
	}
}

func FuzzFake(f *testing.F) {
	specs, faults := probe.Fakes()
	for i, fault := range faults {
		f.Add(specs[i%len(specs)] + "," + fault.Name + ":0:1")
	}
	f.Add("h100x99999999999999999999,hang:-1")
	f.Fuzz(func(t *testing.T, spec string) {
		m, err := probe.Fake(spec)
		if err != nil {
			if len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			return
		}
		defer m.Close()
		m.GPUs.(*fake.Machine).Clock = func() time.Time { return time.Unix(0, 0) }
		if strings.Contains(spec, "hang") {
			return
		}
		p := m.Read()
		if all := p.GPUs.Or(nil); len(all) == 0 || len(p.Topology.Names) != len(all)+len(p.Fabric.Devices.Or(nil)) {
			t.Errorf("%d GPUs, and %v", len(all), p.Topology.Names)
		}
	})
}
