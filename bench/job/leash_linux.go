package job

import (
	"os/exec"
	"syscall"
)

// leash has the system kill a child when the thread that started it ends. One that was
// stopped does not read the end of its pipe.
func leash(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
