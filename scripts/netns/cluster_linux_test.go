package netns_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"strings"
	"testing"
)

// place is what a process finds: its namespace and its environment.
type place struct {
	Rank, World, Rendezvous, Bind, Secret string
	MTU                                   int
	Addrs                                 []string
	Loopback                              bool // is up
	Stdin                                 string
	Leak                                  bool // the secret is on a command line
}

// sayPlace is the role of the processes of TestUpExecDown.
func sayPlace() error {
	p := place{Rank: os.Getenv("COMMBENCH_RANK"), World: os.Getenv("COMMBENCH_WORLD"), Rendezvous: os.Getenv("COMMBENCH_RENDEZVOUS"),
		Bind: os.Getenv("COMMBENCH_BIND"), Secret: os.Getenv("COMMBENCH_SECRET")}
	eth, err := net.InterfaceByName("eth0")
	if err != nil {
		return err
	}
	addrs, err := eth.Addrs()
	if err != nil {
		return err
	}
	for _, a := range addrs {
		if !strings.HasPrefix(a.String(), "fe80:") {
			p.Addrs = append(p.Addrs, a.String())
		}
	}
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		return err
	}
	p.MTU, p.Loopback = eth.MTU, lo.Flags&net.FlagUp != 0
	in, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	p.Stdin = string(in)
	for _, pid := range []int{os.Getpid(), os.Getppid()} { // the parent is the script
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			return err
		}
		p.Leak = p.Leak || strings.Contains(string(line), p.Secret)
	}
	return json.NewEncoder(os.Stdout).Encode(p)
}

func places(t *testing.T, name string, n int) []place {
	t.Helper()
	out, errs, code := run(t, []string{role + "=place"}, "exec", "--name", name, "--", self(t))
	if code != 0 {
		t.Fatalf("exec: exit code %d: %s", code, errs)
	}
	all := make([]place, n)
	for d, i := json.NewDecoder(strings.NewReader(out)), 0; i < n; i++ {
		var p place
		if err := d.Decode(&p); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		if rank := strings.Index("012", p.Rank); rank >= 0 {
			all[rank] = p
		}
	}
	return all
}

func TestUpExecDown(t *testing.T) {
	before, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	name := up(t, "--nodes", "3", "--rate", "none", "--mtu", "9000")
	if after, err := net.Interfaces(); err != nil || len(after) != len(before) {
		t.Errorf("%d devices of this namespace have become %d (%v)", len(before), len(after), err)
	}
	first, second := places(t, name, 3), places(t, name, 3)
	for i, p := range first {
		if len(p.Secret) != 64 || p.Secret != first[0].Secret || second[i].Secret == p.Secret {
			t.Errorf("process %d: the secret is not one for a run: %q, then %q", i, p.Secret, second[i].Secret)
		}
		want := place{Rank: fmt.Sprint(i), World: "3", Rendezvous: "10.77.0.1:29500", Bind: fmt.Sprintf("10.77.0.%d", i+1), Secret: p.Secret,
			MTU: 9000, Addrs: []string{fmt.Sprintf("10.77.0.%d/24", i+1), fmt.Sprintf("fd77::%d/64", i+1)}, Loopback: true}
		if !reflect.DeepEqual(p, want) {
			t.Errorf("process %d: %+v, want %+v", i, p, want)
		}
	}
	want := fmt.Sprintf("cluster %s: 3 nodes, rate none, mtu 9000; namespaces %[1]s0 %[1]s1 %[1]s2 %[1]ssw; 0 processes\n", name)
	if out, errs, code := run(t, nil, "list"); code != 0 || !strings.Contains(out, want) {
		t.Errorf("list: exit code %d: %s%s, want %s", code, out, errs, want)
	}
	if _, errs, code := run(t, nil, "up", "--name", name, "--nodes", "2"); code != 1 || !strings.Contains(errs, name+" is there") {
		t.Errorf("up again: exit code %d: %s", code, errs)
	}
	places(t, name, 3) // which the refused one has not touched
	down(t, name)
	down(t, name)
	if _, errs, code := run(t, nil, "exec", "--name", name, "true"); code != 1 || !strings.Contains(errs, "no cluster "+name) {
		t.Errorf("exec after down: exit code %d: %s", code, errs)
	}
}

func TestExitCode(t *testing.T) {
	name := up(t, "--nodes", "3")
	for _, c := range []struct {
		what, command string
		code          int
		says          string
	}{
		{"good", "exit 0", 0, ""},
		{"all but the first fail", "test $COMMBENCH_RANK = 0 || exit $((10 - COMMBENCH_RANK))", 9, "process 2"},
		{"one is killed", "test $COMMBENCH_RANK != 1 || kill -KILL $$", 128 + 9, "process 1, in " + name + "1: exit code 137"},
		{"one leaves a process", "test $COMMBENCH_RANK = 0 || sleep infinity & exit 4", 4, "process 0"},
	} {
		out, errs, code := run(t, nil, "exec", "--name", name, "--", "sh", "-c", "echo out; "+c.command)
		if code != c.code || !strings.Contains(errs, c.says) || c.says == "" && errs != "" || out != strings.Repeat("out\n", 3) {
			t.Errorf("%s: exit code %d, want %d: %q, %s", c.what, code, c.code, out, errs)
		}
	}
	if _, errs, code := run(t, nil, "exec", "--name", name, "no-such-command"); code == 0 || !strings.Contains(errs, "no-such-command") {
		t.Errorf("no such command: exit code %d: %s", code, errs)
	}
	down(t, name)
}

func TestCommandLine(t *testing.T) {
	newName(t)
	for _, args := range []string{
		"", "restart", "up --nodes 0", "up --nodes 255", "up --nodes 08", "up --nodes", "up --nodes x[$(exit)]", "up --rate 5", "up --rate 0mbit", "up --rate 1.5gbit",
		"up --rate 99999999gbit", "up --mtu 100", "up --mtu 65536", "up extra", "down --nodes 4", "list --name cb", "exec", "exec --", "exec --nodes 4 true",
		"up --name cb1", "down --name ../cb", "up --name -cb", "down --name cb*", "list extra",
	} {
		if _, errs, code := run(t, nil, strings.Fields(args)...); code != 2 || errs == "" {
			t.Errorf("%q: exit code %d, want 2: %s", args, code, errs)
		}
	}
	if out, _, code := run(t, nil, "--help"); code != 0 || !strings.Contains(out, "usage") {
		t.Errorf("--help: exit code %d: %s", code, out)
	}
}
