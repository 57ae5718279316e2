package netns_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	script  = "../netns-cluster"
	role    = "COMMBENCH_NETNS_TEST" // what this binary is to be, where it is not the test
	patient = time.Minute            // for what takes seconds
)

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "place":
		err = sayPlace()
	case "signals":
		countSignals()
	case "send", "receive":
		err = stream(os.Getenv(role) == "send")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// missing is what there must be for namespaces and is not here.
var missing = sync.OnceValue(func() string {
	for _, tool := range []string{"ip", "tc"} {
		if _, err := exec.LookPath(tool); err != nil {
			return tool + " is missing: apt-get install iproute2"
		}
	}
	if os.Geteuid() != 0 {
		return "network namespaces need root"
	}
	probe := fmt.Sprintf("probe%d", os.Getpid())
	if out, err := exec.Command("ip", "netns", "add", probe).CombinedOutput(); err != nil {
		return fmt.Sprintf("root may not make network namespaces here: %v: %s", err, out)
	}
	if out, err := exec.Command("ip", "netns", "del", probe).CombinedOutput(); err != nil {
		return fmt.Sprintf("ip netns del %s: %v: %s", probe, err, out)
	}
	return ""
})

// newName is the name of a cluster that only this test has. What is left of it is
// removed at the end, and is an error.
func newName(t *testing.T) string {
	t.Helper()
	switch why := missing(); {
	case why != "" && os.Getenv("CI") != "":
		t.Fatal(why)
	case why != "":
		t.Skip(why)
	}
	name := fmt.Sprintf("cb%d-%s", os.Getpid(), strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(filepath.Base(t.Name()))))
	name = name[:min(len(name), 30)]
	t.Cleanup(func() {
		left := traces(t, name)
		if _, errs, code := run(t, nil, "down", "--name", name); code != 0 {
			t.Errorf("down: exit code %d: %s", code, errs)
		}
		if len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	})
	return name
}

// up makes a cluster. The caller takes it down.
func up(t *testing.T, args ...string) string {
	t.Helper()
	name := newName(t)
	if _, errs, code := run(t, nil, append([]string{"up", "--name", name}, args...)...); code != 0 {
		t.Fatalf("up: exit code %d: %s", code, errs)
	}
	return name
}

func down(t *testing.T, name string) {
	t.Helper()
	if _, errs, code := run(t, nil, "down", "--name", name); code != 0 || errs != "" {
		t.Errorf("down: exit code %d: %s", code, errs)
	}
	if left := traces(t, name); len(left) > 0 {
		t.Errorf("down leaves %q", left)
	}
}

// traces are the files of a cluster: its namespaces and the script's note.
func traces(t *testing.T, name string) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"/var/run/netns/" + name + "*", "/run/netns-cluster." + name} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

// job is the script, running.
type job struct {
	cmd  *exec.Cmd
	out  *os.File // ends when the script and all that it has started have ended
	errs *os.File
}

// start runs the script with this environment on top of the test's. What it has
// started must have ended by the end of the limit, or wait fails.
func start(t *testing.T, limit time.Duration, env []string, args ...string) *job {
	t.Helper()
	errs, err := os.CreateTemp(t.TempDir(), "stderr")
	if err != nil {
		t.Fatal(err)
	}
	out, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close(); errs.Close() })
	if err := out.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	j := &job{cmd: exec.Command(script, args...), out: out, errs: errs}
	j.cmd.Env = append(os.Environ(), env...)
	j.cmd.Stdin = strings.NewReader("nothing reads this") // a pipe: no one's terminal
	j.cmd.Stdout, j.cmd.Stderr = w, errs
	j.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as a shell does
	err = j.cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// wait returns what is left of the output, the errors and the exit code.
func (j *job) wait(t *testing.T) (out, errs string, code int) {
	t.Helper()
	text, err := io.ReadAll(j.out)
	if err != nil {
		_ = j.cmd.Process.Kill()
		t.Errorf("%s: something that it started still runs: %v", j.cmd, err)
	}
	var exit *exec.ExitError
	switch err := j.cmd.Wait(); {
	case errors.As(err, &exit):
	case err != nil:
		t.Errorf("%s: %v", j.cmd, err)
	}
	said, err := os.ReadFile(j.errs.Name())
	if err != nil {
		t.Error(err)
	}
	return string(text), string(bytes.TrimSpace(said)), j.cmd.ProcessState.ExitCode()
}

func run(t *testing.T, env []string, args ...string) (out, errs string, code int) {
	t.Helper()
	return start(t, patient, env, args...).wait(t)
}

// self is this binary, as the script starts it in each namespace.
func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
