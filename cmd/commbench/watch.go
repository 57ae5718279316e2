package main

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/job"
	"github.com/commbench/commbench/bench/probe"
	"github.com/commbench/commbench/bench/watch"
)

// Bounds of what is sampled: nothing changes faster than the one, and nobody runs as long as the
// other.
const (
	shortestSample = 10 * time.Millisecond
	longestSample  = time.Hour
)

// watchFlags are of commands that look at the machine beside a run.
func watchFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.DurationFlag{Name: "sample", Category: runFlags, Usage: "look at GPUs, NICs and CPUs each `INTERVAL`, such as 100ms, and record it", DefaultText: "before and after the run"},
	}, strictFlags(runFlags)...)
}

// checkWatch is for before anything is waited for.
func checkWatch(c *cli.Context) error {
	if d := c.Duration("sample"); c.IsSet("sample") && (d < shortestSample || d > longestSample) {
		return usageError{fmt.Errorf("--sample %v: want %v to %v", d, shortestSample, longestSample)}
	}
	return checkAllow(c)
}

// watchHost has one process of each host look at it.
func watchHost(c *cli.Context, cfg *bench.Config, j *job.Job) {
	process := 0
	if j != nil {
		if process = j.Process(); !j.First {
			return
		}
	}
	cfg.Watch = watch.Start(machineHere(), c.Duration("sample"), process)
}

// machineHere is for tests, which have machines that are not there.
var machineHere = probe.Here
