package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// good checks that a job of so many processes ended well, and that process 0 alone said
// so.
func (c *crew) good(processes int) {
	c.t.Helper()
	c.wait()
	for p, m := range c.all {
		m.ended(c.t, exitGood)
		if p > 0 && m.out.Len() > 0 {
			c.t.Errorf("process %d prints %s", p, m.out.String())
		}
	}
	recs := c.all[0].records(c.t)
	if len(recs) == 0 {
		c.t.Errorf("no records")
	}
	for _, r := range recs {
		if *r.Exec.Processes != processes || r.Wrong == nil || *r.Wrong != 0 || r.Interrupted {
			c.t.Errorf("%s: %d processes, wrong %v, interrupted %v", r.Op, *r.Exec.Processes, r.Wrong, r.Interrupted)
		}
	}
}

func TestChildren(t *testing.T) {
	t.Parallel()
	for procs, want := range map[string]int{"node": 3, "rank": 6, "2": 2, "1": 1} {
		for _, transport := range []string{"shm", "tcp"} {
			if testing.Short() && procs != "2" {
				continue
			}
			t.Run(procs+" over "+transport, func(t *testing.T) {
				c := command(t, "", with([]string{"roundtrip"}, tiny, "--gpus-per-node", "2", "--procs", procs, "--transport", transport, "--check", "all", "--iters", "2", "--warmup", "0")...)
				c.good(want)
			})
		}
	}
}

// mpi is the environment of a process that mpirun has started.
func mpi(p, n int, job string) []string {
	return []string{fmt.Sprintf("OMPI_COMM_WORLD_RANK=%d", p), fmt.Sprintf("OMPI_COMM_WORLD_SIZE=%d", n),
		fmt.Sprintf("OMPI_COMM_WORLD_LOCAL_RANK=%d", p), fmt.Sprintf("OMPI_COMM_WORLD_LOCAL_SIZE=%d", n), "PMIX_NAMESPACE=" + job}
}

// meeting is the directory in which processes of an engine meet, if there is one.
func (c *crew) meeting() string {
	dir := filepath.Join(c.tmp, fmt.Sprintf("commbench-%d", os.Getuid()))
	if _, err := os.Stat(dir); err != nil {
		return ""
	}
	return dir
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	args := with([]string{"dispatch"}, tiny, "--check", "all", "--transport", "tcp", "--iters", "2")
	t.Run("flags", func(t *testing.T) { world(t, 3, "", args...).good(3) })
	t.Run("variables", func(t *testing.T) {
		c, at := newCrew(t), freePort(t)
		for p := range 3 {
			c.start([]string{fmt.Sprintf("COMMBENCH_RANK=%d", p), "COMMBENCH_WORLD=3", "COMMBENCH_RENDEZVOUS=" + at, "COMMBENCH_SECRET=not much of one"}, args...)
		}
		c.good(3)
	})
	t.Run("engine", func(t *testing.T) { // two jobs at once, which have one directory
		c, other := newCrew(t), newCrew(t)
		other.tmp = c.tmp
		for p := range 3 {
			c.start(mpi(p, 3, "job 1"), args...)
			other.start(mpi(2-p, 3, "job 2"), args...)
		}
		slices.Reverse(other.all) // process 0 was the last one
		other.wait()
		c.good(3)
		other.good(3)
	})
	t.Run("engine, with a rendezvous", func(t *testing.T) {
		c, at := newCrew(t), freePort(t)
		for p := range 3 {
			c.start(mpi(p, 3, "job"), with(args, nil, "--rendezvous", at)...)
		}
		c.good(3)
		if c.meeting() != "" {
			t.Error("it makes a directory to meet in")
		}
	})
}

// Only process 0 opens what --output names.
func TestOutputOfProcess0(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, at := newCrew(t), freePort(t)
	for p := range 3 {
		c.start(nil, with([]string{"dispatch"}, tiny, append(place(p, 3, at), "-o", filepath.Join(dir, fmt.Sprint(p)))...)...)
	}
	c.wait()
	for _, m := range c.all {
		m.ended(t, exitGood)
		if m.out.Len() > 0 {
			t.Error(m.out.String())
		}
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 || files[0].Name() != "0" {
		t.Errorf("files: %v", files)
	}
}

// Who does not know the secret is refused and told so, and disturbs nobody.
func TestSecrets(t *testing.T) {
	t.Parallel()
	c, at := newCrew(t), freePort(t)
	args := with([]string{"dispatch"}, tiny, "--check", "all", "--transport", "tcp", "--iters", "2")
	c.start([]string{"COMMBENCH_SECRET=right"}, with(args, place(0, 3, at))...)
	for p, env := range [][]string{{"COMMBENCH_SECRET=wrong"}, nil} {
		stranger := newCrew(t)
		stranger.start(env, with(args, place(p+1, 3, at))...)
		stranger.wait().ended(t, exitFail, "commbench: rendezvous: process ", "secret")
	}
	for p := 1; p < 3; p++ {
		c.start([]string{"COMMBENCH_SECRET=right"}, with(args, place(p, 3, at))...)
	}
	c.good(3)
	if got := c.all[0].errs.String(); strings.Count(got, "refused a connection from 127.0.0.1:") != 2 {
		t.Errorf("process 0 logs %s", got)
	}
}

// Processes that do not run the same say what differs, and run nothing.
func TestDisagreement(t *testing.T) {
	t.Parallel()
	args := with([]string{"dispatch"}, tiny, "--transport", "tcp")
	for name, differ := range map[string]struct {
		env, args []string
		says      string
	}{
		"workload": {args: []string{"--tokens", "17"}, says: `commbench: the processes do not run the same: routing, as made, is "`},
		"version":  {env: []string{versionVar + "=v9"}, says: `commbench: the processes do not run the same: version is "v9" in process 2 and "` + version + `" in process 0`},
		"world":    {args: []string{"--nodes", "6"}, says: "the processes do not run the same"},
	} {
		t.Run(name, func(t *testing.T) {
			c, at := newCrew(t), freePort(t)
			for p := range 2 {
				c.start(nil, with(args, place(p, 3, at))...)
			}
			c.start(differ.env, with(args, place(2, 3, at), differ.args...)...)
			c.wait().ended(t, exitUsage, differ.says)
			c.all[1].ended(t, exitUsage)
			c.all[2].ended(t, exitUsage)
		})
	}
}
