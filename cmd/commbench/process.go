package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/engine"
	"github.com/commbench/commbench/bench/job"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/tcp"
)

// jobFlags are the flags of commands whose ranks may live in several processes.
func jobFlags() []cli.Flag {
	return append(benchFlags(),
		&cli.StringFlag{Name: "procs", Category: processFlags, Usage: "start so many processes on this host: `rank` or node (one for each), or a number"},
		&cli.IntFlag{Name: "rank", Category: processFlags, EnvVars: []string{"COMMBENCH_RANK"}, Usage: "this process, of --world, which others have started", DefaultText: "as the engine says"},
		&cli.IntFlag{Name: "world", Category: processFlags, EnvVars: []string{"COMMBENCH_WORLD"}, Usage: "processes of the job", DefaultText: "as the engine says"},
		&cli.StringFlag{Name: "rendezvous", Category: processFlags, EnvVars: []string{"COMMBENCH_RENDEZVOUS"}, Usage: "`HOST:PORT` where process 0 listens; one that is not loopback needs COMMBENCH_SECRET"},
		&cli.StringFlag{Name: "engine", Category: processFlags, Usage: "`ENGINE` that started the processes: " + engines + ", or none", DefaultText: "the one that the environment shows"},
		&cli.StringFlag{Name: "bind", Category: processFlags, EnvVars: []string{"COMMBENCH_BIND"}, Usage: "`ADDRESS` for tcp", DefaultText: "the one on the way to the rendezvous"},
		&cli.StringFlag{Name: "interface", Category: processFlags, Usage: "network interface for tcp, in place of --bind"},
		&cli.IntFlag{Name: "tcp-streams", Category: processFlags, Value: tcp.DefaultStreams, Usage: "connections to each other process, in each direction"},
		&cli.IntFlag{Name: "tcp-buffer", Category: processFlags, Usage: "send and receive buffer of a connection, in `BYTES`", DefaultText: "the system's"},
		&cli.StringFlag{Name: "tcp-congestion", Category: processFlags, Usage: "congestion control of connections, such as cubic or bbr", DefaultText: "the system's"},
		&cli.BoolFlag{Name: "tcp-coalesce", Category: processFlags, Usage: "let small packets wait for company (no TCP_NODELAY)"})
}

const engines = "slurm, openmpi, mpich, torchrun, kubernetes"

// networkOf are the options of tcp, without the job's.
func networkOf(c *cli.Context) (tcp.Config, error) {
	n := tcp.Config{Bind: c.String("bind"), Streams: c.Int("tcp-streams"), Buffer: c.Int("tcp-buffer"),
		Congestion: c.String("tcp-congestion"), Coalesce: c.Bool("tcp-coalesce")}
	for _, name := range []string{"tcp-streams", "tcp-buffer"} {
		if c.IsSet(name) && c.Int(name) < 1 {
			return n, usageError{fmt.Errorf("--%s %d: want at least 1", name, c.Int(name))}
		}
	}
	if name := c.String("interface"); name != "" {
		if c.IsSet("bind") {
			return n, usageError{errors.New("--bind and --interface: want one of the two")}
		}
		var err error
		if n.Bind, err = tcp.Address(name); err != nil {
			return n, usageError{fmt.Errorf("--%w", err)}
		}
	}
	return n, nil
}

// procs is how many processes --procs asks for; 0 if it is not given.
func procs(c *cli.Context, cfg *bench.Config) (int, error) {
	switch text := c.String("procs"); text {
	case "":
		return 0, nil
	case "rank":
		return cfg.Nodes * cfg.GPUsPerNode, nil
	case "node":
		return cfg.Nodes, nil
	default:
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return 0, usageError{fmt.Errorf("--procs %q: want rank, node or a number from 1", text)}
		}
		return n, nil
	}
}

// joinJob finds the other processes, if there are any; the job is nil where there are
// none. It fills in what of the benchmark depends on them.
func joinJob(c *cli.Context, cfg *bench.Config, network *tcp.Config) (*job.Job, error) {
	n, err := procs(c, cfg)
	if err != nil {
		return nil, err
	}
	place := engine.Flags{Rendezvous: c.String("rendezvous"), Engine: c.String("engine")}
	for name, to := range map[string]**int{"rank": &place.Rank, "world": &place.World} {
		if c.IsSet(name) {
			*to = new(c.Int(name))
		}
	}
	if n > 0 && (place.Rank != nil || place.World != nil || place.Rendezvous != "") {
		return nil, usageError{errors.New("--procs starts the processes, and --rank, --world and --rendezvous say that others have: want one of the two")}
	}
	timeout := cfg.Timeout
	if timeout == 0 {
		timeout = bench.DefaultTimeout
	}
	j, err := job.Join(c.Context, job.Config{
		Procs: n, Flags: place, Ranks: cfg.Nodes * cfg.GPUsPerNode, Secret: []byte(os.Getenv("COMMBENCH_SECRET")), Bind: network.Bind,
		Timeout: timeout, Log: func(line string) { fmt.Fprintf(c.App.ErrWriter, "commbench: %s\n", line) },
		Args: os.Args[1:], Stderr: c.App.ErrWriter,
	})
	if job.IsUsage(err) {
		err = usageError{err}
	}
	if err != nil || j == nil {
		return nil, err
	}
	network.Secret, network.Bind = j.Secret, j.Bind
	cfg.Peers, cfg.OnHost = j, j.OnHost
	return j, nil
}

// transportsOf makes the drivers of the two hops: one and the same where both have the
// same name. Between hosts only tcp goes.
func transportsOf(c *cli.Context, network tcp.Config, j *job.Job, nodes int) (up, out driver.Driver, err error) {
	made := map[string]driver.Driver{}
	get := func(flag string) (driver.Driver, error) {
		name := c.String(flag)
		if name == "" {
			if name = c.String("transport"); flag == "scale-out" && !c.IsSet("transport") && j != nil && j.Hosts > 1 {
				name = "tcp"
			}
			flag = "transport"
		}
		if made[name] == nil {
			if drivers[name] == nil {
				return nil, usageError{fmt.Errorf("--%s %q: want %s", flag, name, driverNames)}
			}
			made[name] = drivers[name](network)
		}
		return made[name], nil
	}
	if up, err = get("scale-up"); err != nil {
		return nil, nil, err
	}
	if out, err = get("scale-out"); err != nil || j == nil {
		return up, out, err
	}
	if out.Name() == "shm" && j.Hosts > 1 {
		return up, out, usageError{fmt.Errorf("the processes are on %d hosts, which share no memory: take --scale-out tcp", j.Hosts)}
	}
	if up.Name() == "shm" {
		if err := j.Together(nodes); err != nil {
			return up, out, usageError{err}
		}
	}
	return up, out, nil
}

// errSilent is a failure that another process reports.
var errSilent = errors.New("process 0 reports it")

// conclude does this process's part of a job, ends the job, and returns what this
// process has to say of how it ended: the first one everything, the others what nobody
// else can know.
func conclude(c *cli.Context, j *job.Job, part func(context.Context) error) error {
	if j == nil {
		return part(c.Context)
	}
	ctx, cancel := context.WithCancelCause(c.Context)
	defer cancel(nil)
	defer context.AfterFunc(j.Context(), func() { cancel(context.Cause(j.Context())) })()
	err := part(ctx)
	if err == nil || onlyWrong(err) { // all processes have found the same
		return errors.Join(err, j.End(nil))
	}
	first := j.Context().Err() == nil
	end := j.End(plainly(err))
	switch {
	case j.Process() == 0:
		return errors.Join(j.Explain(err), end)
	case first || j.Lost():
		return fmt.Errorf("process %d: %w", j.Process(), err)
	}
	return errors.Join(errSilent, err)
}

// onlyWrong says whether data were wrong and nothing else happened.
func onlyWrong(err error) bool {
	return errors.Is(err, bench.ErrWrong) && !errors.Is(err, context.Canceled)
}
