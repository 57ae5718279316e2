//go:build !linux

package transport

import "time"

// yieldProcess lets another thread have this core.
func yieldProcess() { time.Sleep(time.Microsecond) }
