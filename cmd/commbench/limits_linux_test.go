package main

import (
	"bytes"
	"context"
	"fmt"
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

// TestInterruptedLimits sends Ctrl-C, as a terminal does, to all processes.
func TestInterruptedLimits(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "limits", "--workers", "1", "--repeats", "60000", "--duration", "1ms", "--format", "json")
	cmd.Env = append(os.Environ(), asCommand+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for began := time.Now(); !hasChild(cmd.Process.Pid); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Error("it starts no other process")
			break
		}
	}
	time.Sleep(time.Second) // that process is the last thing before samples are taken
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-done
		t.Fatal("still running 30 s after the interrupt")
	}
	if code := cmd.ProcessState.ExitCode(); code != exitFail || errs.String() != "commbench: interrupted\n" {
		t.Errorf("exit %d, stderr %q", code, errs.String())
	}
	c, err := record.ReadCeilings(&out, "stdout")
	if err != nil || !c.Interrupted || len(c.Cases) == 0 {
		t.Errorf("interrupted %v, %d cases: %v", c.Interrupted, len(c.Cases), err)
	}
	if err := syscall.Kill(-cmd.Process.Pid, 0); err == nil {
		t.Error("a process is left")
	}
}

func hasChild(pid int) bool {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	return slices.ContainsFunc(files, func(f string) bool {
		b, _ := os.ReadFile(f)
		return len(b) > 0
	})
}

// The other process needs a peer: alone, it says so and ends.
func TestPeerAlone(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, self, peerCommand).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no address of the other process") {
		t.Errorf("%s, %v", out, err)
	}
}
