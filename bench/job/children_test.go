//go:build unix

package job

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// parts are what children do, by the name in partVar, and the exit status.
var parts = map[string]func() int{
	"good":       func() int { return follow(nil) },
	"bad":        func() int { return follow(errors.New("not today")) },
	"stray":      func() int { return follow(nil) + 7 },
	"die":        func() int { return follow(nil, func(j *Job) { die(j, syscall.SIGKILL) }) },
	"hang":       func() int { return follow(nil, func(j *Job) { die(j, syscall.SIGSTOP) }) },
	"die early":  func() int { return 9 },
	"hang early": func() int { _ = syscall.Kill(os.Getpid(), syscall.SIGSTOP); select {} },
	"say":        say,
}

// follow joins, meets the others once, and ends with the error.
func follow(end error, before ...func(*Job)) int {
	j, err := Join(context.Background(), Config{Ranks: ranks, Timeout: long})
	if err != nil {
		return 1
	}
	for _, f := range before {
		f(j)
	}
	_, err = j.Exchange(j.Context(), "once", nil)
	if err = errors.Join(err, end); j.End(err) != nil || err != nil {
		return 1
	}
	return 0
}

// say only says why it could not join.
func say() int {
	_, err := Join(context.Background(), Config{Ranks: ranks, Timeout: long})
	fmt.Println(IsUsage(err), err)
	return 1
}

func die(j *Job, signal syscall.Signal) {
	if j.Process() == 1 {
		_ = syscall.Kill(os.Getpid(), signal)
		time.Sleep(long) // the signal takes a moment to stop all threads
	}
}

// family starts two children that play a part, and is their parent.
func family(t *testing.T, part string, timeout time.Duration) (*Job, error) {
	t.Helper()
	t.Setenv(partVar, part)
	j, err := Join(context.Background(), Config{Procs: 3, Ranks: ranks, Timeout: timeout, Stderr: os.Stderr})
	if err != nil {
		return nil, err
	}
	pids := j.pids()
	t.Cleanup(func() {
		for _, pid := range pids { // they have been seen off
			if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("child %d is left: %v", pid, err)
			}
		}
	})
	return j, nil
}

func (j *Job) pids() (pids []int) {
	for _, c := range j.kids.all {
		pids = append(pids, c.cmd.Process.Pid)
	}
	return pids
}

// once is the parent's part.
func once(t *testing.T, j *Job) error {
	t.Helper()
	_, err := j.Exchange(j.Context(), "once", nil)
	return err
}

func TestChildren(t *testing.T) {
	j, err := family(t, "good", long)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(once(t, j), j.End(nil)); err != nil {
		t.Error(err)
	}
	if len(j.Secret) != 32 || j.OnHost != 3 || j.Bind != "127.0.0.1" {
		t.Errorf("a secret of %d bytes, %d processes here, data at %s", len(j.Secret), j.OnHost, j.Bind)
	}
}

// What children are told is neither on their command line nor in their environment.
func TestSecretOfChildren(t *testing.T) {
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip(err)
	}
	j, err := family(t, "good", long)
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range j.pids() {
		for _, file := range []string{"cmdline", "environ"} {
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
			if err != nil {
				t.Error(err)
			}
			if bytes.Contains(b, j.Secret) || strings.Contains(string(b), fmt.Sprintf("%x", j.Secret)) {
				t.Errorf("%s of a child has the secret", file)
			}
		}
	}
	if err := errors.Join(once(t, j), j.End(nil)); err != nil {
		t.Error(err)
	}
}

func TestChildrenFail(t *testing.T) {
	for _, c := range []struct {
		part    string
		timeout time.Duration
		want    []string
	}{
		{"die", long, []string{"process 1 (ranks 2 to 3) on host " + hostname() + ", in phase rendezvous: ", "(its process, pid ", ", ended: signal: killed)"}},
		{"hang", 500 * time.Millisecond, []string{"process 1 (ranks 2 to 3) on host " + hostname() + ", in phase rendezvous: nothing came from it for 500ms"}},
	} {
		t.Run(c.part, func(t *testing.T) {
			j, err := family(t, c.part, c.timeout)
			if err == nil { // else it was lost before the parent was through with Join
				err = once(t, j)
				if err := j.End(err); err != nil {
					t.Error(err)
				}
			}
			contains(t, err, c.want...)
		})
	}
	// An end that is not good comes after all that was to be done.
	for part, want := range map[string][]string{
		"bad":   {"process ", ": not today"},
		"stray": {"process 1 (ranks 2 to 3), pid ", ", was done, but then ended: exit status 7"},
	} {
		t.Run(part, func(t *testing.T) {
			j, err := family(t, part, long)
			if err != nil {
				t.Fatal(err)
			}
			if err := once(t, j); err != nil && part == "stray" {
				t.Error(err)
			}
			if part == "bad" {
				contains(t, cause(t, j), want...)
			}
			contains(t, j.End(nil), want...)
		})
	}
	t.Run("die early", func(t *testing.T) {
		_, err := family(t, "die early", long)
		contains(t, err, "process ", ", ended before all processes had joined: exit status 9")
	})
	t.Run("hang early", func(t *testing.T) {
		_, err := family(t, "hang early", 200*time.Millisecond)
		contains(t, err, "processes 1, 2 of 3 did not join within 200ms")
	})
	t.Run("not started", func(t *testing.T) {
		t.Setenv(partVar, "good")
		_, err := Join(context.Background(), Config{Procs: 2, Ranks: ranks, Timeout: long, Args: []string{"a\x00b"}})
		contains(t, err, "process 1 of 2: ")
	})
	t.Run("interrupted", func(t *testing.T) {
		t.Setenv(partVar, "hang early")
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(50*time.Millisecond, cancel)
		if _, err := Join(ctx, Config{Procs: 2, Ranks: ranks, Timeout: long}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// A child without a parent has no place.
func TestOrphans(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := func(pipeIs string, in *os.File) (string, error) {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), pipeVar+"="+pipeIs, partVar+"=say")
		if in != nil {
			cmd.ExtraFiles = []*os.File{in}
		}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	file, err := os.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	given := func(text string) *os.File {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		_, _ = io.WriteString(w, text)
		w.Close()
		return r
	}
	for _, c := range []struct {
		pipe string
		in   *os.File
		want string
	}{
		{"3", nil, "true COMMBENCH_JOB_PIPE is set, which is for children of commbench only: descriptor 3 is no pipe"},
		{"3", file, "descriptor 3 is no pipe"},
		{"4", file, `it is "4", and not 3`},
		{"3", given(""), "false no place from the parent process: EOF"},
		{"3", given("{}"), "no place from the parent process: EOF"},
		{"3", given("{}\n"), "no place from the parent process: process 0 of 0"},
		{"3", given(strings.Repeat("x", maxPlace+1)), "buffer full"},
	} {
		out, err := run(c.pipe, c.in)
		if err == nil || !strings.Contains(out, c.want) {
			t.Errorf("%s with %v: %v, %s; want %q", c.pipe, c.in, err, out, c.want)
		}
	}
}

// A parent may be stopped before it has told a child its place.
func TestSilentParent(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	_, err := firstLine(bufio.NewReader(r), time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "nothing came from it for 1ms") {
		t.Error(err)
	}
}
