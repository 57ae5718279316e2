//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// job is the processes of a trial. Each that soak starts has a session of its own,
// and so have all that it starts: none can get away.
type job struct {
	dir   string // of all that they write
	cmds  []*exec.Cmd
	files []*os.File
	live  atomic.Int64 // of cmds
	done  sync.WaitGroup
}

// start starts a trial's processes in a directory. The caller calls end, with an
// error as well.
func start(t *trial, commbench, self, dir string) (*job, error) {
	j := &job{dir: dir}
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o700); err != nil {
		return j, err
	}
	for p := range t.starts() {
		if t.backward {
			p = t.starts() - 1 - p
		}
		env, args := t.command(p)
		cmd := exec.Command(commbench, args...)
		if t.kind == within {
			cmd = exec.Command(self, args...)
		}
		cmd.Dir = dir
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + filepath.Join(dir, "tmp")}, env...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		for name, to := range map[string]*io.Writer{"stdout": &cmd.Stdout, "stderr": &cmd.Stderr} {
			f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%s.%d", name, p)))
			if err != nil {
				return j, err
			}
			j.files = append(j.files, f)
			*to = f
		}
		if err := cmd.Start(); err != nil {
			return j, err
		}
		j.cmds = append(j.cmds, cmd)
		j.live.Add(1)
		j.done.Go(func() {
			_ = cmd.Wait() // judged by its state
			j.live.Add(-1)
		})
	}
	if t.backward {
		slices.Reverse(j.cmds)
	}
	return j, nil
}

// end kills what is left, and waits for it.
func (j *job) end() {
	for pids := j.pids(); len(pids) > 0; pids = j.pids() {
		send(syscall.SIGKILL, pids...)
		time.Sleep(time.Millisecond)
	}
	j.done.Wait()
	for _, f := range j.files {
		f.Close()
	}
}

func (j *job) pids() []int {
	var sessions []int
	for _, cmd := range j.cmds {
		sessions = append(sessions, cmd.Process.Pid)
	}
	return processes(sessions)
}

// send sends a signal. Processes that have ended by now take none.
func send(s syscall.Signal, pids ...int) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, s)
	}
}

// gone waits until the job has no process but one, or the time is over, and says
// whether it has none.
func (j *job) gone(ctx context.Context, until time.Time, but int) bool {
	for {
		if j.live.Load() == 0 || but > 0 {
			if left := j.pids(); len(left) == 0 || len(left) == 1 && left[0] == but {
				return true
			}
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(until) {
			return false
		}
	}
}

// dump has all that is left say where it hangs. Only what is killed then is gone.
func (j *job) dump(patience time.Duration) string {
	pids := j.pids()
	send(syscall.SIGCONT, pids...)
	send(syscall.SIGQUIT, pids...)
	j.gone(context.Background(), time.Now().Add(patience), 0)
	return fmt.Sprintf("pids %s; goroutines are in %s", strings.Trim(fmt.Sprint(pids), "[]"), filepath.Join(j.dir, "stderr.*"))
}

// victim is the pid of a process of the trial, 0 if that has ended. Children have no
// number that could be seen from outside, but are started in their order.
func (j *job) victim(ctx context.Context, t *trial) int {
	if t.launch != children || t.victim == 0 {
		pid := j.cmds[t.victim].Process.Pid
		if !slices.Contains(j.pids(), pid) {
			return 0
		}
		return pid
	}
	for j.live.Load() > 0 && ctx.Err() == nil {
		if pids := slices.DeleteFunc(j.pids(), notChild); len(pids) > 0 {
			return pids[(t.victim-1)%len(pids)]
		}
		time.Sleep(time.Millisecond) // they are still to be started
	}
	return 0
}

// notChild tells a process that was not started with --procs, or that does not run yet:
// before it does, its parent can do nothing but wait.
func notChild(pid int) bool {
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return err != nil || !bytes.Contains(env, []byte("\x00"+childVar+"="))
}

// childVar is in the environment of children, see bench/job.
const childVar = "COMMBENCH_JOB_PIPE"
