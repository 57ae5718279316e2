package netns_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// countSignals is a role: a process that ends with TERM, and says how often it
// was interrupted before.
func countSignals() {
	c := make(chan os.Signal, 16)
	signal.Notify(c, syscall.SIGINT, syscall.SIGTERM)
	fmt.Println("ready")
	for n := 0; ; n++ {
		if <-c == syscall.SIGTERM {
			fmt.Println("interrupts", n)
			os.Exit(3)
		}
		fmt.Println("interrupted")
	}
}

// say waits until n processes of the job have printed the line.
func say(t *testing.T, in *bufio.Reader, n int, line string) {
	t.Helper()
	for range n {
		if got, err := in.ReadString('\n'); err != nil || got != line+"\n" {
			t.Errorf("%q (%v), want %q", got, err, line)
		}
	}
}

func TestSignals(t *testing.T) {
	name := up(t, "--nodes", "2")
	begin := func() (*job, *bufio.Reader) {
		j := start(t, patient, []string{role + "=signals"}, "exec", "--name", name, "--", self(t))
		in := bufio.NewReader(j.out)
		say(t, in, 2, "ready")
		return j, in
	}

	t.Run("passed on once", func(t *testing.T) {
		j, in := begin()
		// As a terminal does, to all that are in the script's process group; and once more
		// to the script, as timeout does.
		for _, pid := range []int{-j.cmd.Process.Pid, j.cmd.Process.Pid} {
			if err := syscall.Kill(pid, syscall.SIGINT); err != nil {
				t.Error(err)
			}
		}
		say(t, in, 2, "interrupted")
		if err := j.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		say(t, in, 2, "interrupts 1")
		if _, errs, code := j.wait(t); code != 3 {
			t.Errorf("exit code %d, want that of the processes, 3: %s", code, errs)
		}
	})
	t.Run("the script is killed", func(t *testing.T) {
		j, _ := begin()
		if err := j.cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		j.wait(t) // fails where they outlive it
	})
	t.Run("down", func(t *testing.T) {
		j, in := begin()
		down(t, name)
		say(t, in, 2, "interrupts 0")
		if _, errs, code := j.wait(t); code != 3 {
			t.Errorf("exit code %d, want that of the processes, 3: %s", code, errs)
		}
	})
}

// A process that has left its group and does not heed TERM outlives exec, but not down.
func TestDownEndsDaemons(t *testing.T) {
	name := up(t, "--nodes", "2")
	j := start(t, patient, nil, "exec", "--name", name, "--", "setsid", "--wait", "sh", "-c", `trap "" TERM; echo ready; while :; do sleep 1000; done`)
	in := bufio.NewReader(j.out)
	say(t, in, 2, "ready")
	down(t, name)
	if _, errs, code := j.wait(t); code != 128+int(syscall.SIGTERM) {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

// fakeTC is a PATH in which tc does something else at its third call: NAME0 and half of
// NAME1 are there by then.
func fakeTC(t *testing.T, something string) []string {
	t.Helper()
	tc, err := exec.LookPath("tc")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := fmt.Sprintf("#!/bin/sh\necho >>%[1]s/calls\ntest $(wc -l <%[1]s/calls) -ne 3 || { %[2]s; }\nexec %[3]s \"$@\"\n", dir, something, tc)
	if err := os.WriteFile(filepath.Join(dir, "tc"), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
}

func TestFailedUp(t *testing.T) {
	for what, something := range map[string]string{"fails": "echo broken >&2; exit 7", "terminated": "kill -TERM $PPID", "interrupted": "kill -INT $PPID; kill -INT $$"} {
		t.Run(what, func(t *testing.T) {
			name := newName(t)
			_, errs, code := run(t, fakeTC(t, something), "up", "--name", name)
			if code == 0 || !strings.Contains(errs, "up failed") || what == "fails" && !strings.Contains(errs, "broken") {
				t.Errorf("exit code %d: %s", code, errs)
			}
			if left := traces(t, name); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// What a script leaves that was killed, and worse, is removed by down.
func TestDownOfBrokenCluster(t *testing.T) {
	name := newName(t)
	if _, errs, code := run(t, fakeTC(t, "kill -KILL $PPID"), "up", "--name", name); code != -1 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	if err := os.WriteFile("/var/run/netns/"+name+"7", nil, 0o600); err != nil { // "ip netns add", killed
		t.Error(err)
	}
	if left := traces(t, name); len(left) < 4 {
		t.Errorf("only %q are there: this tests nothing", left)
	}
	if _, errs, code := run(t, nil, "up", "--name", name); code != 1 || !strings.Contains(errs, "down --name "+name) {
		t.Errorf("up: exit code %d: %s", code, errs)
	}
	run(t, nil, "down", "--name", name)
	if left := traces(t, name); len(left) > 0 {
		t.Errorf("down leaves %q", left)
	}
}

// Namespaces of others stay, whatever their names.
func TestNamespacesOfOthers(t *testing.T) {
	name := newName(t)
	theirs := name + "2"
	ip := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Errorf("ip %q: %v: %s", args, err, out)
		}
	}
	ip("netns", "add", theirs)
	if _, errs, code := run(t, nil, "up", "--name", name); code != 1 || !strings.Contains(errs, theirs) {
		t.Errorf("up: exit code %d: %s", code, errs)
	}
	run(t, nil, "down", "--name", name)
	if left := traces(t, name); !slices.Equal(left, []string{"/var/run/netns/" + theirs}) {
		t.Errorf("of theirs there is %q", left)
	}
	ip("netns", "del", theirs)
}

func TestMissingTool(t *testing.T) {
	name := newName(t)
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bash, script, "up", "--name", name)
	cmd.Env = []string{"PATH=" + t.TempDir()}
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "install iproute2") {
		t.Errorf("%v: %s", cmd.ProcessState, out)
	}
}
