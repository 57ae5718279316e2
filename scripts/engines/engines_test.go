package engines

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"

	"github.com/commbench/commbench/bench/engine"
)

// The probe is this program, run by an engine: it says where Find thinks it is.
const probe = "COMMBENCH_ENGINES_PROBE"

func TestMain(m *testing.M) {
	if os.Getenv(probe) == "" {
		os.Exit(m.Run())
	}
	p, err := engine.Find(engine.Flags{}, os.Getenv, os.Hostname)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	line, _ := json.Marshal(p) // which has nothing that could fail
	// In one write, so that no engine mixes the lines of several processes.
	os.Stdout.Write(append(line, '\n'))
}

// Every process of a job learns that it is another one of the same job.
func TestPlaces(t *testing.T) {
	program(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range launchers(t) {
		t.Run(l.name, func(t *testing.T) {
			need(t, l.argv[0])
			env := append(l.env, probe+"=1")
			if l.address != "" {
				env = append(env, "COMMBENCH_RENDEZVOUS="+l.address)
			}
			out := run(t, env, append(slices.Clone(l.argv), self)...)
			var all []engine.Place
			for d := json.NewDecoder(bytes.NewReader(out)); ; {
				var p engine.Place
				if err := d.Decode(&p); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatalf("%v in %s", err, out)
				}
				all = append(all, p)
			}
			slices.SortFunc(all, func(a, b engine.Place) int { return a.Process - b.Process })
			if len(all) != processes {
				t.Fatalf("%d processes spoke: %s", len(all), out)
			}
			for i, p := range all {
				want := engine.Place{Engine: l.engine, Process: i, Processes: processes, Local: i, Locals: processes,
					Rendezvous: l.address, Key: all[0].Key, SameHost: true}
				if p != want || p.Key == "" && l.address == "" {
					t.Errorf("it is %+v, want %+v", p, want)
				}
			}
		})
	}
}

// One process reports for all, and the data are right.
func TestDispatch(t *testing.T) {
	commbench := program(t)
	for _, l := range launchers(t) {
		t.Run(l.name, func(t *testing.T) {
			need(t, l.argv[0])
			args := append(slices.Clone(l.argv), commbench)
			args = append(args, dispatch...)
			if l.address != "" {
				args = append(args, "--rendezvous", l.address)
			}
			check(t, run(t, l.env, args...), processes)
		})
	}
}

// The script that users are given, on two nodes of a Slurm that are both this host.
func TestBatch(t *testing.T) {
	commbench := program(t)
	need(t, "sbatch")
	out, errs := t.TempDir()+"/out", t.TempDir()+"/err"
	args := append([]string{"sbatch", "-W", "-N", "2", "-o", out, "-e", errs, "../cluster/commbench.sbatch"}, dispatch...)
	args = append(args, "--rendezvous", free(t))
	defer func() {
		if said, err := os.ReadFile(errs); err == nil && t.Failed() {
			t.Logf("the job's standard error: %s", said)
		}
	}()
	run(t, []string{"COMMBENCH=" + commbench}, args...)
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	check(t, text, 2)
}

// check holds that the text is one report, of so many processes, and without a token that is wrong.
func check(t *testing.T, text []byte, processes int) {
	t.Helper()
	var records []struct {
		Algorithm string
		Wrong     *int64
		Exec      struct{ Processes *int }
	}
	if err := json.Unmarshal(text, &records); err != nil {
		t.Fatalf("it is not one JSON document: %v\n%s", err, text)
	}
	if len(records) == 0 {
		t.Fatalf("no records in %s", text)
	}
	for _, r := range records {
		if r.Wrong == nil || *r.Wrong != 0 || r.Exec.Processes == nil || *r.Exec.Processes != processes {
			t.Errorf("%s: wrong is %s and exec.processes %s, want 0 and %d", r.Algorithm, show(r.Wrong), show(r.Exec.Processes), processes)
		}
	}
}

func show[T any](p *T) string {
	if p == nil {
		return "null"
	}
	return fmt.Sprint(*p)
}
