package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/commbench/commbench/bench/record"
)

func host(t *testing.T) string {
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return " on host " + name
}

// moment is where a process may be when it fails, and the phase that others name.
type moment struct{ name, at, transport, op, phase string }

// moments are all of them, or in short mode some.
func moments() []moment {
	if testing.Short() {
		return allMoments[3:7]
	}
	return allMoments
}

var allMoments = []moment{
	{"set-up", "1 after workload 1", "tcp", "dispatch", "set-up"},
	{"connect", "1 after addresses 1", "tcp", "dispatch", "set-up"},
	{"notify", "1 after notify 2", "tcp", "dispatch", "notify"},
	{"dispatch", "1 during dispatch 5", "tcp", "dispatch", "dispatch"},
	{"dispatch over shm", "1 during dispatch 5", "shm", "dispatch", "dispatch"},
	{"barrier", "1 before dispatch_done 3", "tcp", "dispatch", "dispatch"},
	{"combine", "1 during combine 5", "tcp", "roundtrip", "combine"},
	{"combine over shm", "1 after combine 2", "shm", "roundtrip", "combine"},
	{"check", "1 after verdicts 1", "shm", "dispatch", "check"},
}

// A process that is killed ends the others at once, whatever it was doing.
func TestKilled(t *testing.T) {
	t.Parallel()
	for _, m := range moments() {
		t.Run(m.name, func(t *testing.T) {
			c := command(t, m.at+" kill", with([]string{m.op}, tiny, "--procs", "node", "--transport", m.transport, "--check", "all")...)
			c.wait().ended(t, exitFail, "commbench: process 1 (rank 1)"+host(t)+", in phase "+m.phase+": ", "(its process, pid ", ", ended: signal: killed)")
		})
	}
	t.Run("rendezvous", func(t *testing.T) {
		c := command(t, "1 start x 1 kill", with([]string{"dispatch"}, tiny, "--procs", "node")...)
		c.wait().ended(t, exitFail, "commbench: process ", ", ended before all processes had joined: signal: killed")
	})
}

// A process that stands still ends the others within --timeout. They all wait at the
// same time, as it costs nothing.
func TestStopped(t *testing.T) {
	t.Parallel()
	const timeout = 3 * time.Second
	args := func(op, transport string) []string {
		return with([]string{op}, tiny, "--procs", "node", "--transport", transport, "--check", "all", "--timeout", timeout.String())
	}
	var crews []*crew
	for _, m := range moments() {
		crews = append(crews, command(t, m.at+" stop", args(m.op, m.transport)...))
	}
	early := command(t, "1 start x 1 stop", args("dispatch", "tcp")...)
	for i, m := range moments() {
		t.Run(m.name, func(t *testing.T) {
			crews[i].t = t
			crews[i].wait().ended(t, exitFail, "commbench: process 1 (rank 1)"+host(t)+", in phase "+m.phase+": nothing came from it for 3s: it hangs, or its host or the network is down")
		})
	}
	t.Run("rendezvous", func(t *testing.T) {
		early.t = t
		early.wait().ended(t, exitFail, "commbench: rendezvous: process ", " of 3 did not join within 3s at 127.0.0.1:")
	})
}

// A process that fails by itself says why to all.
func TestFailed(t *testing.T) {
	t.Parallel()
	args := with([]string{"dispatch"}, tiny, "--transport", "shm")
	t.Run("child", func(t *testing.T) {
		c := command(t, "1 after dispatch 2 error", with(args, nil, "--procs", "node")...)
		c.wait().ended(t, exitFail, "commbench: process 1 (rank 1)"+host(t)+", in phase dispatch: sabotage\n")
	})
	t.Run("exit", func(t *testing.T) {
		c := command(t, "1 after dispatch 2 exit", with(args, nil, "--procs", "node")...)
		c.wait().ended(t, exitFail, "commbench: process 1 (rank 1)"+host(t)+", in phase dispatch: ", ", ended: exit status 7)")
	})
	t.Run("first", func(t *testing.T) {
		c := world(t, 3, "0 after dispatch 2 error", args...)
		c.wait().ended(t, exitFail, "commbench: process 0 (rank 0)"+host(t)+", in phase dispatch: sabotage\n")
		c.all[1].ended(t, exitFail)
		c.all[2].ended(t, exitFail)
	})
	t.Run("other", func(t *testing.T) { // on its own host, perhaps: its log has it, too
		c := world(t, 3, "2 after dispatch 2 error", args...)
		says := "commbench: process 2 (rank 2)" + host(t) + ", in phase dispatch: sabotage\n"
		c.wait().ended(t, exitFail, says)
		c.all[1].ended(t, exitFail)
		c.all[2].ended(t, exitFail, says)
	})
	t.Run("after the end", func(t *testing.T) {
		c := command(t, "1 after huge_pages 1 exit", with(args, nil, "--procs", "node")...)
		c.wait().ended(t, exitFail, "process 1 (rank 1)", "exit status 7")
	})
}

// Without process 0 there is nobody to report, and so each says what it knows.
func TestProcess0IsLost(t *testing.T) {
	t.Parallel()
	args := with([]string{"dispatch"}, tiny, "--transport", "tcp")
	t.Run("killed", func(t *testing.T) {
		c := world(t, 3, "0 during dispatch 5 kill", args...)
		if first := c.wait(); first.errs.Len() > 0 {
			t.Error(first.errs.String())
		}
		for p := 1; p < 3; p++ {
			c.all[p].ended(t, exitFail, fmt.Sprintf("commbench: process %d: process 0 (rank 0)", p)+host(t)+", in phase dispatch: ")
		}
	})
	// Children go with their parent, also one that hangs, and without a word.
	t.Run("parent killed", func(t *testing.T) {
		c := command(t, "0 during dispatch 5 kill", with(args, nil, "--procs", "node")...)
		c.wait().ended(t, -1)
	})
	t.Run("parent of a stopped child killed", func(t *testing.T) {
		c := command(t, "1 during dispatch 5 stop", with(args, nil, "--procs", "node")...)
		c.until(c.stopped)
		if err := c.all[0].Process.Kill(); err != nil {
			t.Fatal(err)
		}
		c.wait().ended(t, -1)
	})
	// One that is stopped for too long finds the others gone when it goes on.
	t.Run("parent stopped", func(t *testing.T) {
		c := command(t, "0 during dispatch 5 stop", with(args, nil, "--procs", "node", "--timeout", "2s")...)
		c.until(c.stopped)
		c.until(func() bool { return len(c.living()) == 1 })
		if err := c.all[0].Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		m := c.wait()
		if code := m.ProcessState.ExitCode(); code != exitFail || !strings.Contains(m.errs.String(), "process 0 (rank 0)"+host(t)+", in phase dispatch: nothing came from it for 2s") {
			t.Errorf("exit %d: %s", code, m.errs.String())
		}
	})
}

// A transport that fails while all processes live is found by those that use it.
func TestFaults(t *testing.T) {
	t.Parallel()
	for spec, says := range map[string][]string{
		"cut=60":          {"commbench: process ", host(t) + ", in phase ", ": rank ", "cut, as was asked for"},
		"drop=0.3,seed=1": {"commbench: process ", host(t) + ", in phase notify: notify: nothing moved for 1s: rank ", "look at that peer first"},
	} {
		t.Run(spec, func(t *testing.T) {
			c := command(t, "", with([]string{"dispatch"}, tiny, "--procs", "node", "--transport", "tcp", "--timeout", "1s", "--iters", "1000", "--fault", spec)...)
			c.wait().ended(t, exitFail, says...)
		})
	}
	t.Run("delay", func(t *testing.T) { // which is none
		c := command(t, "", with([]string{"dispatch"}, tiny, "--procs", "node", "--transport", "tcp", "--fault", "delay=50us,reorder,seed=7", "--check", "all")...)
		c.wait().ended(t, exitGood)
		recs := c.all[0].records(t)
		if len(recs) != 1 || recs[0].Wrong == nil || *recs[0].Wrong != 0 || !strings.Contains(strings.Join(recs[0].Warnings, "\n"), "faults were injected: delay=50us,reorder,seed=7") {
			t.Errorf("%+v", recs)
		}
	})
}

// What was measured before a failure is reported, and on the disk.
func TestFailureReportsWhatWasMeasured(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "runs.jsonl")
	if err := os.WriteFile(file, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := with([]string{"roundtrip"}, tiny, "--procs", "3", "--transport", "shm", "--check", "all", "-o", file)
	c := command(t, "2 after combine_done 4 kill", args...) // one is a warm-up
	c.wait().ended(t, exitFail, "process 2 (rank 2)", "in phase combine", "signal: killed")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(b), "\n")
	recs, err := record.Read(strings.NewReader(rest), file)
	if err != nil || before != "{}" || len(recs) != 3 {
		t.Fatalf("%d records: %v\n%s", len(recs), err, b)
	}
	for i, want := range []int{8, 2, 2} { // dispatches, combines, pairs of both
		r := &recs[i]
		if got := len(r.SamplesUS); !r.Interrupted || got != want && got != want+1 || !strings.Contains(strings.Join(r.Warnings, "\n"), "stopped: process 2 (rank 2)") {
			t.Errorf("%s: interrupted %v, %d samples, want %d, %q", r.Op, r.Interrupted, got, want, r.Warnings)
		}
	}
}

// Data that are wrong in one process are so for all.
func TestWrongInAllProcesses(t *testing.T) {
	t.Parallel()
	args := with([]string{"dispatch"}, tiny, "--transport", "tcp", "--check", "all")
	t.Run("to the end", func(t *testing.T) {
		c := world(t, 3, "1 before dispatch_done 3 corrupt", args...)
		c.wait().ended(t, exitWrong, "commbench: data were wrong: ", " tokens differ from the reference\n")
		c.all[1].ended(t, exitWrong)
		c.all[2].ended(t, exitWrong)
		if recs := c.all[0].records(t); len(recs) != 1 || recs[0].Wrong == nil || *recs[0].Wrong == 0 || recs[0].Interrupted {
			t.Errorf("%+v", recs)
		}
	})
	t.Run("and then lost", func(t *testing.T) {
		c := world(t, 3, "1 before dispatch_done 3 corrupt;2 before dispatch_done 5 kill", args...)
		m := c.wait()
		if got := m.errs.String(); m.ProcessState.ExitCode() != exitWrong || !strings.Contains(got, "data were wrong") || !strings.Contains(got, "process 2 (rank 2)") {
			t.Errorf("exit %d: %s", m.ProcessState.ExitCode(), got)
		}
		c.all[1].ended(t, exitWrong)
	})
	t.Run("children", func(t *testing.T) {
		c := command(t, "1 before dispatch_done 3 corrupt", with(args, nil, "--procs", "3")...)
		c.wait().ended(t, exitWrong, "commbench: data were wrong: ")
	})
}
