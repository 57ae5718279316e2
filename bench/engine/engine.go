package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Names are the values of Flags.Engine, for a help text.
const Names = "none, flags, slurm, openmpi, mpich, torchrun, kubernetes"

// Place is where this process stands in its job.
type Place struct {
	Engine string // who says so: one of Names

	Process, Processes int // this process, and how many there are: 0 of 1 without an engine

	// Local is this process's index among the job's processes on this host, and
	// Locals is their number: -1 and 0 where they are not known.
	Local, Locals int

	// Rendezvous is the host:port of process 0. It is empty if that must be found
	// by a file on this host, named by Key, and if there is one process.
	Rendezvous string

	// Key names the job on this host and is the same in all its processes: letters,
	// digits and hyphens, fit for a file's name. Empty where there is none.
	Key string

	SameHost bool // all processes are known to be on this host
}

// alone is the place of a process that nobody has made one of several.
var alone = Place{Engine: "none", Processes: 1, Locals: 1, SameHost: true}

// Flags are what the command line says; nil and "" are what it does not say.
type Flags struct {
	Rank, World *int   // this process, and how many
	Rendezvous  string // host:port of process 0
	Engine      string // one of Names
}

// engines are asked in this order. Of those that agree the first counts which
// knows where process 0 is: Slurm knows the hosts, torchrun only an address.
var engines = []engine{slurm, openMPI, mpich, torchrun, kubernetes}

type engine struct {
	name string
	here func(*variables) bool // whether it has left any trace
	find func(*variables) (found, error)
}

// found is what an engine says.
type found struct {
	Place
	lack error  // why nobody can find process 0, if so
	self string // the host name by which process 0 listens, where its name in the network may not lead there yet
}

// Find says where this process stands. The environment is read through getenv,
// which returns "" for a variable that is not set, as os.Getenv does; host is this
// host's name, as os.Hostname returns it.
func Find(f Flags, getenv func(string) string, host func() (string, error)) (Place, error) {
	p, err := find(f, newVariables(f, getenv, host))
	if err != nil {
		return Place{}, fmt.Errorf("engine: %w", err)
	}
	return p, nil
}

func find(f Flags, v *variables) (Place, error) {
	rank, world := v.get(varRank) != "", v.get(varWorld) != ""
	switch at := slices.IndexFunc(engines, func(e engine) bool { return e.name == f.Engine }); {
	case f.Engine == "none":
		if f.Rank != nil || f.World != nil || f.Rendezvous != "" {
			return Place{}, errors.New("--engine none goes without --rank, --world and --rendezvous")
		}
		return alone, nil
	case f.Engine == "flags", f.Engine == "" && rank:
		return flags(v)
	case at >= 0 && f.Rank != nil:
		return Place{}, fmt.Errorf("--engine %s and %s: give one of them", f.Engine, v.say(varRank))
	case at >= 0 && f.World != nil && f.Engine != kubernetes.name:
		return Place{}, fmt.Errorf("--engine %s and %s: give one of them", f.Engine, v.say(varWorld))
	case at >= 0:
		one, err := engines[at].find(v)
		if err != nil {
			return Place{}, fmt.Errorf("--engine %s: %w", f.Engine, err)
		}
		return one.met(v)
	case f.Engine != "":
		return Place{}, fmt.Errorf("--engine %s: expected one of %s", plain(f.Engine), Names)
	case world && !kubernetes.here(v):
		return Place{}, fmt.Errorf("%s says how many processes there are, but %s is missing, which says which of them this is", v.say(varWorld), v.name(varRank))
	}
	return automatic(v)
}

// flags is the place that flags or commbench's own variables give.
func flags(v *variables) (Place, error) {
	p, err := v.place("flags", varRank, varWorld)
	if err != nil {
		return Place{}, err
	}
	return found{Place: p, lack: fmt.Errorf("nothing says where process 0 of %d is", p.Processes)}.met(v)
}

// automatic asks every engine.
func automatic(v *variables) (Place, error) {
	var all []found
	var seen []string
	for _, e := range engines {
		if !e.here(v) {
			continue
		}
		v.seen = nil
		one, err := e.find(v)
		if err != nil {
			return Place{}, fmt.Errorf("%s: %w; if something else started this process, name it with --engine (%s)", e.name, err, Names)
		}
		all = append(all, one)
		seen = append(seen, fmt.Sprintf("%s: process %d of %d (%s)", e.name, one.Process, one.Processes, strings.Join(v.seen, " ")))
	}
	if len(all) == 0 {
		if v.get(varRendezvous) != "" {
			return Place{}, fmt.Errorf("%s is given, but nothing says which process this is: give %s and %s too, or --engine none", v.say(varRendezvous), v.name(varRank), v.name(varWorld))
		}
		return alone, nil
	}
	said := all
	if several := func(o found) bool { return o.Processes > 1 }; slices.ContainsFunc(all, several) {
		said = slices.DeleteFunc(slices.Clone(all), func(o found) bool { return !several(o) })
	}
	for _, o := range said {
		if o.Process != said[0].Process || o.Processes != said[0].Processes {
			return Place{}, fmt.Errorf("what started this process is not clear:\n  %s\nchoose with --engine NAME, or give --rank, --world and --rendezvous", strings.Join(seen, "\n  "))
		}
	}
	if at := slices.IndexFunc(said, func(o found) bool { return o.lack == nil }); at > 0 {
		return said[at].met(v)
	}
	return said[0].met(v)
}

// met is the place with the rendezvous that was asked for, or an error if there
// is none and one is needed.
func (o found) met(v *variables) (Place, error) {
	p := o.Place
	if given := v.get(varRendezvous); given != "" {
		host, port, err := splitAddress(given)
		if err != nil {
			return Place{}, fmt.Errorf("%s: %w", v.say(varRendezvous), err)
		}
		if o.self != "" && strings.HasPrefix(host, o.self+".") {
			given = o.self + ":" + port
		}
		p.Rendezvous, o.lack = given, nil
		p.SameHost = p.SameHost || loopback(host)
	}
	if p.Processes == 1 {
		p.SameHost = true
	} else if o.lack != nil {
		return Place{}, fmt.Errorf("%s: %w: say it with %s host:port", p.Engine, o.lack, v.name(varRendezvous))
	}
	if p.SameHost {
		p.Local, p.Locals = p.Process, p.Processes
	}
	return p, nil
}
