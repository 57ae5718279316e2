package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/commbench/commbench/bench/record"
)

// tiny is a workload for which processes have little to do.
var tiny = []string{"--nodes", "3", "--gpus-per-node", "1", "--experts", "6", "--topk", "2", "--tokens", "16", "--hidden", "128", "--channels", "2",
	"--baseline", "none", "--format", "jsonl"}

// long is far more than anything here takes, and less than --timeout is: what ends in
// this time did not wait for that.
const long = 25 * time.Second

// crew is processes of commbench, in a process group and with a directory for
// temporary files of their own.
type crew struct {
	t     *testing.T
	group int
	tmp   string
	all   []*member
}

type member struct {
	*exec.Cmd
	out, errs bytes.Buffer
	done      chan struct{}
}

// start starts one process more.
func (c *crew) start(env []string, args ...string) *member {
	c.t.Helper()
	self, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	m := &member{Cmd: exec.Command(self, args...), done: make(chan struct{})}
	m.Env = append(append(os.Environ(), asCommand+"=1", "TMPDIR="+c.tmp), env...)
	m.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: c.group}
	m.Stdout, m.Stderr = &m.out, &m.errs
	m.WaitDelay = time.Second // for a child that has its standard error and does not end
	if err := m.Start(); err != nil {
		c.t.Fatal(err)
	}
	if c.group == 0 {
		c.group = m.Process.Pid
		c.t.Cleanup(func() { _ = syscall.Kill(-c.group, syscall.SIGKILL) })
	}
	go func() {
		_ = m.Wait()
		close(m.done)
	}()
	c.all = append(c.all, m)
	return m
}

func newCrew(t *testing.T) *crew { return &crew{t: t, tmp: t.TempDir()} }

// command is a crew of one.
func command(t *testing.T, sabotage string, args ...string) *crew {
	c := newCrew(t)
	c.start([]string{sabotageVar + "=" + sabotage}, args...)
	return c
}

// world is a crew of so many, that are told their places.
func world(t *testing.T, n int, sabotage string, args ...string) *crew {
	c, at := newCrew(t), freePort(t)
	for p := range n {
		c.start([]string{sabotageVar + "=" + sabotage}, slices.Concat(args, place(p, n, at))...)
	}
	return c
}

func place(p, n int, at string) []string {
	return []string{"--rank", fmt.Sprint(p), "--world", fmt.Sprint(n), "--rendezvous", at}
}

// freePort is an address that nobody has, out of the range that the system gives to
// connections.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.N(20000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

// wait returns process 0 when all that were started are gone, and checks that nothing
// is left of them or of children.
func (c *crew) wait() *member {
	c.t.Helper()
	limit := time.After(long)
	for i, m := range c.all {
		select {
		case <-m.done:
		case <-limit:
			_ = syscall.Kill(-c.group, syscall.SIGQUIT) // says where they are
			time.Sleep(time.Second)
			_ = syscall.Kill(-c.group, syscall.SIGKILL)
			<-m.done
			c.t.Fatalf("process %d still runs after %v: %s", i, long, m.errs.String())
		}
	}
	c.until(func() bool { return len(c.living()) == 0 })
	files, _ := filepath.Glob(filepath.Join(c.tmp, "commbench-*", "*"))
	if hidden, _ := filepath.Glob(filepath.Join(c.tmp, "commbench-*", ".*")); len(files)+len(hidden) > 0 {
		c.t.Errorf("files are left: %v %v", files, hidden)
	}
	return c.all[0]
}

// until waits for something that comes within a moment.
func (c *crew) until(done func() bool) {
	c.t.Helper()
	for began := time.Now(); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > long {
			c.t.Fatalf("it takes more than %v; processes %v are there", long, c.living())
		}
	}
}

// stopped says whether a process of the group is.
func (c *crew) stopped() (is bool) {
	c.each(func(_, state string) { is = is || state == "T" })
	return is
}

// living are the processes of the group, without those that only wait to be seen off.
func (c *crew) living() (pids []string) {
	c.each(func(pid, state string) {
		if state != "Z" && state != "X" {
			pids = append(pids, pid)
		}
	})
	return pids
}

// each is told of all processes of the group.
func (c *crew) each(f func(pid, state string)) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		b, _ := os.ReadFile(stat) // it may be gone
		at := bytes.LastIndexByte(b, ')') + 1
		var state string
		var parent, group int
		if n, _ := fmt.Sscan(string(b[at:]), &state, &parent, &group); n == 3 && group == c.group {
			f(filepath.Base(filepath.Dir(stat)), state)
		}
	}
}

// ended checks how a process did, and that it said one line with all these parts in it;
// without parts, nothing. Refused connections do not count: a peer that stops in the
// middle of its proof is one.
func (m *member) ended(t *testing.T, code int, says ...string) {
	t.Helper()
	said := ""
	for line := range strings.Lines(m.errs.String()) {
		if !strings.Contains(line, ": refused a connection from ") {
			said += line
		}
	}
	lines, want := strings.Count(said, "\n"), min(1, len(says))
	if got := m.ProcessState.ExitCode(); got != code || lines != want {
		t.Errorf("exit %d with %d lines, want %d with %d\n%s", got, lines, code, want, said)
	}
	for _, part := range says {
		if !strings.Contains(said, part) {
			t.Errorf("it does not say %q:\n%s", part, said)
		}
	}
}

// records are what a process printed.
func (m *member) records(t *testing.T) []record.Record {
	t.Helper()
	recs, err := record.Read(strings.NewReader(m.out.String()), "stdout")
	if err != nil {
		t.Errorf("%v in %q", err, m.out.String())
	}
	return recs
}

// with puts arguments together.
func with(command, workload []string, more ...string) []string {
	return slices.Concat(command, workload, more)
}
