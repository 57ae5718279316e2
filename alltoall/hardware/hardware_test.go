package hardware

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCatalogue(t *testing.T) {
	want := []string{"a100-hdr", "b200", "gb200-nvl72", "h100", "h200", "h200-efa", "h800", "mi300x"}
	if diff := cmp.Diff(want, Names()); diff != "" {
		t.Error(diff)
	}
	for _, name := range Names() {
		h, err := Open(name)
		if err != nil || h.Name != name {
			t.Fatalf("%s: %+v (%v)", name, h, err)
		}
		again, err := Read(strings.NewReader(string(h.YAML())), "again")
		if err != nil {
			t.Fatalf("%s: its own YAML is refused: %v\n%s", name, err, h.YAML())
		}
		if diff := cmp.Diff(h, again); diff != "" {
			t.Errorf("%s is another once written and read:\n%s", name, diff)
		}
	}
	h, err := Open("H800") // as people write it
	if err != nil || h.SMs() != 132 || h.Domain() != 8 || h.ScaleUp.Achievable.Value != 160 {
		t.Errorf("%+v (%v)", h, err)
	}
	h.GPU.SMs.Value = 1 // a copy
	if again, _ := Open("h800"); again.SMs() != 132 {
		t.Error("who changes what Open returned changes the catalogue")
	}
}

func TestKernels(t *testing.T) {
	for _, name := range Profiles() {
		if p, err := Kernels(name); err != nil || p.Name != name {
			t.Errorf("%s: %+v (%v)", name, p, err)
		}
	}
	if _, err := Kernels("v9"); err == nil || !strings.Contains(err.Error(), "there are "+strings.Join(Profiles(), ", ")) {
		t.Errorf("v9: %v", err)
	}
}

func TestUnknown(t *testing.T) {
	for name, want := range map[string]string{
		"h900":              `nothing called "h900"; there are a100-hdr, `,
		"":                  "nothing called",
		"no/such/file.yaml": "no such file",
		"missing.yml":       "no such file",
		t.TempDir() + "/":   "is a directory",
	} {
		if h, err := Open(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v, want %q", name, h, err, want)
		}
	}
}

func TestFile(t *testing.T) {
	h, err := Open("h100")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(h.YAML()), "name: h100", "name: mine", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if mine, err := Open(file); err != nil || mine.Name != "mine" || mine.SMs() != h.SMs() {
		t.Errorf("%+v (%v)", mine, err)
	}
}

// good is a file that a test spoils in one place.
func good(t testing.TB) string {
	h, err := Open("h800")
	if err != nil {
		t.Fatal(err)
	}
	return string(h.YAML())
}

func TestBadFiles(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"no SMs":              {"value: 132", "value: 0", "gpu.sms: 0: want 1 to 4096"},
		"part of an SM":       {"value: 132", "value: 13.5", "gpu.sms: 13.5: want a whole number"},
		"zero bandwidth":      {"value: 3350", "value: 0", "gpu.memory_gbps: 0: want 0.001 to"},
		"negative":            {"value: 3350", "value: -1", "gpu.memory_gbps: -1: want"},
		"not a number":        {"value: 3350", "value: .nan", "gpu.memory_gbps: NaN: want"},
		"without end":         {"value: 3350", "value: .inf", "gpu.memory_gbps: +Inf: want"},
		"10^9 GPUs":           {"gpus: {value: 8", "gpus: {value: 1000000000", "scale_up.gpus: 1e+09: want 1 to 4096"},
		"more than the line":  {"value: 160", "value: 201", "scale_up.achievable_gbps: 201: want 0.001 to 200"},
		"a word":              {"value: 132", "value: many", "line 4: cannot unmarshal !!str `many`"},
		"no source":           {`source: 'DeepSeek-V3 technical report, 3.1'`, `source: ""`, "scale_up.gpus: has no source"},
		"no name":             {"name: h800", "name: ''", "name: \"\": want a word"},
		"a name that is none": {"name: h800", "name: H 800", "want a word in lower case"},
		"no title":            {"title: ", "#title: ", "title: missing"},
		"unknown field":       {"name: h800", "name: h800\nnvlinks: 8", "line 2: field nvlinks not found"},
		"a field twice":       {"name: h800", "name: h800\nname: h801", "already"},
		"a missing field":     {"sms:", "#sms:", "gpu.sms: missing: want a value and its source"},
		"two documents":       {"name: h800", "name: h800\n---\nname: h801", ""},
		"no YAML":             {"name: h800", "name: [", "line"},
		"a list":              {"name: h800", "- name: h800", "line"},
	} {
		text := good(t)
		if !strings.Contains(text, c.old) {
			t.Fatalf("%s: no %q to be changed in\n%s", name, c.old, text)
		}
		h, err := Read(strings.NewReader(strings.Replace(text, c.old, c.new, 1)), "my.yaml")
		if err == nil || !strings.HasPrefix(err.Error(), "hardware: my.yaml: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, %v, want %q", name, h, err, c.want)
		}
	}
	for text, want := range map[string]string{
		"":                               "empty; commbench hardware show",
		" \n":                            "empty",
		"# nothing\n":                    "EOF",
		good(t) + "---\n" + good(t):      "more than one document",
		strings.Repeat("#", mostBytes+1): "that is no hardware file",
		strings.Repeat("[", mostBytes):   "depth",
	} {
		if _, err := Read(strings.NewReader(text), "my.yaml"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
	}
}

func TestChange(t *testing.T) {
	for change, want := range map[string]func(*Hardware, *Profile) (got, want float64){
		"nic=2x":       func(h *Hardware, _ *Profile) (float64, float64) { return h.OutGBps(), 100 },
		"nic=25":       func(h *Hardware, _ *Profile) (float64, float64) { return h.ScaleOut.Line.Value, 25 },
		"scale-up=.5x": func(h *Hardware, _ *Profile) (float64, float64) { return h.ScaleUp.Achievable.Value, 80 },
		"memory=1e3":   func(h *Hardware, _ *Profile) (float64, float64) { return h.GPU.Memory.Value, 1000 },
		"sms=2x":       func(h *Hardware, _ *Profile) (float64, float64) { return h.GPU.SMs.Value, 264 },
		"sm=4x":        func(_ *Hardware, k *Profile) (float64, float64) { return k.Write.Value, 200 },
	} {
		h, err := Open("h800")
		k, err2 := Kernels("v2")
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if err := Change(h, k, change); err != nil {
			t.Errorf("%s: %v", change, err)
		}
		if got, want := want(h, k); got != want {
			t.Errorf("%s: %v, want %v", change, got, want)
		}
		again, _ := Kernels("v2")
		if _, err := Open("h800"); err != nil || again.Write.Value != 50 {
			t.Errorf("%s changed the catalogue", change)
		}
	}
	for change, want := range map[string]string{
		"": "want nic", "nic": "want nic", "nic=": "want nic", "nic=fast": "want nic", "nic=2y": "want nic", "wire=2x": "want nic", "sm=50": "want nic",
		"nic=0x": "scale_out.line_gbps: 0: want", "nic=-1": "-1: want", "nic=NaN": "NaN: want", "nic=1e99x": "want 0.001", "sms=1.5": "whole number", "sms=1000x": "want 1 to 4096",
	} {
		h, _ := Open("h800")
		k, _ := Kernels("v2")
		if err := Change(h, k, change); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", change, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(good(f)))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("gpu: {sms: {value: 1e999}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := Read(strings.NewReader(string(text)), "f")
		if err != nil {
			return
		}
		for _, l := range h.Lines() {
			if err := l.wrong(); err != nil {
				t.Errorf("taken with %s %v", l.Field, err)
			}
		}
		again, err := Read(strings.NewReader(string(h.YAML())), "again")
		if err != nil || !cmp.Equal(h, again) {
			t.Errorf("%+v is another once written and read: %+v (%v)", h, again, err)
		}
	})
}

// Low-latency kernels have no roles with SMs of their own.
func TestLowLatencyRolesApart(t *testing.T) {
	k, err := Kernels("ll")
	if err != nil {
		t.Fatal(err)
	}
	k.RolesApart = true
	file := filepath.Join(t.TempDir(), "odd.yaml")
	if err := os.WriteFile(file, k.YAML(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Kernels(file); err == nil || !strings.Contains(err.Error(), "low-latency kernels have no such roles") {
		t.Error(err)
	}
}
