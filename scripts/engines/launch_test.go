package engines

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

const processes = 4

// dispatch is what commbench is asked for: small, every byte checked.
var dispatch = strings.Fields("dispatch --nodes 2 --gpus-per-node 2 --experts 16 --tokens 64 --hidden 256 --topk 4" +
	" --iters 2 --check all --scale-up shm --scale-out tcp --format json")

// launcher is how an engine starts a job of four processes on this machine.
type launcher struct {
	name, engine string
	env          []string
	argv         []string // before the program
	address      string   // of process 0, where the engine does not lead to it
}

func launchers(t *testing.T) []launcher {
	return []launcher{
		{name: "Open MPI", engine: "openmpi",
			env: []string{"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"},
			argv: strings.Fields("mpirun.openmpi --oversubscribe --bind-to none --mca mpi_yield_when_idle 1" +
				" --mca oob_tcp_if_include lo --mca btl_tcp_if_include lo -n 4")},
		{name: "MPICH", engine: "mpich", argv: strings.Fields("mpiexec.hydra -iface lo -n 4")},
		{name: "Slurm, one node", engine: "slurm", argv: strings.Fields("srun -N 1 -n 4")},
		{name: "Slurm, two nodes", engine: "slurm", argv: strings.Fields("srun -N 2 -n 4"), address: free(t)},
	}
}

// program is the commbench to be tested.
func program(t *testing.T) string {
	t.Helper()
	path := os.Getenv("COMMBENCH_ENGINES")
	if path == "" {
		t.Skip("scripts/test-engines runs this")
	}
	return path
}

// need skips a test whose tool is missing, but fails it in CI.
func need(t *testing.T, tool string) {
	t.Helper()
	_, err := exec.LookPath(tool)
	if slurm := tool == "srun" || tool == "sbatch"; err == nil && slurm && os.Getenv("SLURM_CONF") == "" {
		t.Fatal("SLURM_CONF is not set: run scripts/test-engines, which starts a Slurm")
	}
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatalf("%s is missing, and this is CI: scripts/need-engines must install it", tool)
	default:
		t.Skipf("%s is missing: scripts/need-engines installs it", tool)
	}
}

// free is an address on loopback that nobody listens at.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// run returns the standard output of a command that must succeed in two minutes.
func run(t *testing.T, env []string, argv ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	// An engine that is asked to stop ends its processes; one that is killed may not.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	cmd.Env = append(clean(os.Environ()), env...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(argv, " "), err, out, errs.String())
	}
	return out
}

// clean leaves out what would make the engine's processes part of another job.
func clean(env []string) []string {
	var kept []string
	for _, e := range env {
		switch name, _, _ := strings.Cut(e, "="); {
		case name == "SLURM_CONF":
			kept = append(kept, e)
		case strings.HasPrefix(name, "SLURM_"), strings.HasPrefix(name, "OMPI_"), strings.HasPrefix(name, "PMI"), strings.HasPrefix(name, "COMMBENCH"):
		default:
			kept = append(kept, e)
		}
	}
	return kept
}
