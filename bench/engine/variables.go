package engine

import (
	"fmt"
	"strconv"
	"strings"
)

// commbench's own variables, each of which a flag beats.
const (
	varRank       = "COMMBENCH_RANK"
	varWorld      = "COMMBENCH_WORLD"
	varRendezvous = "COMMBENCH_RENDEZVOUS"
)

// maxProcesses bounds what a rank or a number of processes may be.
const maxProcesses = 1 << 16

// variables is the environment, with flags in the place of the variables that
// they beat.
type variables struct {
	getenv func(string) string
	host   func() (string, error)
	given  map[string]string // by variable, the value of its flag
	seen   []string          // what see has found set
}

// flagOf is the flag of each of commbench's variables.
var flagOf = map[string]string{varRank: "--rank", varWorld: "--world", varRendezvous: "--rendezvous"}

func newVariables(f Flags, getenv func(string) string, host func() (string, error)) *variables {
	v := &variables{getenv: getenv, host: host, given: map[string]string{}}
	if f.Rank != nil {
		v.given[varRank] = strconv.Itoa(*f.Rank)
	}
	if f.World != nil {
		v.given[varWorld] = strconv.Itoa(*f.World)
	}
	if f.Rendezvous != "" {
		v.given[varRendezvous] = f.Rendezvous
	}
	return v
}

func (v *variables) get(name string) string {
	if value, ok := v.given[name]; ok {
		return value
	}
	return v.getenv(name)
}

// see is get, remembered for the error in which engines disagree.
func (v *variables) see(name string) string {
	value := v.get(name)
	if value != "" {
		v.seen = append(v.seen, v.say(name))
	}
	return value
}

// say is the variable with its value as an error shows it, or the flag in its place.
func (v *variables) say(name string) string {
	if value, ok := v.given[name]; ok {
		return flagOf[name] + " " + plain(value)
	}
	return name + "=" + plain(v.getenv(name))
}

// name is the variable, with its flag if it has one.
func (v *variables) name(name string) string {
	if flag, ok := flagOf[name]; ok {
		return flag + " or " + name
	}
	return name
}

// number is a variable's value, a whole number in decimal digits.
func (v *variables) number(name string, least, most int) (int, error) {
	n, err := strconv.ParseUint(v.get(name), 10, 31)
	if err != nil || int(n) < least || int(n) > most {
		return 0, fmt.Errorf("%s: expected a whole number from %d to %d", v.say(name), least, most)
	}
	return int(n), nil
}

// plain is a value as an error shows it: in quotes if it is empty or odd, cut if
// it is long.
func plain(value string) string {
	const most = 60
	cut := ""
	if len(value) > most {
		value, cut = value[:most], "..."
	}
	odd := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' }
	if value == "" || strings.ContainsFunc(value, odd) {
		value = strconv.Quote(value)
	}
	return value + cut
}

// place reads this process and how many there are from two variables.
func (v *variables) place(engine, rank, size string) (Place, error) {
	switch r, s := v.see(rank), v.see(size); {
	case r == "" && s == "":
		return Place{}, fmt.Errorf("%s and %s are not set", v.name(rank), v.name(size))
	case s == "":
		return Place{}, fmt.Errorf("%s, but %s is not set", v.say(rank), v.name(size))
	case r == "":
		return Place{}, fmt.Errorf("%s, but %s is not set", v.say(size), v.name(rank))
	}
	p := Place{Engine: engine, Local: -1}
	var err error
	if p.Processes, err = v.number(size, 1, maxProcesses); err != nil {
		return Place{}, err
	}
	if p.Process, err = v.number(rank, 0, maxProcesses); err != nil {
		return Place{}, err
	}
	if p.Process >= p.Processes {
		return Place{}, fmt.Errorf("%s and %s: expected a process from 0 to %d", v.say(rank), v.say(size), p.Processes-1)
	}
	return p, nil
}

// locals reads the place among the processes of this host, as far as it is known. If
// p.Locals is known it is what the variable locals has been read as.
func (v *variables) locals(p *Place, local, locals string) error {
	if v.see(local) != "" {
		n, err := v.number(local, 0, p.Processes-1)
		if err != nil {
			return err
		}
		p.Local = n
	}
	if p.Locals == 0 && v.see(locals) != "" {
		n, err := v.number(locals, 1, p.Processes)
		if err != nil {
			return err
		}
		p.Locals = n
	}
	if p.Locals > 0 && p.Local >= p.Locals {
		return fmt.Errorf("%s and %s: expected a local process from 0 to %d", v.say(local), v.say(locals), p.Locals-1)
	}
	return nil
}
