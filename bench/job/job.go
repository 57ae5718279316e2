package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/commbench/commbench/bench/engine"
	"github.com/commbench/commbench/transport/rendezvous"
)

// Config says how to find the other processes.
type Config struct {
	Procs   int          // start so many processes here, this one included, if no engine has; 0: others have started them
	Flags   engine.Flags // where this process is, if that was said
	Ranks   int          // of the cluster; the processes have as many each
	Secret  []byte       // of the job, if one was given
	Bind    string       // address for data, if one was given
	Timeout time.Duration
	Log     func(line string) // refused connections
	Args    []string          // of children, without the program's name
	Stderr  io.Writer         // of children
}

// Job is this process's part of a job of several. The Session's methods that it does
// not have itself are as they are there.
type Job struct {
	*rendezvous.Session
	Secret []byte // of data connections
	Bind   string // address that data connections use
	Hosts  int    // that the processes are on
	OnHost int    // processes on this one
	First  bool   // this process is the first of those

	hosts    []string
	kids     *children // nil but in a parent
	child    bool
	base     context.Context // Join's
	ctx      context.Context // of the job, see Context
	cancel   context.CancelCauseFunc
	unhook   func() bool // from base
	phase    atomic.Pointer[string]
	patience time.Duration // with a failure that seems to follow from another
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
// error, where this process is the only one. The job fails when ctx ends before End.
func Join(ctx context.Context, c Config) (*Job, error) {
	if inherited() {
		return joinParent(ctx, &c)
	}
	if n := len(c.Secret); n > maxSecret {
		return nil, usagef("a secret of %d bytes: at most %d will do", n, maxSecret)
	}
	place, err := engine.Find(c.Flags, os.Getenv, os.Hostname)
	switch {
	case err != nil && c.Procs > 0:
		return nil, usagef("--procs %d starts processes, but %w; to start them whatever the environment says, give --engine none", c.Procs, err)
	case err != nil:
		return nil, errPlace{err}
	case c.Procs > 0 && place.Processes > 1: // each of which would start a job of its own
		return nil, usagef("--procs %d starts processes, and %s says that this is process %d of %d: leave --procs out, or give --engine none",
			c.Procs, place.Engine, place.Process, place.Processes)
	case c.Procs > 0:
		return startChildren(ctx, &c)
	case place.Processes == 1:
		return nil, nil
	}
	if err := c.divides(place.Processes); err != nil {
		return nil, err
	}
	r := rendezvous.Config{Process: place.Process, Processes: place.Processes, Address: place.Rendezvous, Secret: c.Secret}
	if r.Address == "" {
		if place.Key == "" {
			return nil, usagef("%s says that this is process %d of %d, and not where process 0 listens: give --rendezvous host:port", place.Engine, place.Process, place.Processes)
		}
		end, err := meet(ctx, &c, place.Key, &r)
		defer end()
		if err != nil {
			return nil, reported(ctx, r.Process, err)
		}
	}
	if len(r.Secret) == 0 {
		if err := needsNone(r.Address, c.Bind); err != nil {
			return nil, err
		}
		r.Secret = []byte(loopbackSecret)
	}
	return join(ctx, &c, r, nil)
}

// needsNone refuses to go without a secret where others than this host's users can
// reach the job.
func needsNone(address, bind string) error {
	const set = "set COMMBENCH_SECRET to the same long random text in all processes (openssl rand -hex 32)"
	if !rendezvous.IsLoopback(address) {
		return usagef("a rendezvous at %s, which is not loopback, needs a secret: %s", address, set)
	}
	if bind != "" && !rendezvous.IsLoopback(bind) {
		return usagef("data connections of %s, which is not loopback, need a secret: %s", bind, set)
	}
	return nil
}

// divides makes sure that all processes can have as many ranks.
func (c *Config) divides(processes int) error {
	switch {
	case c.Ranks < processes:
		return usagef("%d ranks in %d processes: each must have one at least, and all as many", c.Ranks, processes)
	case c.Ranks%processes != 0:
		less, more := processes, processes
		for c.Ranks%less != 0 {
			less--
		}
		for c.Ranks%more != 0 {
			more++
		}
		return usagef("%d ranks in %d processes: each must have as many; %d or %d processes would do", c.Ranks, processes, less, more)
	}
	return nil
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
	if err := c.divides(r.Processes); err != nil {
		return nil, err
	}
	r.Name, r.Timeout, r.Log = Span(r.Process, r.Processes, c.Ranks), c.Timeout, c.Log
	if err := awaitName(ctx, r.Address, c.Timeout, net.DefaultResolver.LookupHost); err != nil {
		return nil, err
	}
	bind, err := c.bind(r.Address)
	if err != nil {
		return nil, err
	}
	// A child that dies before it has joined would be waited for.
	joining, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	kids.watch(joining, cancel)
	s, err := rendezvous.Join(joining, r)
	if err != nil {
		return nil, reported(ctx, r.Process, kids.explain(ctx, joining, err))
	}
	j := newJob(ctx, s, kids)
	j.Secret, j.Bind, j.patience = r.Secret, bind, patience(c.Timeout)
	j.Phase("rendezvous")
	if err := j.findHosts(j.ctx); err != nil {
		_ = j.End(err) // which says no more
		if j.Process() > 0 && j.Reported() {
			err = errors.Join(ErrReported, err)
		}
		return nil, err
	}
	return j, nil
}

// reported marks an error of joining that is not for this process to report: who
// interrupts a job does so to process 0 as well.
func reported(ctx context.Context, process int, err error) error {
	switch {
	case ctx.Err() == nil:
		return err
	case process > 0:
		return errors.Join(ErrReported, context.Cause(ctx))
	}
	return context.Cause(ctx)
}

// bind is the address for data: the one that was given, or else the one that this host
// has on the way to process 0.
func (c *Config) bind(address string) (string, error) {
	if c.Bind != "" {
		return c.Bind, nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return "", usagef("a rendezvous at %q: %w", address, err)
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Unmap().IsUnspecified() {
		return "", usagef("a rendezvous at %s, which is every address of a host: name one that the other processes reach", address)
	}
	// A datagram socket that is connected has its address, and sends nothing.
	conn, err := net.Dial("udp", address)
	if err != nil {
		return "", fmt.Errorf("no way from this host to the rendezvous at %s: %w; give --bind or --interface", address, err)
	}
	defer conn.Close()
	host, _, err = net.SplitHostPort(conn.LocalAddr().String())
	return host, err
}
