package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/commbench/commbench/bench/engine"
	"github.com/commbench/commbench/transport/rendezvous"
)

// Config says how to find the other processes.
type Config struct {
	Procs   int          // start so many processes here, this one included; 0: others have started them
	Flags   engine.Flags // where this process is, if that was said
	Ranks   int          // of the cluster; the processes have as many each
	Secret  []byte       // of the job, if one was given
	Bind    string       // address for data, if one was given
	Timeout time.Duration
	Log     func(line string) // refused connections
	Args    []string          // of children, without the program's name
	Stderr  io.Writer         // of children
}

// Job is this process's part of a job of several.
type Job struct {
	*rendezvous.Session
	Secret []byte // of data connections
	Bind   string // address that data connections use
	Hosts  int    // that the processes are on
	OnHost int    // processes on this one
	hosts  []string
	kids   *children
}

// errPlace is a place that cannot be; the command line or the environment is wrong.
type errPlace struct{ error }

func (e errPlace) Unwrap() error { return e.error }

// IsUsage says whether the error is one of the command line or the environment.
func IsUsage(err error) bool {
	var place errPlace
	return errors.As(err, &place)
}

func usagef(format string, args ...any) error { return errPlace{fmt.Errorf(format, args...)} }

// loopbackSecret stands for a secret where none is needed.
const loopbackSecret = "commbench: no secret, loopback only"

// Join finds the other processes and returns when all are there. It is nil, without an
// error, where this process is the only one.
func Join(ctx context.Context, c Config) (*Job, error) {
	if inherited() {
		return joinParent(ctx, &c)
	}
	if c.Procs > 0 {
		return startChildren(ctx, &c)
	}
	place, err := engine.Find(c.Flags, os.Getenv, os.Hostname)
	if err != nil {
		return nil, errPlace{err}
	}
	if place.Processes == 1 {
		return nil, nil
	}
	r := rendezvous.Config{Process: place.Process, Processes: place.Processes, Address: place.Rendezvous, Secret: c.Secret}
	if r.Address == "" {
		if place.Key == "" {
			return nil, usagef("%s says that this is process %d of %d, and not where process 0 listens: give --rendezvous host:port", place.Engine, place.Process, place.Processes)
		}
		end, err := meet(ctx, &c, place.Key, &r)
		defer end()
		if err != nil {
			return nil, err
		}
	}
	if len(r.Secret) == 0 {
		if !rendezvous.IsLoopback(r.Address) {
			return nil, usagef("a rendezvous at %s, which is not loopback, needs a secret: set COMMBENCH_SECRET to the same long random text in all processes (openssl rand -hex 32)", r.Address)
		}
		r.Secret = []byte(loopbackSecret)
	}
	return join(ctx, &c, r, nil)
}

// Span names the ranks of a process.
func Span(process, processes, ranks int) string {
	n := ranks / max(processes, 1)
	switch {
	case n == 0 || ranks%processes != 0:
		return ""
	case n == 1:
		return fmt.Sprintf("rank %d", process)
	}
	return fmt.Sprintf("ranks %d to %d", process*n, (process+1)*n-1)
}

// join meets the others and finds out who shares this host.
func join(ctx context.Context, c *Config, r rendezvous.Config, kids *children) (*Job, error) {
	if c.Ranks%r.Processes != 0 {
		return nil, usagef("%d ranks in %d processes: each must have as many; take other --nodes or --gpus-per-node, or another number of processes", c.Ranks, r.Processes)
	}
	r.Name, r.Timeout, r.Log = Span(r.Process, r.Processes, c.Ranks), c.Timeout, c.Log
	bind, err := c.bind(r.Address)
	if err != nil {
		return nil, err
	}
	s, err := rendezvous.Join(ctx, r)
	if err != nil {
		return nil, err
	}
	j := &Job{Session: s, Secret: r.Secret, Bind: bind, kids: kids}
	if err := j.findHosts(ctx); err != nil {
		return nil, errors.Join(err, j.End(err))
	}
	return j, nil
}

// bind is the address for data: the one that was given, or else the one that this host
// has on the way to process 0.
func (c *Config) bind(rendezvous string) (string, error) {
	if c.Bind != "" || rendezvous == "" {
		return c.Bind, nil
	}
	// A datagram socket that is connected has its address, and sends nothing.
	conn, err := net.Dial("udp", rendezvous)
	if err != nil {
		return "", fmt.Errorf("no way from this host to the rendezvous at %s: %w; give --bind or --interface", rendezvous, err)
	}
	defer conn.Close()
	host, _, err := net.SplitHostPort(conn.LocalAddr().String())
	return host, err
}

// End ends the job: in good order if err is nil, and otherwise by telling the others
// why. It returns when all children are gone.
func (j *Job) End(err error) error {
	if err != nil {
		j.Fail(err)
	}
	end := j.Close()
	if j.kids != nil {
		j.kids.wait(childGrace)
	}
	return end
}

// Lost says whether the job ended because process 0 did, which then reports nothing.
func (j *Job) Lost() bool {
	var peer *rendezvous.PeerError
	return errors.As(context.Cause(j.Context()), &peer) && peer.Process == 0
}

// Explain adds to an error what is known of a child that it is about.
func (j *Job) Explain(err error) error {
	var peer *rendezvous.PeerError
	if j.kids == nil || !errors.As(err, &peer) {
		return err
	}
	if how := j.kids.ended(peer.Process); how != "" {
		return fmt.Errorf("%w (%s)", err, how)
	}
	return err
}
