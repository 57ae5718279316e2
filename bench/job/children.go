package job

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"github.com/commbench/commbench/transport/rendezvous"
)

const (
	// pipeVar names the descriptor on which a child reads its place.
	pipeVar = "COMMBENCH_JOB_PIPE"
	pipe    = 3 // the first that a child inherits

	maxProcs   = 4096
	maxPlace   = 64 << 10
	childGrace = 5 * time.Second // to leave, once told to
)

// inheritance is what a parent tells a child, as one line of JSON.
type inheritance struct {
	Process, Processes int
	Rendezvous         string
	Secret             []byte
	Bind               string
}

// children are the processes that this one has started.
type children struct {
	cmds  []*exec.Cmd
	pipes []*os.File
	done  sync.WaitGroup

	mu  sync.Mutex
	how map[int]string // a process that ended, and how
}

// startChildren makes this process the first of Procs, and starts the others.
func startChildren(ctx context.Context, c *Config) (*Job, error) {
	if c.Procs == 1 {
		return nil, nil
	}
	if c.Procs > maxProcs {
		return nil, usagef("%d processes: want at most %d", c.Procs, maxProcs)
	}
	if c.Ranks%c.Procs != 0 {
		return nil, usagef("%d ranks in %d processes: each must have as many", c.Ranks, c.Procs)
	}
	secret := c.Secret
	if len(secret) == 0 {
		secret = make([]byte, 32)
		_, _ = rand.Read(secret) // it never fails
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("rendezvous: %w", err)
	}
	at := listener.Addr().String()
	if c.Bind == "" {
		c.Bind = "127.0.0.1"
	}
	kids := &children{how: map[int]string{}}
	for p := 1; p < c.Procs; p++ {
		if err := kids.start(c, inheritance{p, c.Procs, at, secret, c.Bind}); err != nil {
			return nil, errors.Join(fmt.Errorf("process %d of %d: %w", p, c.Procs, err), listener.Close(), kids.stop())
		}
	}
	// A child that dies before it has joined would be waited for.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if how := kids.first(ctx); how != "" {
			cancel(errors.New(how))
		}
	}()
	j, err := join(ctx, c, rendezvous.Config{Processes: c.Procs, Listener: listener, Address: at, Secret: secret}, kids)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, errors.Join(err, listener.Close(), kids.stop())
	}
	return j, nil
}

// start starts one child. Its standard output is nobody's: process 0 reports.
func (k *children) start(c *Config, place inheritance) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd := exec.Command(program, c.Args...)
	cmd.Env = append(os.Environ(), pipeVar+"="+strconv.Itoa(pipe))
	cmd.Stderr = c.Stderr
	cmd.ExtraFiles = []*os.File{r}
	apart(cmd)
	if err := cmd.Start(); err != nil {
		return errors.Join(err, w.Close())
	}
	k.cmds, k.pipes = append(k.cmds, cmd), append(k.pipes, w)
	k.done.Go(func() {
		how := "exit status 0"
		if err := cmd.Wait(); err != nil {
			how = err.Error()
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		k.how[place.Process] = fmt.Sprintf("its process, pid %d, ended: %s", cmd.Process.Pid, how)
	})
	return json.NewEncoder(w).Encode(place)
}

// ended says how a process did, if it did; one whose connection broke is given a moment.
func (k *children) ended(process int) string {
	for until := time.Now().Add(200 * time.Millisecond); ; time.Sleep(time.Millisecond) {
		k.mu.Lock()
		how := k.how[process]
		k.mu.Unlock()
		if how != "" || time.Now().After(until) {
			return how
		}
	}
}

// first waits for a child that ends, until ctx does.
func (k *children) first(ctx context.Context) string {
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return ""
		case <-tick.C:
		}
		k.mu.Lock()
		for p, how := range k.how {
			k.mu.Unlock()
			tick.Stop()
			return fmt.Sprintf("process %d ended before all had joined: %s", p, how)
		}
		k.mu.Unlock()
	}
}

// stop ends children that have not begun.
func (k *children) stop() error {
	k.wait(0)
	return nil
}

// wait returns when all children are gone: by themselves, or for want of a pipe once
// they had the time that they are given, or killed.
func (k *children) wait(patience time.Duration) {
	gone := make(chan struct{})
	go func() {
		k.done.Wait()
		close(gone)
	}()
	for _, end := range []struct {
		after time.Duration
		by    func()
	}{
		{patience, func() {
			for _, w := range k.pipes {
				w.Close()
			}
		}},
		{childGrace, func() {
			for _, cmd := range k.cmds {
				_ = cmd.Process.Kill() // those that are gone are not found
			}
		}},
	} {
		select {
		case <-gone:
		case <-time.After(end.after):
		}
		end.by()
	}
	<-gone
}

// inherited says whether this process is a child.
func inherited() bool { return os.Getenv(pipeVar) == strconv.Itoa(pipe) }

// joinParent takes the place that the parent has for this child.
func joinParent(ctx context.Context, c *Config) (*Job, error) {
	f := os.NewFile(pipe, "job")
	if f == nil {
		return nil, usagef("%s is set, and descriptor %d is not open: this variable is for children of commbench only", pipeVar, pipe)
	}
	_ = os.Unsetenv(pipeVar)
	in := json.NewDecoder(io.LimitReader(f, maxPlace))
	var place inheritance
	if err := in.Decode(&place); err != nil {
		return nil, fmt.Errorf("no place from the parent process: %w", err)
	}
	go func() { // for as long as the process lives
		_, _ = io.Copy(io.Discard, f)
		orphaned()
	}()
	c.Bind = place.Bind
	return join(ctx, c, rendezvous.Config{Process: place.Process, Processes: place.Processes, Address: place.Rendezvous, Secret: place.Secret}, nil)
}

// orphaned ends a child at once: its parent is gone, or through with it.
var orphaned = func() { os.Exit(1) }
