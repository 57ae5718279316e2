package main

import (
	"net"
	"syscall"
	"testing"
)

// Whoever is interrupted, and however many of them: the job ends with what it has, and
// with one line.
func TestInterruptedProcesses(t *testing.T) {
	t.Parallel()
	const line = "commbench: interrupted\n"
	args := with([]string{"dispatch"}, tiny, "--transport", "tcp", "--iters", "100000")
	for _, how := range []string{"interrupt", "interrupt-all", "terminate"} {
		t.Run(how+" of the parent", func(t *testing.T) {
			c := command(t, "0 before dispatch_done 4 "+how, with(args, nil, "--procs", "node")...)
			c.wait().ended(t, exitFail, line)
			c.partial()
		})
		t.Run(how+" of process 0", func(t *testing.T) {
			c := world(t, 3, "0 before dispatch_done 4 "+how, args...)
			c.wait().ended(t, exitFail, line)
			c.all[1].ended(t, exitFail)
			c.all[2].ended(t, exitFail)
			c.partial()
		})
	}
	// Another process may be the first to see that all are interrupted.
	t.Run("interrupt-all by process 2", func(t *testing.T) {
		c := world(t, 3, "2 before dispatch_done 4 interrupt-all", args...)
		c.wait().ended(t, exitFail, line)
		c.partial()
	})
	t.Run("interrupt of process 2", func(t *testing.T) {
		c := world(t, 3, "2 before dispatch_done 4 interrupt", args...)
		c.wait().ended(t, exitFail, "commbench: process 2 (rank 2)"+host(t)+", in phase ", ": interrupted\n")
		c.all[1].ended(t, exitFail)
		c.all[2].ended(t, exitFail)
		c.partial()
	})
}

// partial checks that process 0 has reported what was measured.
func (c *crew) partial() {
	c.t.Helper()
	recs := c.all[0].records(c.t)
	if len(recs) != 1 || !recs[0].Interrupted || len(recs[0].SamplesUS) < 2 {
		c.t.Errorf("%d records: %+v", len(recs), recs)
	}
}

// A process that waits for others ends at once.
func TestInterruptedRendezvous(t *testing.T) {
	t.Parallel()
	args := with([]string{"dispatch"}, tiny)
	interrupt := func(c *crew) *member {
		if err := c.all[0].Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		return c.wait()
	}
	t.Run("process 0", func(t *testing.T) {
		c, at := newCrew(t), freePort(t)
		c.start(nil, with(args, place(0, 3, at))...)
		c.until(func() bool {
			conn, err := net.Dial("tcp", at)
			if err == nil {
				conn.Close()
			}
			return err == nil
		})
		interrupt(c).ended(t, exitFail, "commbench: interrupted\n")
	})
	t.Run("process 1", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		c := newCrew(t)
		c.start(nil, with(args, place(1, 3, l.Addr().String()))...)
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		interrupt(c).ended(t, exitFail)
	})
	t.Run("process 1, without an address", func(t *testing.T) {
		c := newCrew(t)
		c.start(mpi(1, 3, "interrupted"), args...)
		c.until(func() bool { return c.meeting() != "" })
		interrupt(c).ended(t, exitFail)
	})
	t.Run("parent", func(t *testing.T) {
		c := command(t, "1 start x 1 stop", with(args, nil, "--procs", "node")...)
		c.until(c.stopped)
		interrupt(c).ended(t, exitFail, "commbench: interrupted\n")
	})
}

// A signal that comes twice at once, as timeout sends it, is one.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	args := with([]string{"dispatch"}, tiny, "--transport", "tcp", "--iters", "100000", "--procs", "node")
	c := command(t, "0 before dispatch_done 4 terminate-again", args...)
	c.wait().ended(t, exitFail, "commbench: interrupted\n")
	c.partial()
}
