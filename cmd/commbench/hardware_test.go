package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHardware(t *testing.T) {
	for file, args := range map[string]string{
		"hardware-list.stdout": "hardware list",
		"hardware-show.stdout": "hardware show h800",
		"budget.stdout":        "sm --hardware h100 --nodes 2",
		"budget-v1.stdout":     "sm --hardware h800 --kernels v1 --preset v3-train --what-if nic=2x --what-if sm=2x+nic=2x --what-if engine --what-if one-domain",
		"validate.stdout":      "validate",
		"kernels.stdout":       "hardware kernels v1",
		"budget-ll.stdout":     "sm --hardware h800 --preset v3-decode --nodes 8 --algorithm low-latency --what-if nic=2x",
		"budget-sweep.stdout":  "sm --hardware h800 --kernels v1 --sweep nodes=1,2,4,8,16,32",
		"budget-one.stdout":    "sm --hardware mi300x --nodes 1 --algorithm alltoall --op combine --topk-groups 0",
	} {
		if testing.Short() && args == "validate" {
			continue // which simulates for seconds
		}
		code, out, errs := commbench(t, strings.Fields(args)...)
		if code != exitGood || errs != "" {
			t.Fatalf("%s: exit %d: %s", args, code, errs)
		}
		golden(t, file, out)
	}
	if code, out, _ := commbench(t, "hardware"); code != exitGood || !strings.Contains(out, "show") {
		t.Errorf("hardware alone: exit %d\n%s", code, out)
	}
}

// What is shown as YAML is taken as a file, and predicts the same.
func TestHardwareFile(t *testing.T) {
	_, text, _ := commbench(t, "hardware", "show", "--format", "yaml", "h100")
	file := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"hardware show NAME", "hardware show --format json NAME", "sm --nodes 4 --hardware NAME", "sm --format json --hardware NAME"} {
		_, want, _ := commbench(t, strings.Fields(strings.ReplaceAll(args, "NAME", "h100"))...)
		code, got, errs := commbench(t, strings.Fields(strings.ReplaceAll(args, "NAME", file))...)
		if code != exitGood || got != want || got == "" {
			t.Errorf("%s: exit %d, %s\ngot\n%s\nwant\n%s", args, code, errs, got, want)
		}
	}
}

// So are kernels.
func TestKernelsFile(t *testing.T) {
	_, text, _ := commbench(t, "hardware", "kernels", "--format", "yaml", "v1")
	file := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"hardware kernels NAME", "hardware kernels --format json NAME", "sm --hardware h800 --kernels NAME"} {
		_, want, _ := commbench(t, strings.Fields(strings.ReplaceAll(args, "NAME", "v1"))...)
		code, got, errs := commbench(t, strings.Fields(strings.ReplaceAll(args, "NAME", file))...)
		if code != exitGood || got != want || got == "" {
			t.Errorf("%s: exit %d, %s\ngot\n%s\nwant\n%s", args, code, errs, got, want)
		}
	}
}

func TestHardwareJSON(t *testing.T) {
	var all []struct {
		Name    string
		Figures []struct {
			Field, Unit, Source string
			Value               float64
		}
	}
	_, out, _ := commbench(t, "hardware", "list", "--format", "json")
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 8 {
		t.Fatalf("%d, %v", len(all), err)
	}
	for _, h := range all {
		for _, f := range h.Figures {
			if f.Source == "" || f.Value < 0 || f.Field == "" {
				t.Errorf("%s: %+v", h.Name, f)
			}
		}
	}
}

func TestBudgetJSON(t *testing.T) {
	var b struct {
		Schema, Source string
		Workload       struct {
			Routing, Dtype string
			Nodes          float64 `json:"nodes_per_token"`
		}
		Points []struct {
			SMs   int
			US    float64 `json:"time_us"`
			Bound string
			Out   *float64 `json:"scale_out_logical_gbps"`
		}
		Knee     int      `json:"knee_sms"`
		Of       int      `json:"sms_of_gpu"`
		Epilogue *float64 `json:"epilogue_us"`
		Closed   *struct {
			SMs int
			Raw float64
		} `json:"closed_form"`
	}
	read := func(args ...string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "b.json")
		if code, out, errs := commbench(t, append([]string{"sm", "--format", "json", "-o", file}, args...)...); code != exitGood || out != "" {
			t.Fatalf("%v: exit %d, %q: %s", args, code, out, errs)
		}
		text, _ := os.ReadFile(file)
		b.Closed, b.Epilogue, b.Points = nil, nil, nil
		if err := json.Unmarshal(text, &b); err != nil || b.Schema != "commbench.budget/v1" || b.Source != "model" || len(b.Points) == 0 {
			t.Fatalf("%v: %v\n%s", args, err, text)
		}
	}
	read("--hardware", "h100", "--nodes", "8", "--topk-groups", "0")
	if b.Closed == nil || b.Closed.SMs != 4 || b.Closed.Raw < 2 || b.Closed.Raw > 2.1 || b.Epilogue == nil || b.Workload.Routing != "uniform" {
		t.Errorf("%+v", b)
	}
	// With a limit what a token reaches is found out, and there is no closed form.
	read("--hardware", "h800", "--nodes", "8", "--kernels", "v1", "--routing", "grouped")
	if b.Closed != nil || b.Epilogue != nil || b.Workload.Routing != "grouped" || b.Workload.Nodes < 3.9 || b.Workload.Nodes > 4 || b.Knee < 16 || b.Knee > 20 || len(b.Points) != 66 {
		t.Errorf("%+v", b)
	}
	var all []struct {
		Hardware string
		Knee     int `json:"knee_sms"`
	}
	_, text, _ := commbench(t, "sm", "--format", "json", "--hardware", "h800", "--sweep", "hardware=h800, b200")
	if err := json.Unmarshal([]byte(text), &all); err != nil || len(all) != 2 || all[0].Hardware != "h800" || all[1].Hardware != "b200" || all[1].Knee == 0 {
		t.Errorf("%+v, %v", all, err)
	}
	read("--hardware", "h800", "--nodes", "1", "--op", "combine", "--algorithm", "direct")
	if b.Points[0].Out != nil || b.Points[0].Bound != "scale-up" || b.Of != 132 || b.Workload.Dtype != "bf16" {
		t.Errorf("%+v", b.Points[0])
	}
}

func TestValidateJSON(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	var all []compared
	_, out, _ := commbench(t, "validate", "--format", "json")
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 28 {
		t.Fatalf("%d rows, %v", len(all), err)
	}
	fitted := 0
	for _, r := range all {
		if r.Source == "" || r.Published <= 0 || r.Predicted <= 0 || r.Error < -0.25 || r.Error > 0.25 {
			t.Errorf("%+v", r)
		}
		if r.Fitted != nil {
			fitted++
		}
	}
	if fitted != 8 {
		t.Errorf("%d rows were fitted to", fitted)
	}
}

// The picture is a document that is whole, and has the knee in it.
func TestBudgetSVG(t *testing.T) {
	for _, args := range []string{"--nodes 4 --kernels v1", "--nodes 1 --op combine", "--gpus-per-node 1 --nodes 2 --topk-groups 0 --tokens 1 --hidden 1"} {
		code, out, errs := commbench(t, append([]string{"sm", "--hardware", "h800", "--format", "svg"}, strings.Fields(args)...)...)
		if code != exitGood || errs != "" || !strings.Contains(out, "knee: ") || strings.Contains(out, "NaN") || strings.Contains(out, "Inf") {
			t.Errorf("%s: exit %d: %s\n%s", args, code, errs, out)
		}
		for d := xml.NewDecoder(strings.NewReader(out)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", args, err)
			}
		}
		if args == "--nodes 4 --kernels v1" {
			golden(t, "budget.svg", out)
		}
	}
}

func TestBadHardware(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.yaml")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"hardware bogus":                           `no command "bogus"; see commbench hardware --help`,
		"hardware --bogus":                         "-bogus; see commbench hardware --help",
		"hardware show --bogus":                    "-bogus; see commbench hardware show --help",
		"hardware list extra":                      `unexpected argument "extra"`,
		"hardware list --format yaml":              "want table, json",
		"hardware list --bogus":                    "-bogus",
		"hardware show":                            "want one name or file",
		"hardware kernels":                         "want one name or file",
		"hardware kernels v9":                      "there are ll, v1, v2",
		"hardware kernels " + empty:                "empty",
		"sm --hardware h800 --kernels " + empty:    "empty",
		"hardware show h800 h100":                  "want one name or file",
		"hardware show h900":                       `nothing called "h900"; there are a100-hdr`,
		"hardware show no/such.yaml":               "no such file",
		"hardware show " + empty:                   "empty",
		"hardware show --format csv h800":          "want table, yaml, json",
		"sm --hardware h900":                       "nothing called",
		"sm --hardware=":                           "nothing called",
		"sm --hardware " + empty:                   "empty",
		"sm --hardware h800 --measured":            "one of --measured",
		"sm --measured --kernels v2":               "are for --hardware",
		"sm --hardware h800 --kernels v9":          `no kernels "v9"; there are ll, v1, v2`,
		"sm --hardware h800 --nodes 1000000000":    "1000000000 nodes: want 1 to",
		"sm --hardware h800 --nodes 0":             "0 nodes",
		"sm --hardware h800 --experts 250":         "want a multiple of the ranks",
		"sm --hardware h800 --gpus-per-node 16":    "a scale-up domain of h800 has 8",
		"sm --measured --sweep nodes=1,2":          "are for --hardware",
		"sm --hardware h800 --sweep nodes":         "want FLAG=VALUE,VALUE",
		"sm --hardware h800 --sweep nodes=":        "want FLAG=VALUE,VALUE",
		"sm --hardware h800 --sweep iters=1,2":     "a flag of nodes, gpus-per-node",
		"sm --hardware h800 --sweep nodes=1,two":   `--nodes "two"`,
		"sm --hardware h800 --sweep nodes=1,0":     "--nodes 0: model: 0 nodes",
		"sm --hardware h800 --sweep op=dispatch,x": "want dispatch or combine",
		"sm --hardware h800 --sweep nodes=" + strings.Repeat("1,", 100) + "1": "101 values: want at most 100",
		"sm --hardware h800 --sweep nodes=1,2 --what-if nic=2x":               "about one workload",
		"validate extra":        "unexpected argument",
		"validate --format csv": "want table, json",
		"sm --hardware h800 --algorithm low-latency --kernels v1":             "low-latency kernels are for low-latency",
		"sm --hardware h800 --kernels ll":                                     "low-latency kernels are for low-latency",
		"sm --measured --what-if nic=2x":                                      "are for --hardware",
		"sm --hardware h800 --what-if wire=2x":                                "want nic, scale-up, memory, sms or sm",
		"sm --hardware h800 --what-if nic=2x+":                                "or engine, or one-domain",
		"sm --hardware h800 --what-if nic=0x":                                 "scale_out.line_gbps: 0: want 0.001 to 1e+06\n",
		"sm --hardware h800 --iters 4":                                        "--iters is about a run",
		"sm --hardware h800 --op roundtrip":                                   "want dispatch or combine",
		"sm --hardware h800 --algorithm ring":                                 "there are [two-hop direct alltoall low-latency pxn]",
		"sm --hardware h800 --dtype fp4":                                      "fp8 or bf16",
		"sm --hardware h800 --tokens 0":                                       "0 tokens: want 1",
		"sm --hardware h800 --routing bogus":                                  "accepted are uniform",
		"sm --hardware h800 --routing zipf:1 --nodes 100000 --experts 800000": "more than 65536 ranks",
		"sm --hardware h800 --format csv":                                     "want table, json",
		"sm --hardware h800 -o " + t.TempDir():                                "is a directory",
		"sm --hardware h800 --nodes 99999999999999999999":                     "nodes",
	} {
		code, out, errs := commbench(t, strings.Fields(args)...)
		if code != exitUsage || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, want %d and a message with %q\nstdout: %s\nstderr: %s", args, code, exitUsage, want, out, errs)
		}
	}
}
