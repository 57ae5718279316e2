package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/commbench/commbench/bench/gpu"
	"github.com/commbench/commbench/bench/judge"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/bench/watch"
)

// gpuReport is what gpu measure prints: what was measured, where, and what the machine did meanwhile.
type gpuReport struct {
	Schema   string           `json:"schema"`
	Time     time.Time        `json:"time"`
	Version  string           `json:"version"`
	Host     record.HostInfo  `json:"host"`
	Verdicts []record.Verdict `json:"verdicts"`
	Sampling *record.Sampling `json:"sampling"`
	*gpu.Result

	watching *watch.Watch
	measured []string // PCI addresses
}

// ofGPUs are the verdicts that say something of what is measured here.
var ofGPUs = []string{judge.Links, judge.Clocks, judge.Faults, judge.Governor}

// watch begins to look at the machine.
func (r *gpuReport) watch(ctx context.Context, interval time.Duration, gpus []*gpu.GPU) {
	for _, g := range gpus {
		r.measured = append(r.measured, g.PCI)
	}
	r.watching = watch.Start(machineHere(), interval, 0)
	r.watching.Begin(ctx)
}

// finish ends that.
func (r *gpuReport) finish(result *gpu.Result) {
	r.Time, r.Result = time.Now().UTC().Truncate(time.Second), result
	if r.watching == nil {
		return
	}
	seen := r.watching.End(judge.Use{Only: r.measured})
	r.Host, r.Sampling = seen.Host, seen.Sampling
	r.Verdicts = slices.DeleteFunc(seen.Verdicts, func(v record.Verdict) bool { return !slices.Contains(ofGPUs, v.Name) })
}

// held says why clocks were held down, if they were.
func (r *gpuReport) held() string {
	for _, v := range r.Verdicts {
		if v.Name == judge.Clocks && v.State == record.Bad {
			return v.Why
		}
	}
	return ""
}

// writeMeanwhile prints what was seen beside the measurement.
func (r *gpuReport) writeMeanwhile(t *bytes.Buffer) {
	for _, v := range r.Verdicts {
		if v.State == record.Bad {
			fmt.Fprintf(t, "BAD %s: %s\n", v.Name, v.Why)
		}
	}
	s := r.Sampling
	if s == nil {
		return
	}
	said := []string{fmt.Sprintf("%s of %v ms", unit.Counted(int64(s.Looks), "look"), s.IntervalMS)}
	for _, f := range []struct {
		v    *float64
		text string
	}{{s.PowerW, "GPUs took %s W"}, {s.SMMHz, "SMs ran at %s MHz"}, {s.MemoryMHz, "memory at %s MHz"}, {s.TemperatureC, "at most %s C"}, {s.ThrottledS, "held down for %s GPU-seconds"}} {
		if f.v != nil {
			said = append(said, fmt.Sprintf(f.text, unit.Number(*f.v)))
		}
	}
	fmt.Fprintf(t, "Meanwhile, all GPUs of this host, means: %s.\n", strings.Join(said, ", "))
}
