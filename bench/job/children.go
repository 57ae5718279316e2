package job

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"time"

	"github.com/commbench/commbench/transport/rendezvous"
)

const (
	maxProcs   = 4096
	childGrace = 5 * time.Second // to leave when the job is done
	childHaste = time.Second     // to leave when it has failed
)

// child is a process that this one has started.
type child struct {
	process int
	name    string // of its ranks
	cmd     *exec.Cmd
	pipe    *os.File
	gone    chan struct{} // closed when it has ended
	err     error         // how; not to be read before
}

func (c *child) String() string {
	return fmt.Sprintf("process %d (%s), pid %d,", c.process, c.name, c.cmd.Process.Pid)
}

// status is how it has ended.
func (c *child) status() string {
	if c.err == nil {
		return "exit status 0"
	}
	return c.err.Error()
}

// children are processes 1 and up. Nil are none.
type children struct {
	all  []*child
	dead chan *child // one that has ended, most likely the first
}

// startChildren makes this process the first of Procs, and starts the others.
func startChildren(ctx context.Context, c *Config) (*Job, error) {
	if c.Procs == 1 {
		return nil, nil
	}
	if c.Procs > maxProcs {
		return nil, usagef("%d processes: want at most %d", c.Procs, maxProcs)
	}
	if err := c.divides(c.Procs); err != nil {
		return nil, err
	}
	r := rendezvous.Config{Processes: c.Procs}
	if err := c.listenHere(&r); err != nil {
		return nil, err
	}
	defer r.Listener.Close()
	if c.Bind == "" {
		c.Bind = "127.0.0.1"
	}
	kids := &children{dead: make(chan *child, 1)}
	err := kids.start(c, inheritance{Processes: c.Procs, Rendezvous: r.Address, Secret: r.Secret, Bind: c.Bind})
	var j *Job
	if err == nil {
		j, err = join(ctx, c, r, kids)
	}
	if err != nil {
		kids.leave(0)
		return nil, err
	}
	return j, nil
}

// start starts all of them, from one thread that lives as long as they do: see leash.
func (k *children) start(c *Config, place inheritance) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends here
		var err error
		for place.Process = 1; place.Process < place.Processes && err == nil; place.Process++ {
			if err = k.startOne(program, c, place); err != nil {
				err = fmt.Errorf("process %d of %d: %w", place.Process, place.Processes, err)
			}
		}
		started <- err
		for _, c := range k.all {
			<-c.gone
		}
	}()
	return <-started
}

// startOne starts a child. Its standard output is nobody's: process 0 reports.
func (k *children) startOne(program string, c *Config, place inheritance) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd := exec.Command(program, c.Args...)
	cmd.Env = append(os.Environ(), pipeVar+"="+strconv.Itoa(pipe))
	cmd.Stderr = c.Stderr
	cmd.ExtraFiles = []*os.File{r}
	leash(cmd)
	if err := cmd.Start(); err != nil {
		return errors.Join(err, w.Close())
	}
	kid := &child{process: place.Process, name: Span(place.Process, place.Processes, c.Ranks), cmd: cmd, pipe: w, gone: make(chan struct{})}
	k.all = append(k.all, kid)
	go func() {
		kid.err = cmd.Wait()
		close(kid.gone)
		select {
		case k.dead <- kid:
		default:
		}
	}()
	// It fails if the child is dead, which is seen in a better way.
	_ = json.NewEncoder(w).Encode(place)
	return nil
}

// watch ends joining if a child does, until it ends.
func (k *children) watch(joining context.Context, cancel context.CancelCauseFunc) {
	if k == nil {
		return
	}
	go func() {
		select {
		case c := <-k.dead:
			cancel(fmt.Errorf("%v ended before all processes had joined: %s", c, c.status()))
		case <-joining.Done():
		}
	}()
}

// explain is why joining failed: if it was given up because a child ended, that.
func (k *children) explain(ctx, joining context.Context, err error) error {
	why := context.Cause(joining)
	if k == nil || why == nil || !errors.Is(err, why) {
		return err
	}
	select { // a signal to all processes may have reached the child first
	case <-ctx.Done():
	case <-time.After(moment):
	}
	return why
}

// how says how a process ended, if it does so in a moment.
func (k *children) how(process int) string {
	if k == nil {
		return ""
	}
	c := k.all[process-1]
	select {
	case <-c.gone:
		return fmt.Sprintf("its process, pid %d, ended: %s", c.cmd.Process.Pid, c.status())
	case <-time.After(moment):
		return ""
	}
}

// strays are those that have left the job in good order and then ended in another way.
func (k *children) strays() (err error) {
	if k == nil {
		return nil
	}
	for _, c := range k.all {
		if c.err != nil {
			err = cmp.Or(err, fmt.Errorf("%v was done, but then ended: %w", c, c.err))
		}
	}
	return err
}

// kill ends a process that does not answer.
func (k *children) kill(process int) {
	if k != nil && process > 0 {
		_ = k.all[process-1].cmd.Process.Kill() // unless it is gone
	}
}

// leave returns when all children are gone: by themselves, or for want of a pipe once
// they had the time that they are given, or, after as long again, killed.
func (k *children) leave(patience time.Duration) {
	if k == nil {
		return
	}
	k.wait(patience)
	for _, c := range k.all {
		c.pipe.Close()
	}
	k.wait(patience)
	for _, c := range k.all {
		_ = c.cmd.Process.Kill() // unless it is gone
		<-c.gone
	}
}

// wait returns when all children are gone, or when the time is over.
func (k *children) wait(patience time.Duration) {
	over, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, c := range k.all {
		select {
		case <-c.gone:
		case <-over.Done():
		}
	}
}
