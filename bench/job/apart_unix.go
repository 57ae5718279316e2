//go:build unix

package job

import (
	"os/exec"
	"syscall"
)

// apart gives a child a process group of its own: an interrupt from the terminal is
// for the parent, which tells the children.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
