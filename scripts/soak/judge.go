//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/bench/record"
)

// The exit codes that docs/design.md states, as far as they may come.
const (
	good  = 0
	fail  = 1
	wrong = 3
)

// allowed are the exit codes of a kind. What meets a trial in its last moments, or
// hits nothing, leaves it good. A verb that is lost may be a put whose signal arrives:
// such data are wrong, and the check must say so. No other kind may have wrong data.
var allowed = map[string][]int{
	clean: {good}, late: {good}, paused: {good}, within: {good},
	lost: {good, fail, wrong}, cut: {good, fail}, killed: {good, fail}, stopped: {good, fail}, interrupted: {good, fail},
}

// judge says what is wrong with how a trial ended.
func (t *trial) judge(o *outcome, dir string) error {
	for p, e := range o.exits {
		said := read(dir, "stderr", p)
		if t.kind == within && strings.HasPrefix(said, "soak: "+leakText) {
			return failf(classLeak, "%s", tail(said))
		}
		for _, crash := range []string{"panic: ", "fatal error: ", "DATA RACE", "goroutine "} {
			if strings.Contains(said, crash) {
				return failf(classOther, "process %d crashed: %v: %s", p, o, tail(said))
			}
		}
		codes := allowed[t.kind]
		switch {
		case e.Signaled() && o.acted && p == t.victim && slices.Contains(t.signals, e.Signal()):
		case e.Exited() && e.ExitStatus() == wrong && !slices.Contains(codes, wrong):
			return failf(classWrong, "process %d found wrong data: %v: %s", p, o, tail(said))
		case !e.Exited() || !slices.Contains(codes, e.ExitStatus()):
			return failf(classOther, "%v, of which process %d may have %v: %s", o, p, codes, tail(said))
		case p == 0 && e.ExitStatus() != good && !strings.HasPrefix(said, "commbench: "):
			return failf(classOther, "%v, and process 0 does not say why: %q", o, tail(said))
		}
		if len(codes) == 1 && said != "" {
			return failf(classOther, "%v, and process %d complains: %s", o, p, tail(said))
		}
		if said := read(dir, "stdout", p); said != "" && (p > 0 || t.output != "") {
			return failf(classOther, "process %d prints what nobody asked it for: %s", p, tail(said))
		}
	}
	if t.kind == within {
		return nil
	}
	return t.judgeOutput(o, dir)
}

// judgeOutput reads what process 0 reports.
func (t *trial) judgeOutput(o *outcome, dir string) error {
	path := filepath.Join(dir, "stdout.0")
	if t.output != "" {
		path = filepath.Join(dir, t.output)
	}
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	e := o.exits[0]
	var recs []record.Record
	if len(text) > 0 {
		if recs, err = record.Read(bytes.NewReader(text), "output"); err != nil && !e.Signaled() { // which may come in a write
			return failf(classOther, "%v, and the output does not parse: %w", o, err)
		}
	}
	if want := t.reports(); e.Exited() && e.ExitStatus() == good && len(recs) != len(want) {
		return failf(classOther, "%v, with %d records, expected %d: %v", o, len(recs), len(want), want)
	}
	for i := range recs {
		if err := t.judgeRecord(&recs[i], i, o); err != nil {
			return err
		}
	}
	return nil
}

// reports are the records of a trial that came to its end: operation and algorithm.
func (t *trial) reports() (all [][2]string) {
	ops, algs := []string{t.Op}, []plan.Algorithm{t.Algorithm}
	if t.Op == record.Roundtrip {
		ops = []string{record.Dispatch, record.Combine, record.Roundtrip}
	}
	if t.Baseline != "" {
		algs = append(algs, t.Baseline)
	}
	for _, op := range ops {
		for _, alg := range algs {
			all = append(all, [2]string{op, string(alg)})
		}
	}
	return all
}

// judgeRecord compares a record with what was asked for.
func (t *trial) judgeRecord(r *record.Record, i int, o *outcome) error {
	name := fmt.Sprintf("record %d, %s %s", i, r.Op, r.Algorithm)
	if r.Wrong != nil && *r.Wrong > 0 && t.kind != lost {
		return failf(classWrong, "%s: %d wrong tokens: %v", name, *r.Wrong, r.Warnings)
	}
	if !slices.Contains(t.reports(), [2]string{r.Op, r.Algorithm}) {
		return failf(classOther, "%s was not asked for", name)
	}
	finished := o.exits[0].Exited() && o.exits[0].ExitStatus() == good
	for _, is := range []struct {
		what      string
		got, want any
	}{
		{"nodes", r.Cluster.Nodes, t.Nodes}, {"GPUs", r.Cluster.GPUsPerNode, t.GPUsPerNode},
		{"tokens", r.Workload.Tokens, t.Tokens}, {"hidden", r.Workload.Hidden, t.Hidden}, {"experts", r.Workload.Experts, t.Experts},
		{"topk", r.Workload.TopK, t.TopK}, {"seed", *r.Workload.Seed, t.Seed},
		{"scale-up", *r.Transport.ScaleUp, t.up}, {"scale-out", *r.Transport.ScaleOut, t.out},
		{"processes", *r.Exec.Processes, t.procs}, {"channels", *r.Exec.Channels, t.Channels}, {"chunk", *r.Exec.Chunk, t.Chunk},
		{"iterations asked for", *r.Exec.Iterations, t.Iterations}, {"checked", *r.Exec.Check, true},
		{"was interrupted, or has all samples", r.Interrupted || len(r.SamplesUS) == t.Iterations, true},
		{"was checked to its end", finished && (r.Interrupted || r.Wrong == nil), false},
	} {
		if is.got != is.want {
			return failf(classOther, "%s: %s: %v, expected %v", name, is.what, is.got, is.want)
		}
	}
	return nil
}

// read is what a process wrote; "" if that cannot be read.
func read(dir, name string, process int) string {
	text, _ := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%s.%d", name, process)))
	return string(text)
}

// tail is the end of a long text.
func tail(text string) string {
	const most = 4000
	if text = strings.TrimSpace(text); len(text) > most {
		text = "... " + text[len(text)-most:]
	}
	return text
}
