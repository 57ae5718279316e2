package drivertest

import (
	"errors"
	"io"
	"net/rpc"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
)

// placeVar tells a child that it is one, and where it can put files.
const placeVar = "COMMBENCH_DRIVERTEST_CHILD"

// RunProcesses is Run with the ranks in two processes: first the odd ones are in
// another process than the rules, then the even ones. newDriver is called in both and
// must make drivers that reach each other: those that need a secret need one that is
// written down.
//
// It is called by a test itself and not by a subtest of it: the test's program starts
// itself as the other process, which finds its way to this call and ends in it. Calls
// of the ranks there go through a pipe, so they take some tens of microseconds more;
// rules that allow for nothing of that kind say why they are skipped.
func RunProcesses(t *testing.T, newDriver func() driver.Driver) {
	if dir := os.Getenv(placeVar); dir != "" {
		serve(newDriver, dir)
	}
	if !newDriver().Caps().Processes {
		t.Fatalf("driver %s says that it is for ranks of one process", newDriver().Name())
	}
	if !canShare {
		t.Skip("memory of another process cannot be seen on this system")
	}
	c := startChild(t)
	for parity, name := range []string{"even ranks elsewhere", "odd ranks elsewhere"} {
		t.Run(name, func(t *testing.T) {
			for _, rule := range rules {
				ok := t.Run(rule.name, func(t *testing.T) {
					NoLeaks(t)
					must(t, c.call("Begin", 0, nil))
					t.Cleanup(func() {
						if err := c.call("End", 0, nil); err != nil {
							t.Errorf("in the other process: %v", err)
						}
					})
					rule.test(t, func() driver.Driver { return c.split(t, newDriver(), parity) })
				})
				if !ok && c.call("Begin", 0, nil) != nil {
					t.Fatal("the other process is gone")
				}
			}
		})
	}
}

// child is the way to the other process.
type child struct{ client *rpc.Client }

// pipe is both ways to a process.
type pipe struct {
	io.Reader
	io.WriteCloser
}

// startChild starts the other process, which is gone when the test ends: the end of its
// standard input is its own.
func startChild(t *testing.T) *child {
	t.Helper()
	program, err := os.Executable()
	must(t, err)
	answers, w, err := os.Pipe()
	must(t, err)
	defer w.Close()
	t.Cleanup(func() { answers.Close() })
	cmd := exec.Command(program, "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), placeVar+"="+t.TempDir())
	cmd.Stderr = t.Output()
	cmd.ExtraFiles = []*os.File{w}
	calls, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	client := rpc.NewClient(pipe{answers, calls})
	t.Cleanup(func() {
		_ = client.Close() // and with it the child's standard input
		stuck := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		defer stuck.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the other process: %v", err)
		}
	})
	return &child{client}
}

// call makes a call in the other process. Its error has the sentinel that it had there.
func (c *child) call(method string, args, reply any) error {
	err := c.client.Call(service+"."+method, args, reply)
	if err == nil {
		return nil
	}
	name, text, _ := strings.Cut(err.Error(), endOfName)
	for _, sentinel := range sentinels {
		if name == sentinel.Error() {
			return &told{text, sentinel}
		}
	}
	return err
}

// told is an error of the other process.
type told struct {
	text     string
	sentinel error
}

func (e *told) Error() string { return e.text }
func (e *told) Unwrap() error { return e.sentinel }

// split is a driver whose ranks are in two processes: those of one parity in the child.
type split struct {
	driver.Driver // of this process
	c             *child
	id            int // of the child's driver
	parity        int
}

func (c *child) split(t *testing.T, d driver.Driver, parity int) *split {
	s := &split{Driver: d, c: c, parity: parity}
	must(t, c.call("Driver", 0, &s.id))
	return s
}

// splitOf is d, or the driver in it, if its ranks are in two processes.
func splitOf(d driver.Driver) (s *split, ok bool) {
	if k, kept := d.(*keeper); kept {
		d = k.Driver
	}
	s, ok = d.(*split)
	return s, ok
}

// away says whether a rank is in the other process.
func away(d driver.Driver, rank int) bool {
	s, ok := splitOf(d)
	return ok && rank%2 == s.parity
}

// allocate returns memory for a rank, where the rank is.
func allocate(d driver.Driver, rank, size int) (driver.Memory, error) {
	if !away(d, rank) {
		return transport.Alloc(size, d)
	}
	s, _ := splitOf(d)
	m := &awayMemory{c: s.c}
	var at where
	if err := s.c.call("Alloc", [2]int{s.id, size}, &at); err != nil {
		return nil, err
	}
	m.id = at.ID
	var err error
	if m.bytes, err = mapFile(at.Path, size); err != nil {
		return nil, errors.Join(err, s.c.call("Free", m.id, nil))
	}
	return m, nil
}

// awayMemory is memory of the other process, seen from here.
type awayMemory struct {
	c     *child
	id    int
	bytes []byte
}

func (m *awayMemory) Bytes() []byte { return m.bytes }

func (m *awayMemory) Free() error {
	if m.bytes == nil {
		return nil
	}
	seen := m.bytes
	m.bytes = nil
	return errors.Join(unmap(seen), m.c.call("Free", m.id, nil))
}
