package engine

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parse reads a sample; later lines beat earlier ones, so that a case can add to one.
func parse(samples ...string) map[string]string {
	env := map[string]string{}
	for _, s := range samples {
		for line := range strings.Lines(s) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
				env[name] = value
			}
		}
	}
	return env
}

func named(name string) func() (string, error) {
	return func() (string, error) { return name, nil }
}

func in(f Flags, host string, samples ...string) (Place, error) {
	env := parse(samples...)
	if env["HOST"] != "" { // for the tables: this host's name
		host = env["HOST"]
	}
	return Find(f, func(name string) string { return env[name] }, named(host))
}

// openFD is a descriptor such as mpiexec leaves in its processes.
func openFD(t *testing.T) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	if _, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", r.Fd())); err != nil {
		t.Skipf("MPICH's job is known by a link that this system has not: %v", err)
	}
	return fmt.Sprintf("HYDI_CONTROL_FD=%d", r.Fd())
}

func TestFind(t *testing.T) {
	single := Place{Engine: "none", Processes: 1, Locals: 1, SameHost: true}
	for _, test := range []struct {
		name  string
		flags Flags
		env   string
		want  Place // a Key of "*" is any, "" is none
	}{
		{"nothing", Flags{}, "", single},
		{"engine none", Flags{Engine: "none"}, srunOneNode + mpirunInSlurm + "\nCOMMBENCH_RANK=7", single},
		{"flags", Flags{Rank: new(2), World: new(3), Rendezvous: "gpu01:29500"}, "",
			Place{Engine: "flags", Process: 2, Processes: 3, Local: -1, Rendezvous: "gpu01:29500"}},
		{"flags beat an engine", Flags{Rank: new(0), World: new(2), Rendezvous: "[fe80::1%eth0]:1"}, srunTwoNodes,
			Place{Engine: "flags", Process: 0, Processes: 2, Local: -1, Rendezvous: "[fe80::1%eth0]:1"}},
		{"flags of one process", Flags{Rank: new(0), World: new(1)}, srunTwoNodes,
			Place{Engine: "flags", Processes: 1, Locals: 1, SameHost: true}},
		{"a loopback address is on this host", Flags{Rank: new(1), World: new(2), Rendezvous: "127.0.0.9:65535"}, "",
			Place{Engine: "flags", Process: 1, Processes: 2, Local: 1, Locals: 2, Rendezvous: "127.0.0.9:65535", SameHost: true}},
		{"variables", Flags{}, "COMMBENCH_RANK=1\nCOMMBENCH_WORLD=2\nCOMMBENCH_RENDEZVOUS=[::1]:80\n" + srunTwoNodes,
			Place{Engine: "flags", Process: 1, Processes: 2, Local: 1, Locals: 2, Rendezvous: "[::1]:80", SameHost: true}},
		{"flags beat variables", Flags{Rank: new(1), Rendezvous: "b:2"}, "COMMBENCH_RANK=9\nCOMMBENCH_WORLD=2\nCOMMBENCH_RENDEZVOUS=a:1",
			Place{Engine: "flags", Process: 1, Processes: 2, Local: -1, Rendezvous: "b:2"}},
		{"an engine by name beats variables", Flags{Engine: "slurm"}, "COMMBENCH_RANK=9\nCOMMBENCH_WORLD=10\n" + srunOneNode,
			Place{Engine: "slurm", Process: 3, Processes: 4, Local: 3, Locals: 4, Key: "*", SameHost: true}},

		{"srun, one node", Flags{}, srunOneNode,
			Place{Engine: "slurm", Process: 3, Processes: 4, Local: 3, Locals: 4, Key: "*", SameHost: true}},
		{"srun, two nodes", Flags{}, srunTwoNodes,
			Place{Engine: "slurm", Process: 3, Processes: 4, Local: 1, Locals: 2, Rendezvous: "gpu01:30466"}},
		{"srun, two nodes, one with more tasks", Flags{}, srunTwoNodes + "\nSLURM_STEP_TASKS_PER_NODE=3,1\nSLURM_LOCALID=0",
			Place{Engine: "slurm", Process: 3, Processes: 4, Local: 0, Locals: 1, Rendezvous: "gpu01:30466"}},
		{"srun without a node's number", Flags{}, srunTwoNodes + "\nSLURM_NODEID=",
			Place{Engine: "slurm", Process: 3, Processes: 4, Local: 1, Rendezvous: "gpu01:30466"}},
		{"srun, an address of one's own", Flags{Rendezvous: "10.0.0.1:7"}, srunTwoNodes + "\nSLURM_STEP_NODELIST=damaged[",
			Place{Engine: "slurm", Process: 3, Processes: 4, Local: 1, Locals: 2, Rendezvous: "10.0.0.1:7"}},
		{"srun, two nodes that are this host", Flags{}, srunTwoNodes + "\nCOMMBENCH_RENDEZVOUS=127.0.0.1:7",
			Place{Engine: "slurm", Process: 3, Processes: 4, Local: 3, Locals: 4, Rendezvous: "127.0.0.1:7", SameHost: true}},
		{"srun, a node of two", Flags{}, srunPartOfJob,
			Place{Engine: "slurm", Process: 1, Processes: 2, Local: 1, Locals: 2, Key: "*", SameHost: true}},
		{"srun, one task", Flags{}, srunOneNode + "\nSLURM_STEP_NUM_TASKS=1\nSLURM_PROCID=0\nSLURM_LOCALID=0\nSLURM_STEP_TASKS_PER_NODE=1",
			Place{Engine: "slurm", Process: 0, Processes: 1, Local: 0, Locals: 1, Key: "*", SameHost: true}},
		{"a batch script", Flags{}, batchScript, single},
		{"a batch script as a step", Flags{}, batchScript + "\nSLURM_STEP_ID=4294967291", single},
		{"an interactive step", Flags{}, srunOneNode + "\nSLURM_STEP_ID=4294967290", single},
		{"srun with PMI-2", Flags{}, srunPMI2,
			Place{Engine: "slurm", Process: 1, Processes: 2, Local: 1, Locals: 2, Key: "*", SameHost: true}},
		{"srun with PMIx", Flags{}, srunPMIx,
			Place{Engine: "slurm", Process: 1, Processes: 2, Local: 1, Locals: 2, Key: "*", SameHost: true}},
		{"srun of a script that sets some for torch", Flags{}, srunTwoNodes + "\nRANK=3\nWORLD_SIZE=4",
			Place{Engine: "slurm", Process: 3, Processes: 4, Local: 1, Locals: 2, Rendezvous: "gpu01:30466"}},

		{"mpirun, one host", Flags{}, mpirunOneHost,
			Place{Engine: "openmpi", Process: 1, Processes: 3, Local: 1, Locals: 3, Key: "*", SameHost: true}},
		{"mpirun, several hosts", Flags{Rendezvous: "gpu01:1"}, mpirunOneHost + "\nOMPI_COMM_WORLD_LOCAL_SIZE=2",
			Place{Engine: "openmpi", Process: 1, Processes: 3, Local: 1, Locals: 2, Rendezvous: "gpu01:1"}},
		{"mpirun, several hosts, and torch's address", Flags{}, mpirunOneHost + "\nOMPI_COMM_WORLD_LOCAL_SIZE=2\nRANK=1\nWORLD_SIZE=3\nMASTER_ADDR=gpu07\nMASTER_PORT=5",
			Place{Engine: "torchrun", Process: 1, Processes: 3, Local: -1, Rendezvous: "gpu07:5"}},
		{"mpirun in a step of Slurm, by name", Flags{Engine: "openmpi", Rendezvous: "gpu01:1"}, mpirunInSlurm,
			Place{Engine: "openmpi", Process: 2, Processes: 4, Local: 0, Locals: 2, Rendezvous: "gpu01:1"}},
		{"mpirun in a step of one task", Flags{}, mpirunOneHost + "\nSLURM_STEP_ID=0\nSLURM_JOB_ID=1\nSLURM_PROCID=0\nSLURM_STEP_NUM_TASKS=1\nSLURM_STEP_NODELIST=gpu01",
			Place{Engine: "openmpi", Process: 1, Processes: 3, Local: 1, Locals: 3, Key: "*", SameHost: true}},
		{"mpirun -n 1", Flags{}, "OMPI_COMM_WORLD_RANK=0\nOMPI_COMM_WORLD_SIZE=1",
			Place{Engine: "openmpi", Processes: 1, Locals: 1, SameHost: true}},

		{"mpiexec.hydra in a step of Slurm, by name", Flags{Engine: "mpich"}, hydraInSlurm + "\nCOMMBENCH_RENDEZVOUS=gpu01:1",
			Place{Engine: "mpich", Process: 3, Processes: 4, Local: 1, Locals: 2, Rendezvous: "gpu01:1"}},

		{"torchrun, two hosts: its own store listens", Flags{}, torchrunTwoHosts,
			Place{Engine: "torchrun", Process: 2, Processes: 4, Local: 0, Locals: 2, Rendezvous: "gpu01.example.net:29401"}},
		{"torchrun, two hosts, no store", Flags{}, torchrunTwoHosts + "\nTORCHELASTIC_USE_AGENT_STORE=False\nMASTER_PORT=65535",
			Place{Engine: "torchrun", Process: 2, Processes: 4, Local: 0, Locals: 2, Rendezvous: "gpu01.example.net:65535"}},
		{"torchrun, IPv6", Flags{}, torchrunTwoHosts + "\nMASTER_ADDR=fd00::1",
			Place{Engine: "torchrun", Process: 2, Processes: 4, Local: 0, Locals: 2, Rendezvous: "[fd00::1]:29401"}},
		{"torchrun, one host", Flags{}, torchrunOneHost,
			Place{Engine: "torchrun", Process: 1, Processes: 2, Local: 1, Locals: 2, Key: "*", SameHost: true}},
		{"torch's variables of one process", Flags{}, "RANK=0\nWORLD_SIZE=1",
			Place{Engine: "torchrun", Processes: 1, Locals: 1, SameHost: true}},

		{"a pod", Flags{}, indexedPod,
			Place{Engine: "kubernetes", Process: 3, Processes: 4, Local: -1, Rendezvous: "nightly-a2a-0.commbench:29500"}},
		{"a pod without a subdomain", Flags{}, indexedPod + "\nCOMMBENCH_SUBDOMAIN=",
			Place{Engine: "kubernetes", Process: 3, Processes: 4, Local: -1, Rendezvous: "nightly-a2a-0:29500"}},
		{"the first pod, which its DNS may not know yet", Flags{}, indexedPod + "\nJOB_COMPLETION_INDEX=0\nHOST=nightly-0.commbench.default.svc",
			Place{Engine: "kubernetes", Process: 0, Processes: 4, Local: -1, Rendezvous: "nightly-0:29500"}},
		{"the first pod, told the same as others", Flags{}, indexedPod + "\nJOB_COMPLETION_INDEX=0\nHOST=nightly-0\nCOMMBENCH_RENDEZVOUS=nightly-0.commbench:3",
			Place{Engine: "kubernetes", Process: 0, Processes: 4, Local: -1, Rendezvous: "nightly-0:3"}},
		{"the first pod, told something else", Flags{}, indexedPod + "\nJOB_COMPLETION_INDEX=0\nHOST=nightly-0\nCOMMBENCH_RENDEZVOUS=nightly-01.commbench:3",
			Place{Engine: "kubernetes", Process: 0, Processes: 4, Local: -1, Rendezvous: "nightly-01.commbench:3"}},
		{"a pod that is told", Flags{World: new(5)}, indexedPod + "\nCOMMBENCH_RENDEZVOUS=x.y:3",
			Place{Engine: "kubernetes", Process: 3, Processes: 5, Local: -1, Rendezvous: "x.y:3"}},
		{"a pod by name", Flags{Engine: "kubernetes", World: new(4)}, indexedPod + srunOneNode,
			Place{Engine: "kubernetes", Process: 3, Processes: 4, Local: -1, Rendezvous: "nightly-a2a-0.commbench:29500"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := in(test.flags, "nightly-a2a-3.commbench.default.svc", test.env)
			if err != nil {
				t.Fatal(err)
			}
			if test.want.Key == "*" {
				if !regexp.MustCompile(`^[a-z0-9-]{10,64}$`).MatchString(got.Key) {
					t.Errorf("key %q is not fit for a file's name", got.Key)
				}
				got.Key = "*"
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

func TestHydra(t *testing.T) {
	p, err := in(Flags{}, "gpu01", hydraOneHost, openFD(t))
	if err != nil {
		t.Fatal(err)
	}
	want := Place{Engine: "mpich", Process: 1, Processes: 3, Local: 1, Locals: 3, Key: p.Key, SameHost: true}
	if diff := cmp.Diff(want, p); p.Key == "" || diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestNoHostName(t *testing.T) {
	env := parse(indexedPod)
	lost := errors.New("lost")
	_, err := Find(Flags{}, func(name string) string { return env[name] }, func() (string, error) { return "", lost })
	if !errors.Is(err, lost) {
		t.Error(err)
	}
}

// Processes of a job have one key, and other jobs have others.
func TestKeys(t *testing.T) {
	fd := openFD(t)
	for name, test := range map[string]struct{ sample, peer, other string }{
		"slurm":    {srunOneNode, "SLURM_PROCID=0\nSLURM_LOCALID=0\nSLURM_TASK_PID=1", "SLURM_STEP_ID=1"},
		"requeued": {srunOneNode, "SLURM_PROCID=1\nSLURM_LOCALID=1", "SLURM_RESTART_COUNT=1"},
		"openmpi":  {mpirunOneHost, "OMPI_COMM_WORLD_RANK=0\nOMPI_COMM_WORLD_LOCAL_RANK=0\nPMIX_RANK=0", "OMPI_MCA_orte_precondition_transports=0-1"},
		"mpich":    {hydraOneHost + "\n" + fd, "PMI_RANK=2\nMPI_LOCALRANKID=2\nPMI_FD=9", openFD(t)},
		"torchrun": {torchrunOneHost, "RANK=0\nLOCAL_RANK=0", "TORCHELASTIC_RESTART_COUNT=1"},
	} {
		var keys []string
		for _, more := range []string{"", test.peer, test.other} {
			p, err := in(Flags{}, "gpu01", test.sample, more)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			keys = append(keys, p.Key)
		}
		if keys[0] != keys[1] || keys[0] == keys[2] {
			t.Errorf("%s: keys %s of one process, %s of another, %s of another job", name, keys[0], keys[1], keys[2])
		}
	}
}

// Whatever the environment holds, Find returns a place that can be or an error.
func FuzzFind(f *testing.F) {
	for _, sample := range []string{srunTwoNodes, srunPMI2, mpirunInSlurm, hydraOneHost, torchrunTwoHosts, torchrunOneHost, indexedPod} {
		f.Add(sample, "")
	}
	f.Add("COMMBENCH_RANK=1\nCOMMBENCH_WORLD=2\nCOMMBENCH_RENDEZVOUS=[::1]:9", "flags")
	f.Fuzz(func(t *testing.T, env, engine string) {
		p, err := in(Flags{Engine: engine}, "pod-1", env)
		if err != nil {
			return
		}
		if p.Process < 0 || p.Process >= p.Processes || p.Processes > maxProcesses || p.Local < -1 || p.Locals > 0 && p.Local >= p.Locals {
			t.Errorf("%+v", p)
		}
		if p.Processes > 1 && p.Rendezvous == "" && (p.Key == "" || !p.SameHost) {
			t.Errorf("%+v: nobody finds process 0", p)
		}
		if _, _, err := splitAddress(p.Rendezvous); p.Rendezvous != "" && err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	})
}

// No engine reads a secret, so no error can show it.
func TestNoSecrets(t *testing.T) {
	env := parse(mpirunInSlurm, indexedPod)
	read := map[string]bool{}
	_, err := Find(Flags{}, func(name string) string { read[name] = true; return env[name] }, named("x"))
	if err == nil || len(read) < 5 {
		t.Fatalf("%v after %d variables", err, len(read))
	}
	for name := range maps.Keys(read) {
		if strings.Contains(name, "SECRET") {
			t.Errorf("%s was read", name)
		}
	}
}
