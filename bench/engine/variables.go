package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
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
const maxProcesses = 1 << 20

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

// key names a job, from what only its processes have.
func key(engine string, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return engine + "-" + hex.EncodeToString(sum[:8])
}

// address joins a host and a port that engines name.
func address(host string, port int) (string, error) {
	if host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"); !isHost(host) {
		return "", fmt.Errorf("%s: expected a host's name or address", plain(host))
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}

// splitAddress is the host of host:port.
func splitAddress(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	n, err2 := strconv.ParseUint(port, 10, 16)
	if err != nil || err2 != nil || n == 0 || !isHost(host) {
		return "", errors.New("expected host:port, as in node01:29500 or [::1]:29500")
	}
	return host, nil
}

// isHost says whether a text can be a host's name or address; the resolver
// decides whether it is.
func isHost(text string) bool {
	odd := func(r rune) bool {
		return r != '.' && r != '-' && r != '_' && r != ':' && r != '%' &&
			(r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	return text != "" && len(text) <= 253 && !strings.ContainsFunc(text, odd)
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
