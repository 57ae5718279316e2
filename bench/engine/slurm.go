package engine

import (
	"fmt"
	"hash/fnv"
	"strconv"
)

// Steps from here on are Slurm's own: the batch script, an interactive shell,
// processes adopted from outside. What runs there is no task among many.
const specialSteps = 4294967280

// slurm is a task of a step that srun has started. A batch script has nearly all
// of these variables as well, but no SLURM_STEP_ID.
var slurm = engine{
	name: "slurm",
	here: func(v *variables) bool {
		step := v.get("SLURM_STEP_ID")
		return step != "" && !isSpecial(step)
	},
	find: func(v *variables) (found, error) {
		step := v.see("SLURM_STEP_ID")
		if step == "" || isSpecial(step) {
			return found{}, fmt.Errorf("%s: this process is not a task of a step; start it with srun", v.say("SLURM_STEP_ID"))
		}
		if _, err := strconv.ParseUint(step, 10, 32); err != nil {
			return found{}, fmt.Errorf("%s: expected a step's number", v.say("SLURM_STEP_ID"))
		}
		job := v.see("SLURM_JOB_ID")
		if _, err := strconv.ParseUint(job, 10, 64); err != nil {
			return found{}, fmt.Errorf("%s: expected a job's number", v.say("SLURM_JOB_ID"))
		}
		// In a step of one task for each node SLURM_NTASKS may be the job's: mpirun's daemons are such a step.
		size := "SLURM_STEP_NUM_TASKS"
		if v.get(size) == "" {
			size = "SLURM_NTASKS"
		}
		p, err := v.place("slurm", "SLURM_PROCID", size)
		if err != nil {
			return found{}, err
		}
		if err := slurmLocals(v, &p); err != nil {
			return found{}, err
		}
		list := "SLURM_STEP_NODELIST"
		if v.get(list) == "" {
			list = "SLURM_JOB_NODELIST"
		}
		hosts, err := expand(v.see(list))
		switch {
		case err != nil:
			return found{Place: p, lack: fmt.Errorf("%s: %w", v.say(list), err)}, nil
		case len(hosts) == 1:
			p.SameHost = true
			p.Key = key("slurm", v.get("SLURM_CLUSTER_NAME"), job, step, v.get("SLURM_RESTART_COUNT"))
			return found{Place: p}, nil
		}
		p.Rendezvous, err = address(hosts[0], slurmPort(job, step))
		return found{Place: p, lack: err}, nil
	},
}

func isSpecial(step string) bool {
	n, err := strconv.ParseUint(step, 10, 32)
	return err == nil && n >= specialSteps
}

// slurmPort is the port of a step: see the package comment.
func slurmPort(job, step string) int {
	h := fnv.New32a()
	h.Write([]byte(job + "." + step))
	return 20000 + int(h.Sum32()%20000)
}

// slurmLocals reads the place among the tasks of this node.
func slurmLocals(v *variables, p *Place) error {
	if v.see("SLURM_NODEID") == "" || v.see("SLURM_STEP_TASKS_PER_NODE") == "" {
		return v.locals(p, "SLURM_LOCALID", "")
	}
	node, err := v.number("SLURM_NODEID", 0, p.Processes-1) // each node of a step has a task
	if err != nil {
		return err
	}
	p.Locals, err = tasksOn(v.get("SLURM_STEP_TASKS_PER_NODE"), node)
	if err != nil {
		return fmt.Errorf("%s: %w", v.say("SLURM_STEP_TASKS_PER_NODE"), err)
	}
	return v.locals(p, "SLURM_LOCALID", "SLURM_STEP_TASKS_PER_NODE")
}
