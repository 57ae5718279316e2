//go:build !linux

package job

import "os/exec"

func leash(*exec.Cmd) {}
