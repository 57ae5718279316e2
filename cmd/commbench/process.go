package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/commbench/commbench/bench"
	"github.com/commbench/commbench/bench/engine"
	"github.com/commbench/commbench/bench/job"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/faulty"
	"github.com/commbench/commbench/transport/rendezvous"
	"github.com/commbench/commbench/transport/tcp"
)

// jobFlags are the flags of commands whose ranks may live in several processes.
func jobFlags() []cli.Flag {
	return append(slices.Concat(benchFlags(), watchFlags()),
		&cli.StringFlag{Name: "procs", Category: processFlags, Usage: "start `PROCESSES` on this host: rank or node (one for each), or a number"},
		&cli.IntFlag{Name: "rank", Category: processFlags, Usage: "this process, of --world, which others have started", DefaultText: "$COMMBENCH_RANK, or as the engine says"},
		&cli.IntFlag{Name: "world", Category: processFlags, Usage: "processes of the job", DefaultText: "$COMMBENCH_WORLD, or as the engine says"},
		&cli.StringFlag{Name: "rendezvous", Category: processFlags, Usage: "`HOST:PORT` where process 0 listens; one that is not loopback needs COMMBENCH_SECRET", DefaultText: "$COMMBENCH_RENDEZVOUS, or as the engine says"},
		&cli.StringFlag{Name: "engine", Category: processFlags, Usage: "`ENGINE` that started the processes: " + engines + ", or none", DefaultText: "the one that the environment shows"},
		&cli.StringFlag{Name: "bind", Category: processFlags, Usage: "`ADDRESS` for tcp", DefaultText: "$COMMBENCH_BIND, or the one on the way to the rendezvous"},
		&cli.StringFlag{Name: "interface", Category: processFlags, Usage: "network interface for tcp, in place of --bind"},
		&cli.IntFlag{Name: "tcp-streams", Category: processFlags, Value: tcp.DefaultStreams, Usage: "connections to each other process, in each direction"},
		&cli.IntFlag{Name: "tcp-buffer", Category: processFlags, Usage: "send and receive buffer of a connection, in `BYTES`", DefaultText: "the system's"},
		&cli.StringFlag{Name: "tcp-congestion", Category: processFlags, Usage: "congestion control of connections, such as cubic or bbr", DefaultText: "the system's"},
		&cli.BoolFlag{Name: "tcp-coalesce", Category: processFlags, Usage: "let small packets wait for company (no TCP_NODELAY)"},
		&cli.StringFlag{Name: "fault", Category: processFlags, Usage: "inject `FAULTS` into both transports, as package faulty reads them", Hidden: true})
}

const engines = "slurm, openmpi, mpich, torchrun, kubernetes"

// networkOf are the options of tcp, without the job's.
func networkOf(c *cli.Context) (tcp.Config, error) {
	n := tcp.Config{Bind: c.String("bind"), Streams: c.Int("tcp-streams"), Buffer: c.Int("tcp-buffer"),
		Congestion: c.String("tcp-congestion"), Coalesce: c.Bool("tcp-coalesce"), Log: logTo(c)}
	for _, name := range []string{"tcp-streams", "tcp-buffer"} {
		if c.IsSet(name) && c.Int(name) < 1 {
			return n, usageError{fmt.Errorf("--%s %d: want at least 1", name, c.Int(name))}
		}
	}
	switch name := c.String("interface"); {
	case name != "":
		if c.IsSet("bind") {
			return n, usageError{errors.New("--bind and --interface: want one of the two")}
		}
		var err error
		if n.Bind, err = tcp.Address(name); err != nil {
			return n, usageError{fmt.Errorf("--%w", err)}
		}
	case n.Bind == "":
		n.Bind = os.Getenv("COMMBENCH_BIND")
	}
	if err := tcp.New(tcp.Config{Streams: n.Streams, Buffer: n.Buffer, Congestion: n.Congestion}).Check(); err != nil {
		return n, usageError{err}
	}
	if n.Bind != "" {
		if err := canBind(n.Bind); err != nil {
			return n, usageError{fmt.Errorf("--bind %s: %w: want an address of this host, or --interface", n.Bind, err)}
		}
	}
	return n, nil
}

// logTo tells of connections that were refused.
func logTo(c *cli.Context) func(string) {
	return func(line string) { fmt.Fprintf(c.App.ErrWriter, "commbench: %s\n", line) }
}

// canBind says why tcp cannot have an address.
func canBind(address string) error {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.IsUnspecified() || ip.IsMulticast() {
		return errors.New("not an IP address of one interface")
	}
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		var call *os.SyscallError
		if errors.As(err, &call) {
			err = call.Err
		}
		return err
	}
	return l.Close()
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
		Timeout: timeout, Log: logTo(c), Args: os.Args[1:], Stderr: c.App.ErrWriter,
	})
	switch {
	case job.IsUsage(err):
		return nil, usageError{err}
	case errors.Is(err, context.Canceled) && !errors.Is(err, job.ErrReported):
		return nil, errInterrupted
	case err != nil || j == nil:
		return nil, err
	}
	network.Secret, network.Bind = j.Secret, j.Bind
	cfg.Peers, cfg.OnHost = j, j.OnHost
	return j, nil
}

// transports are the names of the two hops' transports. Between hosts only tcp goes.
func transports(c *cli.Context, hosts int) (up, out string, err error) {
	get := func(flag string) (string, error) {
		name := c.String(flag)
		if name == "" {
			if name = c.String("transport"); flag == "scale-out" && !c.IsSet("transport") && hosts > 1 {
				name = "tcp"
			}
			flag = "transport"
		}
		if drivers[name] == nil {
			return "", usageError{fmt.Errorf("--%s %q: want %s", flag, name, driverNames)}
		}
		return name, nil
	}
	if up, err = get("scale-up"); err == nil {
		out, err = get("scale-out")
	}
	return up, out, err
}

// connect gives the benchmark the drivers of the two hops: one and the same where both
// have the same name.
func connect(c *cli.Context, cfg *bench.Config, network tcp.Config, j *job.Job) error {
	hosts := 1
	if j != nil {
		hosts = j.Hosts
	}
	up, out, err := transports(c, hosts)
	if err != nil {
		return err
	}
	spec, err := faulty.Parse(c.String("fault"))
	if err != nil {
		return usageError{fmt.Errorf("--fault: %w", err)}
	}
	made := map[string]driver.Driver{}
	for _, name := range []string{up, out} {
		if made[name] != nil {
			continue
		}
		made[name] = drivers[name](network)
		if c.IsSet("fault") {
			made[name] = faulty.New(made[name], spec)
		}
	}
	cfg.ScaleUp, cfg.ScaleOut = made[up], made[out]
	if j == nil {
		return nil
	}
	shared := cfg.Nodes*cfg.GPUsPerNode/j.Processes()%cfg.GPUsPerNode != 0 // nodes, by processes
	switch {
	case !cfg.ScaleOut.Caps().Processes:
		err = fmt.Errorf("transport %s reaches no other process, and there are %d: take --scale-out tcp or shm", out, j.Processes())
	case shared && !cfg.ScaleUp.Caps().Processes:
		err = fmt.Errorf("transport %s reaches no other process, and there are %d on %d nodes: take --scale-up tcp or shm", up, j.Processes(), cfg.Nodes)
	case out == "shm" && hosts > 1:
		err = fmt.Errorf("the processes are on %d hosts, which share no memory: take --scale-out tcp", hosts)
	case up == "shm":
		err = j.Together(cfg.Nodes, cfg.GPUsPerNode)
	}
	if err != nil {
		err = usageError{err}
	}
	return err
}

// conclude does this process's part of a job, ends the job, and returns what this
// process has to say of how it ended: the first one everything, the others what nobody
// else can know.
func conclude(c *cli.Context, j *job.Job, part func(context.Context) error) error {
	if j == nil {
		return part(c.Context)
	}
	err := part(j.Context())
	running := j.Context().Err() == nil
	wrong := running && errors.Is(err, bench.ErrWrong) // and nothing else: all processes know
	late := running && err != nil && !wrong            // perhaps too late to tell the others
	failure := err
	if wrong || errors.As(err, new(strictError)) {
		failure = nil
	}
	if end := j.End(failure); err == nil {
		err = end
	}
	var peer *rendezvous.PeerError
	switch {
	case err == nil || j.Process() == 0:
		return err
	case wrong, exitCode(err) == exitUsage, j.Reported() && !late: // usage is that of all
		return errors.Join(job.ErrReported, err)
	case errors.As(err, &peer) && peer.Process == j.Process():
		return err
	}
	return fmt.Errorf("process %d: %w", j.Process(), err)
}
