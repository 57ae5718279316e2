package host_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/commbench/commbench/bench/host"
)

// A pipe that nobody writes to must not be waited for.
func TestPipe(t *testing.T) {
	root := tree(t, map[string]string{"proc/meminfo": meminfo(0)})
	if err := unix.Mkfifo(root+"/proc/loadavg", 0o644); err != nil {
		t.Fatal(err)
	}
	if why := host.Read(root).Load1.String(); why != "could not tell: /proc/loadavg: expected a file" {
		t.Error(why)
	}
}
