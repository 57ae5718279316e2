package main

import (
	"net"
	"strings"
	"testing"
)

// What cannot be a job is refused before anything is started or waited for.
func TestBadPlacesSayWhatWouldDo(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const set = "set COMMBENCH_SECRET to the same long random text in all processes"
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"--procs 3", exitUsage, "4 ranks in 3 processes: each must have as many; 2 or 4 processes would do"},
		{"--procs 8", exitUsage, "4 ranks in 8 processes: each must have one at least"},
		{"--procs 0", exitUsage, `--procs "0": want rank, node or a number from 1`},
		{"--procs -1", exitUsage, `--procs "-1": want`},
		{"--procs all", exitUsage, `--procs "all": want`},
		{"--procs 1000000000", exitUsage, "1000000000 processes: want at most 4096"},
		{"--procs 99999999999999999999", exitUsage, "want rank, node or a number from 1"},
		{"--procs rank --nodes 100000", exitUsage, "200000 processes: want at most 4096"},
		{"--procs rank --nodes -1", exitUsage, "at least 1"},
		{"--procs 2 --rank 1", exitUsage, "--procs starts the processes, and --rank, --world and --rendezvous say that others have"},
		{"--procs 2 --world 2", exitUsage, "want one of the two"},
		{"--procs 2 --rendezvous 127.0.0.1:1", exitUsage, "want one of the two"},
		{"--procs 2 --transport carrier-pigeon", exitUsage, `--transport "carrier-pigeon": want mem, shm or tcp`},
		{"--procs 2 --bind 192.0.2.1", exitUsage, "--bind 192.0.2.1: "},
		{"--bind 0.0.0.0", exitUsage, "--bind 0.0.0.0: not an IP address of one interface"},
		{"--bind localhost", exitUsage, "not an IP address of one interface"},
		{"--interface nosuch0", exitUsage, `--interface "nosuch0": `},
		{"--interface lo --bind 127.0.0.1", exitUsage, "--bind and --interface: want one of the two"},
		{"--tcp-streams 0", exitUsage, "--tcp-streams 0: want at least 1"},
		{"--tcp-buffer -1", exitUsage, "--tcp-buffer -1: want at least 1"},
		{"--world 2", exitUsage, "--rank or COMMBENCH_RANK is missing"},
		{"--rank 1", exitUsage, "--world or COMMBENCH_WORLD is not set"},
		{"--rank 2 --world 2 --rendezvous 127.0.0.1:1", exitUsage, "expected a process from 0 to 1"},
		{"--rank 0 --world 2", exitUsage, "say it with --rendezvous"},
		{"--rank 0 --world 2 --rendezvous nowhere", exitUsage, "expected host:port"},
		{"--rank 0 --world 3 --rendezvous 127.0.0.1:1", exitUsage, "4 ranks in 3 processes"},
		{"--rank 0 --world 8 --rendezvous 127.0.0.1:1", exitUsage, "4 ranks in 8 processes"},
		{"--rank 0 --world 2 --rendezvous 192.0.2.1:1", exitUsage, "a rendezvous at 192.0.2.1:1, which is not loopback, needs a secret: " + set},
		{"--rank 0 --world 2 --rendezvous 0.0.0.0:1", exitUsage, "needs a secret"},
		{"--engine slurm", exitUsage, "--engine slurm: "},
		{"--engine nosuch", exitUsage, "expected one of none, flags, slurm"},
		{"--fault sand", exitUsage, `--fault: fault "sand": `},
		{"--rank 0 --world 2 --rendezvous " + l.Addr().String(), exitFail, "process 0 cannot listen at " + l.Addr().String()},
		{"--rank 1 --world 2 --timeout 50ms --rendezvous 127.0.0.1:1", exitFail, "process 1 did not reach process 0 at 127.0.0.1:1 within 50ms"},
	} {
		args := append(append([]string{"dispatch"}, small...), strings.Fields(c.args)...)
		code, out, errs := commbench(t, args...)
		if code != c.code || out != "" || !strings.Contains(errs, c.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: exit %d, want %d and one line with %q\nstdout: %s\nstderr: %s", c.args, code, c.code, c.want, out, errs)
		}
	}
}

// A secret that was given is not printed, nor is an address taken for one that needs none.
func TestSecretsOfOtherAddresses(t *testing.T) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		ip, _, err := net.ParseCIDR(a.String())
		if err != nil || ip.IsLoopback() || ip.To4() == nil {
			continue
		}
		args := append([]string{"dispatch", "--rank", "0", "--world", "2", "--rendezvous", "127.0.0.1:1", "--bind", ip.String()}, small...)
		code, _, errs := commbench(t, args...)
		if want := "data connections of " + ip.String() + ", which is not loopback, need a secret"; code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("exit %d, want %d and %q: %s", code, exitUsage, want, errs)
		}
		t.Setenv("COMMBENCH_SECRET", strings.Repeat("hush", 1000))
		if code, _, errs = commbench(t, args...); code != exitUsage || !strings.Contains(errs, "a secret of 4000 bytes: at most 1024 will do") {
			t.Errorf("exit %d: %s", code, errs)
		}
		return
	}
	t.Skip("this host has no address but those of loopback")
}

// What an engine has started does not start a job in each of its processes, unless it is
// told to take no notice of the engine. A network is as a flag says, or else the variable.
func TestFlagsBeatVariables(t *testing.T) {
	run := func(want int, says string, args ...string) {
		t.Helper()
		code, _, errs := commbench(t, append(append([]string{"dispatch", "--transport", "tcp"}, small...), args...)...)
		if code != want || !strings.Contains(errs, says) {
			t.Errorf("%v: exit %d, want %d and %q: %s", args, code, want, says, errs)
		}
	}
	t.Setenv("COMMBENCH_BIND", "192.0.2.1")
	run(exitUsage, "--bind 192.0.2.1: ")
	run(exitGood, "", "--bind", "127.0.0.1")
	run(exitGood, "", "--interface", loopbackInterface(t))
	t.Setenv("COMMBENCH_BIND", "")
	t.Setenv("OMPI_COMM_WORLD_RANK", "1")
	t.Setenv("OMPI_COMM_WORLD_SIZE", "2")
	run(exitUsage, "--procs 2 starts processes, but engine: openmpi: ", "--procs", "2") // on several hosts, for all that is known
	t.Setenv("OMPI_COMM_WORLD_LOCAL_RANK", "1")
	t.Setenv("OMPI_COMM_WORLD_LOCAL_SIZE", "2")
	t.Setenv("PMIX_NAMESPACE", "1")
	run(exitUsage, "--procs 2 starts processes, and openmpi says that this is process 1 of 2: leave --procs out, or give --engine none", "--procs", "2")
	run(exitUsage, "--engine slurm: SLURM_STEP_ID", "--procs", "2", "--engine", "slurm")
	run(exitGood, "", "--engine", "none")
	t.Setenv("OMPI_COMM_WORLD_RANK", "0")
	t.Setenv("OMPI_COMM_WORLD_LOCAL_RANK", "0")
	t.Setenv("OMPI_COMM_WORLD_LOCAL_SIZE", "1")
	t.Setenv("OMPI_COMM_WORLD_SIZE", "1")
	run(exitUsage, "4 ranks in 3 processes", "--procs", "3") // nothing but the number is wrong
}

func loopbackInterface(t *testing.T) string {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if addrs, err := i.Addrs(); err == nil && len(addrs) > 0 && i.Flags&net.FlagLoopback != 0 {
			return i.Name
		}
	}
	t.Fatal("no loopback interface has an address")
	return ""
}

// Commands that are of one process do not ask where it is.
func TestOtherCommandsAreOfOneProcess(t *testing.T) {
	for name, value := range map[string]string{"COMMBENCH_RANK": "1", "COMMBENCH_WORLD": "2", "COMMBENCH_RENDEZVOUS": "127.0.0.1:1",
		"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2", "COMMBENCH_BIND": "192.0.2.1"} {
		t.Setenv(name, value)
	}
	for _, args := range [][]string{
		append([]string{"plan", "--traffic-matrix"}, both...),
		append([]string{"sm", "--measured", "--workers", "1"}, small...),
		{"limits", "--workers", "1", "--quick", "--repeats", "1", "--duration", "100us"},
	} {
		if args[0] == "limits" && testing.Short() {
			continue
		}
		if code, out, errs := commbench(t, args...); code != exitGood || out == "" || errs != "" {
			t.Errorf("%v: exit %d: %s", args, code, errs)
		}
		if code, _, errs := commbench(t, append(args, "--procs", "2")...); code != exitUsage || !strings.Contains(errs, "-procs; see commbench "+args[0]+" --help") {
			t.Errorf("%v --procs 2: exit %d: %s", args, code, errs)
		}
	}
}
