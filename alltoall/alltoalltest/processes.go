package alltoalltest

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/job"
	"github.com/commbench/commbench/transport/driver"
)

// JobDrivers makes fresh drivers for the two domains of a run whose ranks are in
// several processes. The secret is the same in all of them.
type JobDrivers func(secret []byte) (scaleUp, scaleOut driver.Driver)

// RunProcesses is Run with the ranks in several processes: one for each node, one for
// each rank, and so many that some share a node. It is called by a test itself and not
// by a subtest of it: the test's program starts itself as the other processes, and
// these find their way to this call, join the job, and leave with it. Process 0, which
// is the test, also compares what was moved with a run in which it has all ranks.
//
// Of the operations and combinations for a number of processes it takes one of every so
// many. Short mode takes one of five times as many, and no more than eight processes.
func RunProcesses(t *testing.T, drivers JobDrivers, every int) {
	if testing.Short() {
		every *= 5
	}
	for _, processes := range processCounts() {
		runs := split(processes, every)
		if len(runs) == 0 || testing.Short() && processes > 8 {
			continue
		}
		name := fmt.Sprintf("processes=%d", processes)
		here := fmt.Sprintf("-test.run=^%s$/^%s$", t.Name(), name)
		t.Run(name, func(t *testing.T) {
			j, err := job.Join(t.Context(), job.Config{Procs: processes, Ranks: processes, Timeout: timeout,
				Args: []string{here, fmt.Sprintf("-test.short=%v", testing.Short())}, Stderr: t.Output()})
			switch {
			case err != nil:
				t.Fatal(err)
			case j.Process() > 0:
				follow(j, drivers, runs)
			default:
				lead(t, j, drivers, runs)
			}
		})
	}
}

// run is an operation with a combination.
type run struct {
	combination
	op string
}

func (r run) String() string { return r.combination.String() + "/" + r.op }

func (r run) config(j *job.Job, drivers JobDrivers) bench.Config {
	c := r.combination.config(r.op)
	c.ScaleUp, c.ScaleOut = drivers(j.Secret)
	c.Peers, c.OnHost = j, j.OnHost
	c.Workers = max(1, 4/j.Processes())
	return c
}

// counts are the numbers of processes that a topology is split into: the nodes, the
// ranks, and the least that share nodes.
func (t Topology) counts() []int {
	ranks, shared := t.Nodes*t.GPUs, t.Nodes+1
	for ranks%min(shared, ranks) != 0 {
		shared++
	}
	return []int{t.Nodes, min(shared, ranks), ranks}
}

// processCounts are those of all topologies.
func processCounts() (all []int) {
	for _, t := range Topologies {
		all = append(all, t.counts()...)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(n int) bool { return n == 1 })
}

// split are one of every so many runs that are for this number of processes, not the
// same for each of them.
func split(processes, every int) (runs []run) {
	i := 0
	for _, c := range combinations() {
		if !slices.Contains(c.topology.counts(), processes) {
			continue
		}
		for _, op := range ops {
			if i%every == processes%every {
				runs = append(runs, run{c, op})
			}
			i++
		}
	}
	return runs
}

// lead is process 0's part. After a failure the processes have no more in common, so
// it is the last run.
func lead(t *testing.T, j *job.Job, drivers JobDrivers, runs []run) {
	var failure error
	for _, r := range runs {
		j.Phase(r.String())
		if !t.Run(r.String(), func(t *testing.T) {
			result := check(t, j.Context(), r.config(j, drivers))
			c := r.config(j, drivers)
			c.Peers, c.OnHost = nil, 0
			for i, alone := range check(t, t.Context(), c).Records {
				if got := result.Records[i]; !reflect.DeepEqual(got.Traffic, alone.Traffic) {
					t.Errorf("%s in %d processes has moved %+v, and in one %+v", got.Op, j.Processes(), got.Traffic, alone.Traffic)
				}
			}
		}) {
			failure = errors.New(r.String() + " failed")
			break
		}
	}
	if err := j.End(failure); err != nil {
		t.Error(err)
	}
}

// follow is the part of the other processes, which ends with it.
func follow(j *job.Job, drivers JobDrivers, runs []run) {
	err := followAll(j, drivers, runs)
	first := j.Context().Err() == nil && !errors.Is(err, bench.ErrWrong)
	if err = errors.Join(err, j.End(err)); err == nil {
		os.Exit(0)
	}
	if first { // of others' failures, and of wrong data, process 0 knows
		fmt.Fprintf(os.Stderr, "process %d of %d: %v\n", j.Process(), j.Processes(), err)
	}
	os.Exit(1)
}

func followAll(j *job.Job, drivers JobDrivers, runs []run) error {
	for _, r := range runs {
		if _, err := bench.Run(j.Context(), r.config(j, drivers)); err != nil {
			return fmt.Errorf("%v: %w", r, err)
		}
	}
	return nil
}
