package engine_test

import (
	"fmt"
	"os"

	"github.com/commbench/commbench/bench/engine"
)

// A task of srun -N 3, as Slurm describes it. A program passes os.Getenv.
func Example() {
	env := map[string]string{
		"SLURM_JOB_ID": "1234", "SLURM_STEP_ID": "0",
		"SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "6", "SLURM_LOCALID": "1",
		"SLURM_NODEID": "2", "SLURM_STEP_TASKS_PER_NODE": "2(x3)",
		"SLURM_STEP_NODELIST": "gpu[07-08],spare",
	}
	getenv := func(name string) string { return env[name] }
	p, err := engine.Find(engine.Flags{}, getenv, os.Hostname)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: process %d of %d, local %d of %d\n", p.Engine, p.Process, p.Processes, p.Local, p.Locals)
	fmt.Println("meets the others at", p.Rendezvous)
	// Output:
	// slurm: process 5 of 6, local 1 of 2
	// meets the others at gpu07:24347
}
